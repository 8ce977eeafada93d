"""From the pixels of a DICOM object to its stored values, whatever they are compressed with; in the worker.

pydicom unpacks what is native or run-length coded and hands 8-bit JPEG to Pillow; imagecodecs, from the
extra `dicom`, does the rest. What a compressed picture says of its own size is checked before it is decoded.
"""

import importlib.util
import struct
from types import ModuleType

import numpy as np
from jaxtyping import Integer, UInt
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from medvis.data.header import Header
from medvis.data.verdict import Refused

_NATIVE = frozenset({uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian})
_J2K = frozenset({uid.JPEG2000, uid.JPEG2000Lossless})
_NAMES = {
    uid.JPEGExtended12Bit: "12-bit JPEG",
    uid.JPEGLossless: "lossless JPEG",
    uid.JPEGLosslessSV1: "lossless JPEG",
    uid.JPEGLSLossless: "JPEG-LS",
    uid.JPEGLSNearLossless: "JPEG-LS",
    uid.JPEG2000: "JPEG 2000",
    uid.JPEG2000Lossless: "JPEG 2000",
}
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


def levels(header: Header, frame: int) -> UInt[np.ndarray, "h w"]:
    """Return the stored values of one picture, counted from the smallest that can be stored.

    Args:
        header: What the gate let through.
        frame: Number of the picture, from 0.

    Raises:
        Refused: If the pixels are not as the header says, or no decoder for them is installed.
    """
    if header.syntax in _NATIVE or header.syntax == uid.RLELossless:
        if header.syntax in _NATIVE:
            _check_length(header)
        stored = _pydicom(header, frame)
        return _grey(stored) if stored.ndim == 3 else _masked(stored, header)
    if header.syntax != uid.JPEGBaseline8Bit and header.syntax not in _NAMES:
        raise Refused("transfer-syntax")
    code = get_frame(header.fields.PixelData, frame, number_of_frames=header.frames)
    if _described(code) != (header.rows, header.columns, 3 if header.photometric[0] != "M" else 1):
        raise Refused("codestream")
    _check_whole(code, header)
    stored = _decoded(code, header, frame)
    if stored.shape[:2] != (header.rows, header.columns):
        raise Refused("codestream")
    return _grey(stored) if stored.ndim == 3 else _clipped(stored, header)


def decoders() -> dict[str, str]:
    """Return which library decodes each compression here, or the command that installs one."""
    found = {name: importlib.util.find_spec(name) is not None for name in ("imagecodecs", "rle")}
    best = "imagecodecs" if found["imagecodecs"] else ""
    names = {name: best or 'none: pip install "medvis[dicom]"' for name in _NAMES.values()}
    return {
        "uncompressed, deflated": "pydicom",
        "RLE": "pylibjpeg-rle" if found["rle"] else "pydicom",
        "8-bit JPEG": "Pillow",
        **names,
        "JPEG 2000": best or "Pillow",
    }


def _decoded(code: bytes, header: Header, frame: int) -> Integer[np.ndarray, "h w *c"]:
    if header.syntax == uid.JPEGBaseline8Bit:
        return _pydicom(header, frame)
    codecs = _imagecodecs()
    if codecs is None:
        if header.syntax in _J2K:
            return _pydicom(header, frame)  # Pillow reads most of them
        raise Refused("no-decoder", codec=_NAMES[header.syntax])
    if header.syntax in _J2K:
        decode = codecs.jpeg2k_decode
    else:
        decode = codecs.jpegls_decode if _NAMES[header.syntax] == "JPEG-LS" else codecs.jpeg8_decode
    stored: Integer[np.ndarray, "h w *c"] = decode(code)
    return stored


def _imagecodecs() -> ModuleType | None:
    try:
        import imagecodecs
    except ImportError:
        return None
    codecs: ModuleType = imagecodecs
    return codecs


def _pydicom(header: Header, frame: int) -> Integer[np.ndarray, "h w *c"]:
    stored: Integer[np.ndarray, "h w *c"]
    stored, _ = get_decoder(uid.UID(header.syntax)).as_array(
        header.fields, index=frame, raw=header.photometric[0] == "M"
    )
    return stored


