"""The one door for films: DICOM, PNG or JPEG, by content, each to the same Radiograph; and back to files."""

import atexit
import functools
import io
import os
import stat
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch.nn import functional

from medvis.data import aside
from medvis.data.levels import Levels, unpack
from medvis.data.pipes import Message
from medvis.data.verdict import Refused, bad_film
from medvis.data.worker import Pool
from medvis.errors import BadFilm
from medvis.types import Radiograph

LARGEST = 200 << 20  # bytes of a file
WORKERS = 2
_BEGINNING = 1 << 20  # bytes of a DICOM file in which its identifiers stand
_DICOM_UID = b"1.2.840.10008.1.2.4."  # every compressed syntax but run lengths


def read(path: Path, *, frame: int | None = None) -> Radiograph:
    """Return the film of a file.

    Whatever the file is, it is decoded in a process that can be killed. Of its header only what Radiograph
    has is kept.

    >>> read(Path("chest.dcm"))  # doctest: +SKIP

    Args:
        path: DICOM, PNG or JPEG; its suffix does not matter.
        frame: Which picture of a DICOM file with several, from 1.

    Raises:
        BadFilm: If it cannot become a film: file, code, cause and remedy.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # reading a pipe would wait for ever
            raise bad_film(_shown(path.name), "cannot-open", {})
        if found.st_size > LARGEST:
            raise bad_film(_shown(path.name), "too-large", {"limit": LARGEST >> 20})
        data = path.read_bytes()
    except OSError:
        raise bad_film(_shown(path.name), "cannot-open", {}) from None
    return read_bytes(path.name, data, frame=frame)


def read_bytes(name: str, data: bytes, *, frame: int | None = None) -> Radiograph:
    """Return the film of an upload; nothing is written to disk.

    Args:
        name: What to call the file in an error; a folder before it is dropped.
        data: The file's bytes.
        frame: As in `read`.

    Raises:
        BadFilm: As in `read`.
    """
    name = _shown(name)
    try:
        if not data:
            raise Refused("empty")
        if len(data) > LARGEST:
            raise Refused("too-large", limit=LARGEST >> 20)
        answer, payload = _pool(os.getpid()).ask({"frame": frame}, data, seconds=_allowance(data))
        levels = _unpacked(answer, payload)
    except Refused as verdict:
        error = bad_film(name, verdict.code, verdict.facts)
    else:
        return Radiograph(_display(levels), _spacing(levels), levels.view, levels.orientation, levels.words())
    raise error


def read_many(paths: Iterable[Path]) -> Iterator[Radiograph | BadFilm]:
    """Yield the film of every file, in order, or why there is none; decodes in two processes, a few ahead."""
    with ThreadPoolExecutor(WORKERS) as threads:
        ahead: deque[Future[Radiograph | BadFilm]] = deque()
        for path in paths:
            ahead.append(threads.submit(_read_or_error, path))
            if len(ahead) > 2 * WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def kin(path: Path, key: bytes) -> tuple[str, str] | None:
    """Return pseudonyms of the patient and of the study of a DICOM file, None if it is no DICOM file.

    Files of one patient have one pseudonym under one key; "" stands for unknown.

    Args:
        path: Any file.
        key: Secret of one import, to be thrown away with it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_BEGINNING)
        answer, _ = _pool(os.getpid()).ask({"key": key.hex()}, data, seconds=_allowance(data))
    except (Refused, OSError):
        return None
    return str(answer.get("patient", "")), str(answer.get("study", ""))


def write(radiograph: Radiograph, path: Path) -> None:
    """Write the grey values as an 8-bit PNG or JPEG (quality 92), aside and renamed, without metadata.

    Args:
        radiograph: The film; its notes and directions are not in the file.
        path: Ends in .png, .jpg or .jpeg.
    """
    encode = {".png": _png, ".jpg": _jpeg, ".jpeg": _jpeg}[path.suffix.lower()]
    with aside.writing(path) as temporary:
        temporary.write_bytes(encode(_eight_bit(radiograph.pixels)))


def encode_jpeg(radiograph: Radiograph, side: int) -> bytes:
    """Return it as a JPEG whose longer side is at most `side` pixels; never enlarged."""
    return _jpeg(_eight_bit(_shrunk(radiograph.pixels, side)))


def encode_png(radiograph: Radiograph, side: int) -> bytes:
    """Return it as a PNG whose longer side is at most `side` pixels; never enlarged."""
    return _png(_eight_bit(_shrunk(radiograph.pixels, side)))


@functools.cache  # a fork gets workers of its own: the key is the process
def _pool(_process: int) -> Pool:
    """Return the decoders of this process, kept warm because a new one takes a good part of a second."""
    pool = Pool(WORKERS)
    atexit.register(pool.stop)
    return pool


def _read_or_error(path: Path) -> Radiograph | BadFilm:
    try:
        return read(path)
    except BadFilm as error:
        return error


def _unpacked(answer: Message, payload: bytearray) -> Levels:
    """Return what a worker decoded, or refuse an answer that no sound worker gives."""
    try:
        return unpack(answer, payload)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        raise Refused("decoder-died") from None


def _allowance(data: bytes) -> float:
    """Return the processor seconds of a file: 2 and 1 for 16 MB each, for a codec 5 and 1 for 4 MB each."""
    packed = data[:3] == b"\xff\xd8\xff" or _DICOM_UID in data[:4096]
    return 5 + len(data) / (4 << 20) if packed else 2 + len(data) / (16 << 20)


def _display(levels: Levels) -> Float[np.ndarray, "a b"]:
    """Return the grey values, with square pixels."""
    pixels: Float[np.ndarray, "h w"] = levels.table[levels.values]
    if levels.aspect == 1:
        return pixels
    height, width = pixels.shape
    if levels.aspect > 1:
        height = round(height * levels.aspect)
    else:
        width = round(width / levels.aspect)
    return _resized(pixels, height, width)


def _spacing(levels: Levels) -> tuple[float, float] | None:
    """Return the spacing that the displayed pixels have: the finer of the two."""
    if levels.spacing is None or levels.aspect == 1:
        return levels.spacing
    return (min(levels.spacing), min(levels.spacing))


def _shrunk(pixels: Float[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "a b"]:
    height, width = pixels.shape
    if max(height, width) <= side:
        return pixels
    scale = side / max(height, width)
    return _resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)))


def _resized(pixels: Float[np.ndarray, "h w"], height: int, width: int) -> Float[np.ndarray, "a b"]:
    resized = functional.interpolate(
        torch.from_numpy(pixels)[None, None],
        (height, width),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    array: Float[np.ndarray, "a b"] = resized[0, 0].clamp(0, 1).numpy()
    return array


def _eight_bit(pixels: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    grey: UInt8[np.ndarray, "h w"] = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    return grey


def _png(grey: UInt8[np.ndarray, "h w"]) -> bytes:
    encoded = io.BytesIO()
    # Run lengths suit filtered films: five times faster than the default and no larger.
    Image.fromarray(grey).save(encoded, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return encoded.getvalue()


def _jpeg(grey: UInt8[np.ndarray, "h w"]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(grey).save(encoded, "JPEG", quality=92)
    return encoded.getvalue()


def _shown(name: str) -> str:
    """Return a file's name without its folder, without control characters, at most 80 characters long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:80] or "unnamed file"
