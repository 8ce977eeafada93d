"""Datasets that a cohort can be read from, one a file: a file put here is found."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from medvis.errors import BadSource, NotFound
from medvis.types import Radiograph, Study

Reading = Iterator[tuple[Study, tuple[Path | Radiograph, ...]]]


@dataclass(frozen=True)
class Source:
    """A dataset layout that this house can read.

    Attributes:
        name: As the command line and a cohort's record call it; the name of its file.
        summary: What it is, in one line.
        options: Frozen dataclass of its options; each has a default.
        read: Takes a path and options, yields each study with the files of its films in the order of
            `Study.films`; those Films know what the dataset says (view, licence, credit, regions in pixels
            of the file), the rest is filled in when the film was read. Reports are as `report.flow` or
            `report.sections` gives them, a line a paragraph or item. A side "" is not known. Raises
            BadSource if the path does not have the layout.
    """

    name: str
    summary: str
    options: type[Any]
    read: Callable[[Path, Any], Reading]


def names() -> list[str]:
    """Return the names of all sources."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def find(name: str) -> Source:
    """Return a source by its name.

    >>> find("table").name
    'table'

    Raises:
        NotFound: If there is none; the remedy lists them.
    """
    if name not in names():
        raise NotFound(f"There is no source {name!r}.", remedy=f"Known sources: {', '.join(names())}.")
    source: Source = importlib.import_module(f"{__name__}.{name}").SOURCE
    return source


def below(folder: Path, name: str, where: str) -> Path:
    """Return the path of a file that a dataset names, which must lie below its folder.

    Args:
        folder: The dataset's folder.
        name: As the dataset writes it, with slashes.
        where: For the message, such as "row 12".

    Raises:
        BadSource: If the name is absolute or climbs out of the folder.
    """
    parts = PurePosixPath(name.strip().replace("\\", "/"))
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        raise BadSource(
            f"{where} names a file outside the folder.",
            remedy="Write paths relative to the folder of the films.",
        )
    return folder / parts