def _check_length(header: Header) -> None:
    samples = 1 if header.photometric[0] == "M" else 2 if header.photometric == "YBR_FULL_422" else 3
    expected = header.rows * header.columns * samples * header.allocated // 8 * header.frames
    found = len(header.fields.PixelData)
    if not expected <= found <= expected + header.columns * 2:  # some writers pad by more than one byte
        raise Refused("pixel-length", found=found, expected=expected)


def _check_whole(code: bytes, header: Header) -> None:
    """Refuse what ends too early: some decoders fill the rest with grey and say nothing.

    Every code stream ends in the marker FF D9, which some writers pad. Huffman coding spends at least one
    bit on a pixel, or on a block of 8 x 8 of them.
    """
    bits = 8 * len(code) * (64 if header.syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit) else 1)
    huffman = header.syntax not in _J2K and _NAMES.get(uid.UID(header.syntax)) != "JPEG-LS"
    if not code.rstrip(b"\0\xff").endswith(b"\xff\xd9") or (huffman and bits < header.rows * header.columns):
        raise Refused("truncated")


def _masked(stored: Integer[np.ndarray, "h w"], header: Header) -> UInt[np.ndarray, "h w"]:
    """Return only the bits that count: the others may hold an overlay or junk."""
    cells = _unsigned(stored)
    if header.high + 1 > header.stored:
        cells = cells >> (header.high + 1 - header.stored)
    if header.stored < header.allocated:
        cells = cells & ((1 << header.stored) - 1)
    return _counted(cells, header)


def _clipped(stored: Integer[np.ndarray, "h w"], header: Header) -> UInt[np.ndarray, "h w"]:
    """Return what a codec decoded, kept to the range of the stored bits, which lossy codecs overshoot."""
    top = (1 << header.stored) - 1
    claims_sign = np.issubdtype(stored.dtype, np.signedinteger)
    if claims_sign and header.signed:
        return (stored.astype(np.int32) - header.lowest).clip(0, top).astype(np.uint16)
    cells = _unsigned(stored)
    if (
        claims_sign or header.signed
    ):  # codestream and header disagree: the bits are right, the sign is the header's
        return _counted(cells & top, header)
    return cells.clip(0, top)


def _unsigned(stored: Integer[np.ndarray, "h w"]) -> UInt[np.ndarray, "h w"]:
    """Return the same bits as unsigned numbers in this machine's byte order."""
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return native.view(f"u{stored.itemsize}")


def _counted(cells: UInt[np.ndarray, "h w"], header: Header) -> UInt[np.ndarray, "h w"]:
    """Return two's complement of some bits counted from the smallest value: its sign bit, flipped."""
    return cells ^ (1 << (header.stored - 1)) if header.signed else cells


def _grey(colours: Integer[np.ndarray, "h w 3"]) -> UInt[np.ndarray, "h w"]:
    """Return the luminance of 8-bit colours; Source: ITU-R BT.601."""
    luminance = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    grey: UInt[np.ndarray, "h w"] = np.rint(luminance.clip(0, 255)).astype(np.uint8)
    return grey


def _described(code: bytes) -> tuple[int, int, int]:
    """Return rows, columns and components that a compressed picture claims.

    Raises:
        Refused: If it is none that is read here.
    """
    start = code.find(b"\xff\x4f\xff\x51", 0, 4096)  # SOC, SIZ; Source: ITU-T T.800 annex A
    if code[:2] != b"\xff\xd8" and start >= 0:
        right, bottom, left, top = struct.unpack_from(">IIII", code, start + 8)
        (components,) = struct.unpack_from(">H", code, start + 40)
        return bottom - top, right - left, components
    at = 2
    while code[:2] == b"\xff\xd8" and at + 9 < len(code):  # Source: ITU-T T.81 annex B
        if code[at] != 0xFF:
            break
        marker = code[at + 1]
        if marker in _FRAME_MARKERS:
            rows, columns, components = struct.unpack_from(">HHB", code, at + 5)
            return rows, columns, components
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", code, at + 2)[0]
    raise Refused("codestream")
