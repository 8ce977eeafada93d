"""DICOM to grey levels: the whole display chain as one table, every odd file a named refusal; in the worker.

Order: stored values, modality table or rescale, VOI table or else window, and last the inversion. Bone ends
up bright.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi

from medvis.data import codecs, gate
from medvis.data.header import Header, aspect, numbers, orientation, spacing, view, word
from medvis.data.levels import Levels
from medvis.data.picture import Notes
from medvis.data.verdict import Refused

ROBUST = (0.005, 0.995)  # share of pixels below the darkest and the brightest grey where no window is given
_SAMPLE = 1 << 19  # pixels that are enough to choose a range


def read(data: bytes | bytearray, *, frame: int | None = None) -> Levels:
    """Return the film of a DICOM object.

    Args:
        data: The whole file.
        frame: Which picture, from 1; needed if there are several.

    Raises:
        Refused: If it is none, or cannot be read.
    """
    header = gate.admit(data)
    notes = list(header.notes)
    values = codecs.levels(header, _chosen(header, frame, notes))
    if values.min() == values.max():
        raise Refused("constant")
    if header.stored <= 8:
        notes.append(("eight-bit", {}))
    if header.photometric[0] != "M":
        notes.append(("colour", {}))
    table = display(header, values, notes)
    return Levels(
        values,
        table,
        view(header.fields, notes),
        orientation(header.fields, notes),
        spacing(header.fields),
        aspect(header.fields, header.rows, header.columns, notes),
        tuple(notes),
    )


def decoders() -> dict[str, str]:
    """Return which library decodes each compression here, or the command that installs one."""
    return codecs.decoders()


def display(header: Header, values: UInt[np.ndarray, "h w"], notes: Notes) -> Float[np.ndarray, " n"]:
    """Return the grey in [0, 1] of every value that can be stored.

    Args:
        header: What the gate let through.
        values: The film, counted from the smallest value; chooses a range where the header gives none.
        notes: What was done is appended.

    Raises:
        Refused: If the header's own tables are not numbers, or nothing but padding is there.
    """
    stored = np.arange(1 << header.stored, dtype=np.int32) + header.lowest
    padding = _padding(header.fields, stored)
    counts = _counts(values, len(stored))
    if counts[padding].any():
        notes.append(("padding", {}))
    counts[padding] = 0
    if np.count_nonzero(counts) < 2:
        raise Refused("constant")
    measured = np.asarray(apply_modality_lut(stored, header.fields), np.float64)
    if not np.isfinite(measured).all():
        raise Refused("damaged")
    grey = _voi(header.fields, measured, counts, notes)
    if grey is None:
        inner = _counts(_within_borders(values), len(stored))
        inner[padding] = 0
        grey = _percentiles(measured, inner if np.count_nonzero(inner) > 1 else counts)
    if _inverted(header, notes):
        grey = 1 - grey
    grey[padding] = 0
    return grey.astype(np.float32)


def windowed(
    measured: Float64[np.ndarray, " n"], centre: float, width: float, function: str
) -> Float64[np.ndarray, " n"]:
    """Return the grey of measured values through a window.

    Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    """
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (measured - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((measured - centre) / width + 0.5, 0, 1)
    return np.clip((measured - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5, 0, 1)


def _chosen(header: Header, frame: int | None, notes: Notes) -> int:
    """Return the picture to decode, counted from 0."""
    if frame is None:
        if header.frames > 1:
            raise Refused("several-frames", frames=header.frames)
        return 0
    if not 1 <= frame <= header.frames:
        raise Refused("no-such-frame", frame=frame, frames=header.frames)
    if header.frames > 1:
        notes.append(("frame", {"frame": frame, "frames": header.frames}))
    return frame - 1


def _voi(
    fields: Dataset, measured: Float64[np.ndarray, " n"], counts: Int[np.ndarray, " n"], notes: Notes
) -> Float64[np.ndarray, " n"] | None:
    """Return the grey that the header's table or window gives, or None if it has none that shows anything."""
    tables = fields.get("VOILUTSequence") or ()
    centres, widths = numbers(fields, "WindowCenter"), numbers(fields, "WindowWidth")
    if tables:
        grey, several, count = _table(fields, measured), "first-table", len(tables)
    elif centres and widths:
        function = word(fields, "VOILUTFunction") or "LINEAR"
        least = 1.0 if function == "LINEAR" else 1e-9
        grey = windowed(measured, centres[0], widths[0], function) if widths[0] >= least else None
        several, count = "first-window", len(centres)
    elif counts.size <= 256:  # an export: its values are display values already
        return _stretched(measured, measured.min(), measured.max())
    else:
        notes.append(("no-window", {}))
        return None
    if grey is None or np.ptp(grey[counts > 0]) < 1 / 64:
        notes.append(("bad-window", {}))
        return None
    if count > 1:
        notes.append((several, {"count": count}))
    return grey


