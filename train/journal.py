"""The log of a training: one JSON object a step, readable while it grows."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from medvis.data import aside


class Journal:
    """An open log; what was logged after the step that training goes on from is forgotten.

    Args:
        path: Its file.
        keep: Last step whose line stays.
    """

    def __init__(self, path: Path, *, keep: int) -> None:
        stay = [line for line in read(path) if line["step"] <= keep]
        with aside.writing(path) as file:
            file.write_text("".join(map(_line, stay)))
        self._file = path.open("a")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, values: dict[str, Any]) -> None:
        """Add a line; a reader sees it at once."""
        self._file.write(_line(values))
        self._file.flush()


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; a last line that was cut by a kill is left out, as is a log's absence."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
