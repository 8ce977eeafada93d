"""Places every film, report and sentence of a cohort and publishes the run's store."""

import sys
from dataclasses import dataclass

import tyro


@dataclass(frozen=True)
class Embed:
    """Write the store of a run for a cohort; readers of an older store are not disturbed."""

    run: tyro.conf.Positional[str]
    """Name, id prefix or folder of the run."""
    cohort: str = ""
    """Name or folder of the cohort; the one it was trained on if empty."""


def main(words: list[str]) -> int:
    """Embed and print the published file."""
    options = tyro.cli(Embed, args=words, prog="medvis embed")
    from medvis.data import cohort, places
    from medvis.store import runs
    from train import embed

    run = runs.Run.open(places.run_folder(options.run))
    studies = cohort.Cohort.open(places.cohort_folder(options.cohort or run.record.cohort_name))
    sys.stdout.write(f"{embed.embed(run, studies)}\n")
    return 0
