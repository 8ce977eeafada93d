"""Nothing that may name a patient leaves the door: seeded words in every place of a file are looked for."""

import io
import logging
import traceback

import numpy as np
import pytest
from dicom_files import film, ramp, saved, table
from pydicom import Dataset, Sequence, dcmread
from pydicom.datadict import DicomDictionary, keyword_dict
from pydicom.uid import ExplicitVRLittleEndian

from medvis.data import film as door
from medvis.data.gate import ALLOWED, admit
from medvis.errors import BadFilm

TOKEN = "SEEDTOKEN"
FORMATS = ["explicit", "implicit", "deflated", "rle", "jpeg-2000", "jpeg"]
TEXT = {"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"}
KEYWORDS = sorted(
    keyword
    for keyword, tag in keyword_dict.items()
    if DicomDictionary[tag][0] in TEXT
    and tag >> 16 in (8, 0x10, 0x18, 0x20, 0x32, 0x40, 0x4008)
    and not DicomDictionary[tag][3]
    if keyword not in (*ALLOWED, "SpecificCharacterSet")
)
WORDS_ALLOWED = [
    "BodyPartExamined", "ViewPosition", "PatientPosition", "PatientOrientation", "BurnedInAnnotation",
    "LossyImageCompression", "VOILUTFunction", "PresentationLUTShape", "RescaleType",
]  # fmt: skip


def seeded(syntax, **elements):
    """A film with the seeded word in every text element, in sequences, private tags, tables and edges."""
    bits = 8 if syntax == "jpeg" else 12
    dataset = dcmread(io.BytesIO(film(ramp(bits), syntax=syntax, bits=bits)))
    inner = Dataset()
    for keyword in KEYWORDS:
        setattr(inner, keyword, f"{TOKEN}^{keyword[:8]}")
        setattr(dataset, keyword, f"{TOKEN}^{keyword[:8]}")
    dataset.RequestAttributesSequence = Sequence([inner])
    dataset.add_new(0x00090010, "LO", TOKEN)
    dataset.add_new(0x00091001, "UN", TOKEN.encode())
    dataset.add_new(0x60004000, "LT", TOKEN)
    dataset.VOILUTSequence = table(np.arange(1 << bits) * ((1 << 16) - 1) // ((1 << bits) - 1))
    dataset.VOILUTSequence[0].LUTExplanation = TOKEN
    dataset.WindowCenterWidthExplanation = TOKEN
    dataset.add_new(0xFFFCFFFC, "OB", TOKEN.encode() * 2)
    dataset.file_meta.SourceApplicationEntityTitle = TOKEN
    dataset.file_meta.ImplementationVersionName = TOKEN
    dataset.preamble = TOKEN.encode().ljust(128, b"\0")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return saved(dataset)


@pytest.fixture
def everything(caplog, capfd, tmp_path, monkeypatch):
    """Reads bytes through the door and returns all that anybody could see of it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def outputs(data):
        caplog.set_level(logging.DEBUG)
        caplog.clear()  # pydicom minded the invented values when the file was made
        capfd.readouterr()
        try:
            read = door.read_bytes("a.dcm", data)
            door.write(read, tmp_path / "out.png")
            door.write(read, tmp_path / "out.jpg")
            seen = [
                repr(read).encode(),
                *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()),
            ]
        except BadFilm as error:
            read = None
            seen = ["".join(traceback.format_exception(error)).encode(), repr(vars(error)).encode()]
        return read, b"\0".join(
            [*seen, caplog.text.encode(), *(text.encode() for text in capfd.readouterr())]
        )

    return outputs


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom minds the invented values
@pytest.mark.parametrize("syntax", FORMATS)
def test_no_seeded_word_survives_in_any_format(everything, syntax):
    assert len(KEYWORDS) > 300
    data = seeded(syntax)
    assert syntax == "deflated" or data.count(TOKEN.encode()) > 600
    read, seen = everything(data)
    assert read is not None, seen
    assert TOKEN.encode() not in seen


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("keyword", WORDS_ALLOWED)
def test_a_word_where_a_code_should_be_is_not_repeated(everything, keyword):
    _, seen = everything(seeded("explicit", **{keyword: TOKEN}))
    assert TOKEN.encode() not in seen


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("keyword", ["Modality", "PhotometricInterpretation", "SOPClassUID"])
def test_a_refusal_does_not_repeat_the_word_it_refused(everything, keyword):
    read, seen = everything(seeded("explicit", **{keyword: TOKEN}))
    assert read is None or keyword == "SOPClassUID"
    assert TOKEN.encode() not in seen


def test_no_decoder_message_gets_out_whatever_is_broken(everything):
    """Each numeric element is overwritten by a name of its length and more, as a broken writer does."""
    data = seeded_bytes = film(WindowCenter=2000, WindowWidth=3000, RescaleSlope=1, RescaleIntercept=0)
    refused = 0
    for element in dcmread(io.BytesIO(seeded_bytes)):
        if element.keyword not in ALLOWED or element.keyword == "PixelData":
            continue
        header = element.tag.group.to_bytes(2, "little") + element.tag.elem.to_bytes(2, "little")
        at = data.index(header, 132)
        name = b"PN" + len(TOKEN + " ").to_bytes(2, "little") + TOKEN.encode() + b" "
        old = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
        read, seen = everything(data[: at + 4] + name + data[at + old :])
        refused += read is None
        assert TOKEN.encode() not in seen, element.keyword
    assert refused >= 6


def test_the_gate_parses_allowed_elements_only():
    dataset = dcmread(io.BytesIO(film()))
    dataset.PatientName, dataset.PatientID = "A^B", "1"
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    parsed = {element.keyword for element in admit(saved(dataset)).fields}
    assert parsed <= {*ALLOWED, "SpecificCharacterSet", "OverlayRows"}
    assert "PatientName" not in parsed


def test_the_prepared_file_with_invented_persons_gives_none_of_them(prepared, everything):
    path = prepared / "dicom/derived/d17_fake_phi.dcm"
    words = set()
    for element in dcmread(path).iterall():
        if element.keyword not in ALLOWED and element.VR in {*TEXT, "DA", "TM", "UN", "LO"}:
            text = element.value.decode("latin-1") if isinstance(element.value, bytes) else str(element.value)
            words |= {word.encode() for word in text.replace("^", " ").split() if len(word) > 4}
    assert len(words) > 5
    read, seen = everything(path.read_bytes())
    assert read is not None
    assert not [word for word in words if word in seen]
