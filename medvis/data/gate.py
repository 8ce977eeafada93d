"""The header gate: which DICOM objects may be decoded at all, and the few fields that are ever read.

Only the tags of `ALLOWED` are parsed, so an identifying field never becomes a value in this program. Sizes,
bits, lengths and kinds are checked before a decoder sees a byte. Runs in the worker.
"""

import io
import struct
import zlib

from pydicom import Dataset, config, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvis.data import verdict
from medvis.data.header import Header, needed, whole, word
from medvis.data.picture import Notes, check_size
from medvis.data.verdict import Refused

ALLOWED = (
    "SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PatientPosition", "PatientOrientation",
    "BurnedInAnnotation", "LossyImageCompression", "ImagerPixelSpacing", "PixelSpacing", "PixelAspectRatio",
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "PresentationLUTShape", "PresentationIntentType", "PixelData",
)  # fmt: skip
OVERLAY = 0x60000010  # rows of the first overlay plane
UNPACKED = 128 << 20  # bytes that a deflated object may become
RADIOGRAPHS = frozenset({"CR", "DX", "DR", "RG"})
CAPTURES = frozenset({"OT", "SC", "HC", "AS"})
PAPERS = frozenset({"SR", "KO", "PR", "DOC", "REG", "RTPLAN", "RTSTRUCT", "RTDOSE", "SEG", "ECG"})
_CLASS = "1.2.840.10008.5.1.4.1.1."
_CLASSES = frozenset(_CLASS + end for end in ("1", "1.1", "1.1.1", "7", "7.1", "7.2", "7.3", "7.4"))


def admit(data: bytes | bytearray) -> Header:
    """Return the header of a DICOM object that may be decoded.

    Raises:
        Refused: If it is no DICOM, no radiograph, or implausible.
    """
    notes: Notes = []
    fields, syntax = _parsed(data, notes)
    _check_kind(fields, notes)
    if "PixelData" not in fields:
        raise Refused("no-pixel-data")
    rows, columns = needed(fields, "Rows"), needed(fields, "Columns")
    check_size(rows, columns)
    allocated = needed(fields, "BitsAllocated")
    stored = whole(fields, "BitsStored", allocated)
    high = whole(fields, "HighBit", stored - 1)
    if allocated not in (8, 16) or not 6 <= stored <= allocated:
        raise Refused("bad-bits", stored=stored, allocated=allocated)
    if not stored - 1 <= high < allocated:
        high = stored - 1
    frames = whole(fields, "NumberOfFrames", 1)
    if not 1 <= frames <= 10_000:
        raise Refused("damaged")
    signed = whole(fields, "PixelRepresentation", 0) == 1
    photometric = _photometric(fields, allocated)
    fields.BitsStored, fields.PixelRepresentation = high + 1, int(signed)  # pydicom wants both, and all bits
    return Header(fields, syntax, rows, columns, frames, allocated, stored, high, signed, photometric, notes)


def is_dicom(data: bytes | bytearray) -> bool:
    """Return whether the first bytes are those of a DICOM object, with or without the usual preamble."""
    if data[128:132] == b"DICM":
        return True
    first = struct.unpack("<HH", bytes(data[:4]).ljust(4, b"\xff"))
    return first in ((2, 0), (2, 1), (8, 0), (8, 1), (8, 5), (8, 8), (8, 0x16))


def inflated(data: bytes | bytearray) -> bytes | bytearray:
    """Return the file with its deflated part unpacked, up to a limit, and its syntax changed to match."""
    end = 144 + struct.unpack("<I", bytes(data[140:144]).ljust(4, b"\0"))[0]
    old, new = DeflatedExplicitVRLittleEndian.encode(), ExplicitVRLittleEndian.encode()
    if data[128:136] != b"DICM\2\0\0\0" or old not in data[:end]:
        return data
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    body = unpacker.decompress(bytes(data[end:]), UNPACKED)
    if unpacker.unconsumed_tail:
        raise Refused("unpacks-too-far", limit=UNPACKED >> 20)
    return bytes(data[:end]).replace(old, new.ljust(len(old), b"\0")) + body


def _parsed(data: bytes | bytearray, notes: Notes) -> tuple[Dataset, str]:
    """Return the allowed elements and the transfer syntax."""
    if not is_dicom(data):
        raise Refused("unknown-format")
    if data[128:132] != b"DICM":
        notes.append(("no-meta", {}))
    config.settings.reading_validation_mode = config.IGNORE
    try:
        tags = [tag for tag in map(tag_for_keyword, ALLOWED) if tag is not None]
        dataset = dcmread(io.BytesIO(inflated(data)), force=True, specific_tags=[*tags, OVERLAY])
        implicit = dataset.original_encoding[0]
        syntax = str(dataset.file_meta.get("TransferSyntaxUID") or "")
    except (Refused, MemoryError):
        raise
    except Exception:  # noqa: BLE001  pydicom raises fifteen kinds of error on hostile files
        raise Refused("damaged") from None
    return dataset, syntax or (ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)


def _check_kind(fields: Dataset, notes: Notes) -> None:
    """Refuse what is no radiograph."""
    modality, kind = word(fields, "Modality"), word(fields, "SOPClassUID")
    if modality in PAPERS or kind.startswith((_CLASS + "88.", _CLASS + "104.", "1.2.840.10008.1.3.10")):
        raise Refused("not-an-image")
    if modality in verdict.MODALITIES:
        raise Refused("wrong-modality", modality=modality)
    foreign = kind.startswith("1.2.840.10008.") and kind not in _CLASSES
    if foreign or modality not in RADIOGRAPHS | CAPTURES | {""}:
        raise Refused("wrong-kind")
    _remark(fields, modality, kind, notes)


def _remark(fields: Dataset, modality: str, kind: str, notes: Notes) -> None:
    """Note what is odd about a radiograph."""
    if not modality:
        notes.append(("no-modality", {}))
    if modality in CAPTURES or kind.startswith(_CLASS + "7"):
        notes.append(("capture", {}))
    part = word(fields, "BodyPartExamined").replace(" ", "")
    if part in verdict.PARTS:
        notes.append(("other-part", {"part": part}))
    elif part not in verdict.CHEST:
        notes.append(("unknown-part" if part else "no-part", {}))
    for keyword, yes, code in (
        ("PresentationIntentType", "FOR PROCESSING", "raw"),
        ("BurnedInAnnotation", "YES", "burned-in"),
        ("LossyImageCompression", "01", "lossy"),
    ):
        if word(fields, keyword) == yes:
            notes.append((code, {}))
    if OVERLAY in fields:
        notes.append(("overlay", {}))


def _photometric(fields: Dataset, allocated: int) -> str:
    found, samples = word(fields, "PhotometricInterpretation"), whole(fields, "SamplesPerPixel", 1)
    if not found:
        raise Refused("missing-field", field="PhotometricInterpretation")
    grey = found in ("MONOCHROME1", "MONOCHROME2") and samples == 1
    colour = found in ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT") and samples == 3
    if not grey and not (colour and allocated == 8):
        raise Refused("bad-colours")
    return found
