"""Lists the trained runs with their ids, methods and stores."""

from dataclasses import dataclass

import tyro

from medvis.commands import show
from medvis.errors import MedvisError


@dataclass(frozen=True)
class Runs:
    """List the trained runs; a run that cannot be opened is listed with its cause."""

    json: bool = False
    """Print a JSON list instead of lines."""


def main(words: list[str]) -> int:
    """Print one line a run: name, id, method, cohort, steps, stores."""
    from medvis.data import places
    from medvis.store import runs

    options = tyro.cli(Runs, args=words, prog="medvis runs")
    rows: list[dict[str, object]] = []
    for folder in places.runs():
        try:
            run = runs.Run.open(folder)
        except MedvisError as error:
            rows.append({"name": folder.name, "problem": str(error)})
            continue
        stores = sorted(path.parent.name for path in folder.glob("stores/*/manifest.json"))
        rows.append(
            {
                "name": folder.name,
                "id": run.id[:8],
                "method": run.record.method,
                "cohort": run.record.cohort_name,
                "steps": run.record.steps,
                "stores": [name[:8] for name in stores],
            }
        )
    show.rows(rows, as_json=options.json, empty="No runs yet: `medvis train hyden --cohort NAME --to NAME`.")
    return 0
