"""Lists the cohorts with their counts, licences and health."""

import json
import sys
from dataclasses import asdict, dataclass

import tyro

from medvis.commands import show
from medvis.errors import MedvisError


@dataclass(frozen=True)
class Cohorts:
    """List the cohorts; with a name, print that cohort's health report."""

    name: tyro.conf.Positional[str] = ""
    """Name or folder of one cohort."""
    json: bool = False
    """Print JSON instead of lines."""


def main(words: list[str]) -> int:
    """Print one line a cohort, or one cohort's health."""
    from medvis.data import cohort, places

    options = tyro.cli(Cohorts, args=words, prog="medvis cohorts")
    if options.name:
        health = cohort.Cohort.open(places.cohort_folder(options.name)).health()
        sys.stdout.write(f"{json.dumps(asdict(health), indent=2) if options.json else health}\n")
        return 0
    found: list[dict[str, object]] = []
    for folder in places.cohorts():
        try:
            opened = cohort.Cohort.open(folder)
        except MedvisError as error:
            found.append({"name": folder.name, "problem": str(error)})
            continue
        studies = opened.studies()
        films = sum(len(study.films) for study in studies)
        reports = sum(study.report is not None for study in studies)
        found.append(
            {
                "name": folder.name,
                "hash": opened.hash[:8],
                "source": opened.source,
                "studies": len(studies),
                "films": films,
                "reports": reports,
            }
        )
    show.rows(found, as_json=options.json, empty="No cohorts yet: `medvis import SOURCE PATH --to NAME`.")
    return 0
