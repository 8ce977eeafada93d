"""A decoded film as stored values and the table that shows them: what a worker hands over.

A film of 8 or 16 bits has at most 65536 different values, so its whole display chain is one table. Values
and table travel instead of floats, and the table says exactly what was done to every value.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt

from medvis.data.verdict import note

VIEWS = frozenset({"PA", "AP", "LATERAL", ""})
_SIDES = ("L", "R", "A", "P", "H", "F")
DIRECTIONS = frozenset({*_SIDES, *(a + b for a in _SIDES for b in _SIDES)})


@dataclass(frozen=True)
class Levels:
    """One film, undisplayed.

    Attributes:
        values: Index into the table for each pixel.
        table: Grey in [0, 1] for each value, bone bright.
        view: As in Radiograph.
        orientation: As in Radiograph.
        spacing: As in Radiograph.
        aspect: Height of a pixel over its width.
        notes: Codes of `verdict.NOTES`, each with its facts.
    """

    values: UInt[np.ndarray, "h w"]
    table: Float32[np.ndarray, " n"]
    view: str = ""
    orientation: tuple[str, str] | None = None
    spacing: tuple[float, float] | None = None
    aspect: float = 1.0
    notes: tuple[tuple[str, dict[str, int | str]], ...] = field(default=())

    def words(self) -> tuple[str, ...]:
        """Return the notes in plain words."""
        return tuple(note(code, facts) for code, facts in self.notes)

    def pack(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Return them as a JSON-able head and the bytes that follow it."""
        head = {
            "shape": self.values.shape, "depth": self.values.itemsize, "entries": len(self.table),
            "view": self.view, "orientation": self.orientation, "spacing": self.spacing,
            "aspect": self.aspect, "notes": self.notes,
        }  # fmt: skip
        return head, [np.ascontiguousarray(part).data for part in (self.table, self.values)]


def unpack(head: dict[str, Any], payload: bytearray) -> Levels:
    """Return what `pack` packed.

    A worker that was taken over by its input may say anything, so all of it is checked.

    Raises:
        ValueError: If anything is not as `pack` makes it.
    """
    (height, width), depth, entries = head["shape"], head["depth"], head["entries"]
    if depth not in (1, 2) or len(payload) != entries * 4 + height * width * depth or height * width == 0:
        raise ValueError("sizes do not agree")
    table = np.frombuffer(payload, np.float32, entries)
    values = np.frombuffer(payload, f"u{depth}", offset=entries * 4).reshape(height, width)
    if not (np.isfinite(table).all() and table.min() >= 0 and table.max() <= 1 and values.max() < entries):
        raise ValueError("table does not fit")
    orientation = None if head["orientation"] is None else _pair(head["orientation"], DIRECTIONS)
    spacing = None if head["spacing"] is None else _lengths(head["spacing"])
    aspect = float(head["aspect"])
    if head["view"] not in VIEWS or not 0.2 <= aspect <= 5:
        raise ValueError("unknown words")
    notes = tuple((str(code), dict(facts)) for code, facts in head["notes"])
    levels = Levels(values, table, head["view"], orientation, spacing, aspect, notes)
    levels.words()  # raises on a note from outside of the closed list
    return levels


def _pair(found: Sequence[str], known: frozenset[str]) -> tuple[str, str]:
    first, second = found
    if first not in known or second not in known:
        raise ValueError("unknown words")
    return first, second


def _lengths(found: Sequence[float]) -> tuple[float, float]:
    row, column = (float(length) for length in found)
    if not (math.isfinite(row) and math.isfinite(column) and row > 0 and column > 0):
        raise ValueError("no lengths")
    return row, column