def _table(fields: Dataset, measured: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"] | None:
    """Return the grey through the first VOI table, over the range of its bits."""
    entries, first, bits = (int(part) for part in fields.VOILUTSequence[0].LUTDescriptor)
    if not 8 <= bits <= 16 or entries < 0:
        return None
    whole = apply_voi(np.arange(first, first + (entries or 1 << 16), dtype=np.int32), fields)
    top, largest = float((1 << bits) - 1), float(whole.max())
    if 0 < largest <= top / 4:  # some writers claim 16 bits and use 12
        top = largest
    return np.asarray(apply_voi(np.rint(measured).astype(np.int32), fields), np.float64) / top


def _percentiles(
    measured: Float64[np.ndarray, " n"], counts: Int[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """Return the grey over the range that most pixels have."""
    order = np.argsort(measured, kind="stable")
    below = np.cumsum(counts[order])
    low, high = (measured[order[np.searchsorted(below, share * below[-1])]] for share in ROBUST)
    if low == high:
        low, high = measured[counts > 0].min(), measured[counts > 0].max()
    return _stretched(measured, low, high)


def _stretched(measured: Float64[np.ndarray, " n"], low: float, high: float) -> Float64[np.ndarray, " n"]:
    """Return the grey that shows `low` as black and `high` as white."""
    grey: Float64[np.ndarray, " n"] = np.clip((measured - low) / max(high - low, 1e-12), 0, 1)
    return grey


def _inverted(header: Header, notes: Notes) -> bool:
    """Return whether bright and dark are to be swapped: once, however often the header says so."""
    shape = word(header.fields, "PresentationLUTShape")
    negative = header.photometric == "MONOCHROME1"
    if negative and shape == "IDENTITY":
        notes.append(("inverted-alone", {}))
    elif negative or shape == "INVERSE":
        notes.append(("inverted", {}))
    return negative or shape == "INVERSE"


def _padding(fields: Dataset, stored: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Return which stored values are padding."""
    bounds = numbers(fields, "PixelPaddingValue")[:1]
    if not bounds:
        return np.zeros(len(stored), bool)
    bounds += numbers(fields, "PixelPaddingRangeLimit")[:1]
    return (stored >= min(bounds)) & (stored <= max(bounds))


def _counts(values: UInt[np.ndarray, "h w"], most: int) -> Int[np.ndarray, " n"]:
    """Return how often each value occurs, in a film too large for that in a regular sample of it."""
    step = max(1, math.isqrt(values.size // _SAMPLE))
    counts: Int[np.ndarray, " n"] = np.bincount(values[::step, ::step].ravel(), minlength=most)
    return counts


def _within_borders(values: UInt[np.ndarray, "h w"]) -> UInt[np.ndarray, "a b"]:
    """Return the film without rows and columns of one value at its sides, as a collimator leaves them."""
    least = [extent // 2 for extent in values.shape]
    for turn in range(8):  # two rounds: a border may lie behind another one
        side = np.rot90(values, turn)
        keep = 0
        while len(side) - keep > least[turn % 2] and _uniform(side[keep]):
            keep += 1
        values = np.rot90(side[keep:], -turn)
    return values


def _uniform(line: UInt[np.ndarray, " n"]) -> bool:
    return bool((line == line[len(line) // 2]).mean() > 0.95)
