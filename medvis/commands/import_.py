"""Reads a dataset's films and reports into a cohort."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from medvis.errors import BadSource


def main(words: list[str]) -> int:
    """Import PATH by the named source; prints the health of the cohort it made."""
    from medvis.data import cohort, places, sources

    if not words or words[0].startswith("-"):
        known = "".join(f"  {name:<14}{sources.find(name).summary}\n" for name in sources.names())
        sys.stdout.write(f"usage: medvis import SOURCE PATH --to COHORT [options of the source]\n\n{known}")
        return 0 if words else 2
    source = sources.find(words[0])
    options = tyro.cli(_line(source), args=words[1:], prog=f"medvis import {source.name}")
    path = options.path.expanduser()
    if not path.exists():
        raise BadSource(f"{path} does not exist.", remedy="Give the folder, table or archive of the dataset.")
    made = cohort.create(
        places.new_cohort(options.to),
        source.read(path, options.source),
        name=Path(options.to).name,
        source=source.name,
        about={"summary": source.summary},
    )
    sys.stdout.write(f"{made.path}\n{made.health()}\n")
    return 0


def _line(source: Any) -> type[Any]:  # noqa: ANN401  the dataclass of a command line made for one source
    """Return the command line of one source: where from, where to, and the source's own options."""
    flat = Annotated[source.options, tyro.conf.arg(name="")]
    return dataclasses.make_dataclass(
        "Import",
        [
            (
                "path",
                Annotated[
                    tyro.conf.Positional[Path], tyro.conf.arg(help="Folder, table or archive to read.")
                ],
            ),
            ("to", Annotated[str, tyro.conf.arg(help="Name of the cohort (or a path with a /).")]),
            ("source", flat, dataclasses.field(default_factory=source.options)),
        ],
        frozen=True,
        namespace={"__doc__": source.summary},
    )
