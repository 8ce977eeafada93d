"""PNG and JPEG exports of films, told apart and checked by content; runs in the worker.

EXIF orientation is applied, mirroring included, because every viewer shows the file that way; a note says
so. Nothing else of a file's metadata is read.
"""

import io
import struct

import numpy as np
from jaxtyping import Float32, Integer, UInt
from PIL import ExifTags, Image, ImageOps

from medvis.data.levels import Levels
from medvis.data.verdict import Refused

MOST_PIXELS = 40_000_000
SIDES = range(16, 20_001)
Notes = list[tuple[str, dict[str, int | str]]]


def is_picture(data: bytes | bytearray) -> bool:
    """Return whether the first bytes are those of a PNG or a JPEG."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))


def check_size(rows: int, columns: int) -> None:
    """Refuse a size that no film has, before anything is allocated for it.

    Raises:
        Refused: If a side is outside of `SIDES` or there are more than `MOST_PIXELS`.
    """
    if rows not in SIDES or columns not in SIDES:
        raise Refused("bad-size", rows=rows, columns=columns)
    if rows * columns > MOST_PIXELS:
        raise Refused("too-many-pixels", millions=rows * columns // 1_000_000)


def read(data: bytes | bytearray) -> Levels:
    """Return an export as grey levels, upright.

    Raises:
        Refused: If it is too large, of one value, or damaged.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit comes first
    try:
        opened = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        check_size(opened.height, opened.width)
        notes: Notes = [("lossy", {})] if opened.format == "JPEG" else []
        if (frames := getattr(opened, "n_frames", 1)) > 1:
            notes.append(("frame", {"frame": 1, "frames": frames}))
        values, table = _grey(_upright(opened, notes), notes)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError):
        raise Refused("damaged") from None
    if values.min() == values.max():
        raise Refused("constant")
    return Levels(values, table, notes=tuple(notes))


def _upright(opened: Image.Image, notes: Notes) -> Image.Image:
    orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in (3, 6, 8):
        notes.append(("turned", {}))
    elif orientation in (2, 4, 5, 7):
        notes.append(("mirrored", {}))
    else:
        return opened
    return ImageOps.exif_transpose(opened)


def _grey(image: Image.Image, notes: Notes) -> tuple[UInt[np.ndarray, "h w"], Float32[np.ndarray, " n"]]:
    """Return grey levels and their table."""
    if image.mode.startswith("I"):
        return _sixteen(np.asarray(image), notes)
    notes.append(("eight-bit", {}))
    if image.mode in ("LA", "PA", "RGBA", "La") or "transparency" in image.info:
        whole = image.convert("RGBA")
        if np.asarray(whole)[..., 3].min() < 255:
            notes.append(("alpha", {}))
        black = Image.new("RGBA", whole.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, whole).convert("RGB")
    if image.mode not in ("L", "1"):
        bands = np.asarray(image.convert("RGB"))
        if int(np.ptp(bands, axis=-1).max()) > 8:  # chroma of a grey JPEG stays below
            notes.append(("colour", {}))
            return np.asarray(image.convert("RGB").convert("L")), ramp(255)
        return np.ascontiguousarray(bands[..., 1]), ramp(255)
    return np.asarray(image.convert("L")), ramp(255)


def _sixteen(
    stored: Integer[np.ndarray, "h w"], notes: Notes
) -> tuple[UInt[np.ndarray, "h w"], Float32[np.ndarray, " n"]]:
    """Return 16-bit levels; a file that uses a few bits only is shown over those."""
    values = np.clip(stored, 0, 65535).astype(np.uint16)
    largest = int(values.max())
    if largest > 65535 // 4:
        return values, ramp(65535)
    notes.append(("partial-range", {"largest": largest}))
    return values, ramp((1 << max(largest.bit_length(), 1)) - 1)


def ramp(top: int) -> Float32[np.ndarray, " n"]:
    """Return the table that shows 0 as black and `top` as white."""
    return np.linspace(0, 1, top + 1, dtype=np.float32)
