"""Bundles a run with the towers it needs into one folder that opens elsewhere."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Export:
    """Copy a run, its towers and its stores into one folder; nothing of the films or reports goes with it."""

    run: tyro.conf.Positional[str]
    """Name, id prefix or folder of the run."""
    to: Path = Path()
    """Folder to write; ./RUN-ID by default."""


def main(words: list[str]) -> int:
    """Export and print the folder."""
    options = tyro.cli(Export, args=words, prog="medvis export")
    from medvis.data import places
    from medvis.store import runs

    run = runs.Run.open(places.run_folder(options.run))
    target = options.to if options.to != Path() else Path(f"{run.folder.name}-{run.id[:8]}")
    sys.stdout.write(f"{runs.export(run, target)}\n")
    return 0
