"""The gate lets chest films through, says what is odd about them, and names what is none."""

import importlib.util
import sys

import pytest
from dicom_files import film, ramp

from medvis.data import dicom
from medvis.data import film as door
from medvis.data.verdict import Refused, bad_film
from medvis.errors import BadFilm


def shown(data):
    levels = dicom.read(data)
    return levels.table[levels.values]


def test_the_view_is_read_where_it_stands():
    assert dicom.read(film(ViewPosition="AP")).view == "AP"
    assert dicom.read(film(ViewPosition="LL")).view == "LATERAL"
    assert dicom.read(film(ViewPosition="SWIMMER")).view == ""
    levels = dicom.read(film(ViewPosition=None, PatientPosition="AP"))
    assert levels.view == "AP"
    assert "view read from the patient position" in levels.words()


def test_directions_are_kept_and_a_film_the_wrong_way_round_is_said():
    assert dicom.read(film(PatientOrientation=["L", "F"])).orientation == ("L", "F")
    assert dicom.read(film(PatientOrientation="")).orientation is None
    assert dicom.read(film(PatientOrientation=["NAME", "F"])).orientation is None
    assert (
        "header says that columns run to the patient's right"
        in dicom.read(film(PatientOrientation=["R", "F"])).words()
    )


def test_other_parts_of_the_body_are_said():
    assert "header says HIP, not a chest" in dicom.read(film(BodyPartExamined="HIP")).words()
    assert (
        "header names another body part than the chest"
        in dicom.read(film(BodyPartExamined="DOE^JANE")).words()
    )
    assert "header does not say which body part" in dicom.read(film(BodyPartExamined="")).words()


def test_raw_detector_values_are_said():
    raw = film(PresentationIntentType="FOR PROCESSING")
    assert "detector values before processing, not made for display" in dicom.read(raw).words()


REFUSED = {
    "wrong-modality": {"Modality": "CT"},
    "wrong-kind": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
    "not-an-image": {"Modality": "SR"},
    "no-pixel-data": {"PixelData": None},
    "missing-field": {"Rows": None},
    "bad-size": {"Rows": 0},
    "too-many-pixels": {"Rows": 19000, "Columns": 19000},
    "bad-bits": {"BitsAllocated": 32},
    "bad-colours": {"PhotometricInterpretation": "PALETTE COLOR"},
    "pixel-length": {"Rows": 64},
    "damaged": {"NumberOfFrames": 0},
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_no_film_is_refused_by_its_code(code):
    with pytest.raises(BadFilm) as caught:
        door.read_bytes("a.dcm", film(**REFUSED[code]))
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize("syntax", ["jpeg-ls", "jpeg-2000", "jpeg-lossless", "jpeg-12"])
def test_a_compressed_picture_of_another_size_is_refused_before_it_is_decoded(syntax):
    with pytest.raises(Refused) as caught:
        dicom.read(film(syntax=syntax, Rows=31))
    assert caught.value.code == "codestream"


def test_other_compressions_are_named():
    other = film(syntax="jpeg-2000").replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.99")
    with pytest.raises(BadFilm, match="compressed in a way that is not read here"):
        door.read_bytes("a.dcm", other)


def test_without_the_extra_the_error_names_it_and_most_films_are_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for syntax in ("explicit", "rle", "deflated", "jpeg-2000"):
        assert shown(film(ramp(12), syntax=syntax)) == pytest.approx(ramp(12) / 4095, abs=1e-6)
    for syntax in ("jpeg-ls", "jpeg-lossless", "jpeg-12"):
        with pytest.raises(Refused) as caught:
            dicom.read(film(ramp(12), syntax=syntax))
        assert caught.value.code == "no-decoder"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert dicom.decoders()["JPEG-LS"] == 'none: pip install "medvis[dicom]"'
    assert dicom.decoders()["JPEG 2000"] == "Pillow"
    assert 'pip install "medvis[dicom]"' in str(bad_film("a.dcm", "no-decoder", caught.value.facts))
