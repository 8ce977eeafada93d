"""Measures a run on a cohort: retrieval, zero-shot, encapsulation, spread; with chance lines."""

import json
import sys
from dataclasses import dataclass

import tyro


@dataclass(frozen=True)
class Evaluate:
    """Measure a run on one split, with intervals by patient and the chance line beside every score."""

    run: tyro.conf.Positional[str]
    """Name, id prefix or folder of the run."""
    cohort: str = ""
    """Name or folder of the cohort; the one it was trained on if empty."""
    split: str = "test"
    """Split to measure: train, val, test or all."""
    json: bool = False
    """Print the whole result as JSON."""


def main(words: list[str]) -> int:
    """Evaluate, print the figures; they are also kept beside the store as metrics.json."""
    options = tyro.cli(Evaluate, args=words, prog="medvis evaluate")
    from medvis.data import cohort, places
    from medvis.store import runs
    from train import evaluate

    run = runs.Run.open(places.run_folder(options.run))
    studies = cohort.Cohort.open(places.cohort_folder(options.cohort or run.record.cohort_name))
    found = evaluate.evaluate(run, studies, split=options.split)
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if options.json else evaluate.summary(found))
    return 0
