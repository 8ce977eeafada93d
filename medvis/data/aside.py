"""Writing aside and renaming: a reader sees the old thing or the new one, never half of one."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Lend a name beside a file; when the block ends well, what was written there takes the file's place.

    The bytes are on disk before the rename and the rename is on disk before this returns. If the block
    raises, what was written is removed and the old file stays. Parents are made. The lent name ends in
    ".tmp" and holds the writer's process id, so that what a killed writer left can be told apart.

    >>> with writing(Path("run.json")) as aside:  # doctest: +SKIP
    ...     aside.write_text("{}")

    Raises:
        FileNotFoundError: If the block wrote nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _beside(path)
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Lend an empty folder beside a new one; when the block ends well, it takes the new one's name.

    Everything in it is on disk before the rename. If the block raises, it is removed.

    Raises:
        FileExistsError: If there is something at `path` already: a folder cannot be replaced in one step.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _beside(path)
    aside.mkdir()
    try:
        yield aside
        for below, _, files in os.walk(aside):
            for name in files:
                _sync(Path(below, name))
            _sync(Path(below))
        if path.exists():
            raise FileExistsError(f"{path} was made by somebody else meanwhile")
        aside.rename(path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    _sync(path.parent)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder; its rename is journalled
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
