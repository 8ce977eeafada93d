"""Every reason to refuse a film and every remark on one, as closed lists of words.

What a decoder or a header says may name a patient. So nothing of it is ever repeated: a decoder hands over
a code and a few facts, and the sentences are made here. A fact is a number or one of `WORDS`.
"""

from collections.abc import Mapping

from medvis.errors import BadFilm

Facts = Mapping[str, int | str]

CHEST = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS", "RIB", "RIBS", "RIBCAGE", "CHESTABDOMEN"})
# Source: DICOM PS3.16 annex L, the parts that projection radiography uses.
PARTS = frozenset({
    "ABDOMEN", "ANKLE", "ARM", "BREAST", "CLAVICLE", "CSPINE", "ELBOW", "EXTREMITY", "FEMUR", "FINGER",
    "FOOT", "FOREARM", "HAND", "HEAD", "HEEL", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LSPINE", "NECK",
    "PELVIS", "SCAPULA", "SHOULDER", "SKULL", "SPINE", "STERNUM", "TOE", "TSPINE", "WHOLEBODY", "WRIST",
})  # fmt: skip
MODALITIES = frozenset({
    "CT", "DG", "DOC", "ECG", "ES", "GM", "IO", "IVUS", "KO", "MG", "MR", "NM", "OCT", "OP", "PR", "PT",
    "PX", "REG", "RF", "RTDOSE", "RTIMAGE", "RTPLAN", "RTSTRUCT", "SEG", "SM", "SR", "US", "XA", "XC",
})  # fmt: skip
FIELDS = frozenset({"Rows", "Columns", "BitsAllocated", "BitsStored", "PhotometricInterpretation"})
CODECS = frozenset({"JPEG-LS", "lossless JPEG", "12-bit JPEG", "JPEG 2000"})
WORDS = CHEST | PARTS | MODALITIES | FIELDS | CODECS

_AGAIN = "Export it again from where it came from."
_PLAIN = "Export it uncompressed, or as PNG."
CAUSES: dict[str, tuple[str, str]] = {
    "cannot-open": ("it cannot be opened", "Check that the file exists and that you may read it."),
    "empty": ("the file is empty", _AGAIN),
    "too-large": ("the file is larger than {limit} MB", "Give a single film."),
    "unknown-format": ("it is neither DICOM nor PNG nor JPEG", "Give a chest film in one of these formats."),
    "damaged": ("it is damaged or not what it claims to be", _AGAIN),
    "not-an-image": ("it is a DICOM object that holds no film", "Give the image of the same examination."),
    "wrong-modality": ("its header says {modality}, not a radiograph", "Give a CR or DX chest film."),
    "wrong-kind": ("its header names another kind of image", "Give a CR or DX chest film."),
    "transfer-syntax": ("it is compressed in a way that is not read here", _PLAIN),
    "no-decoder": ("it is {codec} and no decoder for that is installed", 'Run: pip install "medvis[dicom]".'),
    "no-pixel-data": ("it has a header but no pixels", _AGAIN),
    "missing-field": ("its header lacks {field}", _AGAIN),
    "bad-size": ("its header claims {rows} x {columns} pixels", "Give a film of 16 to 20000 pixels a side."),
    "too-many-pixels": ("it claims {millions} million pixels, more than 40", "Export it with fewer pixels."),
    "bad-bits": ("its pixels are stored with {stored} of {allocated} bits", "Export it with 8 to 16 bits."),
    "bad-colours": ("its colours are stored in a way that is not read here", "Export it in grey."),
    "pixel-length": ("it holds {found} bytes of pixels where its header promises {expected}", _AGAIN),
    "codestream": ("its compressed picture is not the one its header describes", _AGAIN),
    "truncated": ("its compressed picture ends too early", _AGAIN),
    "several-frames": ("it holds {frames} pictures", "Choose one: frame 1 to {frames}."),
    "no-such-frame": ("it has no picture {frame}, only {frames}", "Choose one: frame 1 to {frames}."),
    "constant": ("all its pixels have the same value, there is nothing to see", _AGAIN),
    "unpacks-too-far": ("it unpacks to more than {limit} MB", "Give a single film."),
    "too-slow": ("it could not be decoded within {seconds} seconds", _PLAIN),
    "memory": ("decoding it takes more memory than is allowed", "Export it at a lower resolution."),
    "decoder-died": ("its decoder broke down", _PLAIN),
    "no-worker": ("the decoder process cannot be started", "Run: medvis doctor."),
}  # fmt: skip

NOTES: dict[str, str] = {
    "inverted": "inverted per header",
    "inverted-alone": "inverted per header, whose presentation shape says otherwise",
    "first-window": "first of {count} windows in the header",
    "no-window": "no window in the header, percentiles used",
    "bad-window": "window in the header shows nothing, percentiles used",
    "first-table": "first of {count} VOI tables in the header",
    "padding": "padding shown black",
    "resampled": "pixels are not square in the file, resampled",
    "odd-aspect": "pixel shape in the header is implausible, taken as square",
    "eight-bit": "8-bit export",
    "partial-range": "16-bit file with values up to {largest}, shown over that range",
    "lossy": "lossy compression",
    "colour": "colour picture shown as grey",
    "alpha": "transparency laid on black",
    "turned": "turned as its EXIF orientation says",
    "mirrored": "mirrored as its EXIF orientation says",
    "frame": "picture {frame} of {frames}",
    "other-part": "header says {part}, not a chest",
    "unknown-part": "header names another body part than the chest",
    "no-part": "header does not say which body part",
    "no-modality": "header does not say how it was taken",
    "capture": "secondary capture: display values, not detector values",
    "position": "view read from the patient position",
    "raw": "detector values before processing, not made for display",
    "burned-in": "header warns of text burned into the picture",
    "overlay": "overlay of the file not drawn",
    "no-meta": "file without the usual preamble",
    "right-first": "header says that columns run to the patient's right",
}


class Refused(Exception):
    """A film is refused, for a reason of `CAUSES`; becomes BadFilm where the file's name is known."""

    def __init__(self, code: str, **facts: int | str) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def bad_film(file: str, code: str, facts: Facts) -> BadFilm:
    """Return the error that a person reads.

    Args:
        file: Name of the file, without its folder.
        code: Key of `CAUSES`.
        facts: What the sentence's blanks are filled with.

    Raises:
        ValueError: If the code or a fact is none of the known ones.
    """
    cause, remedy = CAUSES[_checked(code, CAUSES, facts)]
    return BadFilm(file, code, cause.format(**facts), remedy=remedy.format(**facts))


def note(code: str, facts: Facts) -> str:
    """Return a remark in plain words.

    Raises:
        ValueError: If the code or a fact is none of the known ones.
    """
    return NOTES[_checked(code, NOTES, facts)].format(**facts)


def _checked(code: str, known: Mapping[str, object], facts: Facts) -> str:
    if code not in known or not all(isinstance(fact, int) or fact in WORDS for fact in facts.values()):
        raise ValueError("a decoder said something outside of the closed lists")
    return code
