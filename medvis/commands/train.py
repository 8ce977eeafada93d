"""Trains a method on a cohort; resumes where it was stopped."""

import sys

import tyro


def main(words: list[str]) -> int:
    """Train and print the run's folder and id."""
    from train.config import Train

    options = tyro.cli(Train, args=words, prog="medvis train")
    from train import loop

    run = loop.train(options)
    sys.stdout.write(f"{run.folder}\n{run.id}\n")
    return 0
