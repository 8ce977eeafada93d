"""What the gate lets through of a DICOM header, and how its fields are read; runs in the worker.

A field may be absent, empty, of another type or nonsense: reading one gives a default, nothing or a verdict.
"""

import math
from dataclasses import dataclass

from pydicom import Dataset

from medvis.data.levels import DIRECTIONS
from medvis.data.picture import Notes, check_size
from medvis.data.verdict import Refused

_VIEWS = {"PA": "PA", "AP": "AP", "LL": "LATERAL", "RL": "LATERAL", "LAT": "LATERAL", "LATERAL": "LATERAL"}


@dataclass(frozen=True)
class Header:
    """What the gate let through.

    Attributes:
        fields: The allowed elements, pixels included.
        syntax: Transfer syntax UID.
        rows: Height in pixels.
        columns: Width in pixels.
        frames: How many pictures there are.
        allocated: Bits of a stored cell, 8 or 16.
        stored: Bits of it that count.
        high: Number of the highest bit that counts.
        signed: Whether values are two's complement.
        photometric: "MONOCHROME1", "MONOCHROME2" or a colour space.
        notes: As in Levels.
    """

    fields: Dataset
    syntax: str
    rows: int
    columns: int
    frames: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    notes: Notes

    @property
    def lowest(self) -> int:
        """Smallest value that can be stored."""
        return -(1 << (self.stored - 1)) if self.signed else 0


def view(fields: Dataset, notes: Notes) -> str:
    """Return "PA", "AP", "LATERAL" or "" if the header does not say."""
    if found := _VIEWS.get(word(fields, "ViewPosition")):
        return found
    position = word(fields, "PatientPosition")  # where some archives put it
    if position in ("PA", "AP"):
        notes.append(("position", {}))
        return position
    return ""


def orientation(fields: Dataset, notes: Notes) -> tuple[str, str] | None:
    """Return the patient directions of a row and of a column."""
    try:
        row, column = (str(part).strip().upper() for part in fields.get("PatientOrientation") or ())
    except (TypeError, ValueError):
        return None
    if row not in DIRECTIONS or column not in DIRECTIONS:
        return None
    if row.startswith("R"):
        notes.append(("right-first", {}))
    return row, column


def spacing(fields: Dataset) -> tuple[float, float] | None:
    """Return detector spacing in mm; a calibrated PixelSpacing alone does not say what it measures."""
    found = _pair(fields, "ImagerPixelSpacing")
    return found if found and all(0.01 <= length <= 5 for length in found) else None


def aspect(fields: Dataset, rows: int, columns: int, notes: Notes) -> float:
    """Return height over width of a pixel, 1.0 if it is square to one percent or implausible."""
    pairs = (_pair(fields, name) for name in ("ImagerPixelSpacing", "PixelSpacing", "PixelAspectRatio"))
    height, width = next((pair for pair in pairs if pair), (1.0, 1.0))
    ratio = height / width
    if abs(ratio - 1) < 0.01:
        return 1.0
    if not 0.2 <= ratio <= 5:
        notes.append(("odd-aspect", {}))
        return 1.0
    check_size(round(rows * max(ratio, 1)), round(columns * max(1 / ratio, 1)))
    notes.append(("resampled", {}))
    return ratio


def word(fields: Dataset, keyword: str) -> str:
    """Return the first code word of an element in capitals, "" without one."""
    value = fields.get(keyword)
    first = value if isinstance(value, str) or not hasattr(value, "__getitem__") else next(iter(value), "")
    return str(first or "").strip().upper()


def numbers(fields: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the finite numbers of an element; none if any part of it is not a number."""
    value = fields.get(keyword)
    if value is None or value == "" or isinstance(value, bytes):
        return ()
    try:
        found = tuple(float(part) for part in (value if hasattr(value, "__iter__") else (value,)))
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(map(math.isfinite, found)) else ()


def needed(fields: Dataset, keyword: str) -> int:
    """Return a whole number that the header must have."""
    if fields.get(keyword) in (None, "", b""):
        raise Refused("missing-field", field=keyword)
    return whole(fields, keyword, 0)


def whole(fields: Dataset, keyword: str, default: int) -> int:
    """Return a whole number of the header, the default if the element is absent or empty."""
    if fields.get(keyword) in (None, "", b""):
        return default
    found = numbers(fields, keyword)
    if len(found) != 1 or found[0] != int(found[0]):
        raise Refused("damaged")
    return int(found[0])


def _pair(fields: Dataset, keyword: str) -> tuple[float, float] | None:
    found = numbers(fields, keyword)
    return (found[0], found[1]) if len(found) == 2 and min(found) > 0 else None
