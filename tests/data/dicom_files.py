"""Makes DICOM files with known values, in every transfer syntax that is read, without any data at hand."""

import io

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import Dataset, FileDataset, FileMetaDataset, Sequence, dcmwrite, uid
from pydicom.encaps import encapsulate

LOSSLESS = {
    "implicit": uid.ImplicitVRLittleEndian,
    "explicit": uid.ExplicitVRLittleEndian,
    "big-endian": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "jpeg-ls": uid.JPEGLSLossless,
    "jpeg-2000": uid.JPEG2000Lossless,
    "jpeg-lossless": uid.JPEGLosslessSV1,
}
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def ramp(bits=12, *, signed=False, height=32, width=40):
    """Stored values from the smallest to the largest; 2 % at each end, so that percentiles meet them."""
    low = -(1 << (bits - 1)) if signed else 0
    top = low + (1 << bits) - 1
    values = np.linspace(low - 0.03 * (top - low), top + 0.03 * (top - low), height * width)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    return np.clip(np.rint(values), low, top).reshape(height, width).astype(kind)


def film(stored=None, *, syntax="explicit", bits=12, signed=False, photometric="MONOCHROME2", **elements):
    """A DX chest film as bytes; an element given as None is left out.

    Args:
        stored: Values, (h, w), (frames, h, w) or (h, w, 3).
        syntax: Key of LOSSLESS, "jpeg" or "jpeg-12".
        bits: BitsStored.
        signed: Whether values are two's complement.
        photometric: PhotometricInterpretation.
        elements: Other elements by keyword.
    """
    stored = ramp(bits, signed=signed) if stored is None else stored
    colour = stored.ndim == 3 and stored.shape[-1] == 3
    frames = stored if stored.ndim == 3 and not colour else stored[None]
    transfer = {**LOSSLESS, "jpeg": uid.JPEGBaseline8Bit, "jpeg-12": uid.JPEGExtended12Bit}[syntax]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax == "rle" else transfer
    meta.MediaStorageSOPClassUID = uid.UID(DX)
    meta.MediaStorageSOPInstanceUID = uid.UID("1.2.3.4")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.UID(DX), uid.UID("1.2.3.4")
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3 if colour else 1), photometric
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * stored.itemsize
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, int(signed)
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    order = ">" if syntax == "big-endian" else "<"
    if syntax in ("implicit", "explicit", "big-endian", "deflated", "rle"):
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    else:
        dataset.PixelData = encapsulate([codestream(frame, syntax, bits) for frame in frames])
    dataset["PixelData"].VR = "OB" if stored.itemsize == 1 or syntax not in LOSSLESS else "OW"
    if syntax == "rle":
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
    for keyword, value in elements.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
        if order == ">" and isinstance(value, Sequence):
            value[0].LUTData = np.frombuffer(value[0].LUTData, "<u2").astype(">u2").tobytes()
    return saved(dataset)


def codestream(frame, syntax, bits):
    """One compressed picture."""
    if syntax == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=98, comment=b"SEEDTOKEN in a comment")
        return buffer.getvalue()
    if syntax == "jpeg-12":
        return imagecodecs.jpeg8_encode(frame, level=98, bitspersample=12)
    if syntax == "jpeg-ls":
        return imagecodecs.jpegls_encode(frame.view(f"u{frame.itemsize}"))
    if syntax == "jpeg-lossless":
        return imagecodecs.jpeg8_encode(
            frame.view(f"u{frame.itemsize}"), lossless=True, predictor=1, bitspersample=bits
        )
    return imagecodecs.jpeg2k_encode(frame, level=0, reversible=True, codecformat="j2k", bitspersample=bits)


def saved(dataset):
    """The file's bytes."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def table(data, first=0, bits=16, kind="VOILUTSequence"):
    """A VOI or modality table as the sequence that goes into a header."""
    item = Dataset()
    item.add_new(0x00283002, "US", [len(data) % 65536, first, bits])
    item.add_new(0x00283006, "OW", np.asarray(data, "<u2").tobytes())
    if kind == "ModalityLUTSequence":
        item.ModalityLUTType = "US"
    return Sequence([item])
