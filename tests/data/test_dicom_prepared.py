"""The prepared files end in the picture that their catalog describes, or in a named error."""

import csv

import numpy as np
import pytest
from PIL import Image

from medvis.data import film
from medvis.errors import BadFilm

RIGHT = """real_chest/RG1_J2KI.dcm real_chest/RG1_JLSN derived/d01_explicit_mono1_15bit.dcm
derived/d02_implicit_two_windows.dcm derived/d03_big_endian.dcm derived/d04_deflated.dcm derived/d05_rle.dcm
derived/d06_jpegls.dcm derived/d07_j2k_lossless.dcm derived/d08_signed_rescale.dcm
derived/d09_voi_lut_sequence.dcm derived/d11_no_preamble_no_meta.dcm derived/d12_rgb_secondary_capture.dcm
derived/d14_overlay.dcm derived/d17_fake_phi.dcm derived/d18_sigmoid_window.dcm
derived/d19_presentation_lut_inverse.dcm derived/d20_nonsquare_pixels.dcm derived/d21_junk_high_bits.dcm
derived/d24_empty_tags.dcm""".split()  # noqa: SIM905
REFUSED = {
    "real_chest/udacity_test5.dcm": "wrong-modality",
    "real_not_chest/CT_small.dcm": "wrong-modality",
    "derived/d13_two_frames.dcm": "several-frames",
    "derived/d15_truncated_pixels.dcm": "pixel-length",
    "derived/d16_no_pixel_data.dcm": "no-pixel-data",
    "derived/d22_zero_rows.dcm": "bad-size",
    "derived/d23_constant_image.dcm": "constant",
    "derived/d25_not_dicom.dcm": "unknown-format",
    "derived/d26_basic_text_sr.dcm": "not-an-image",
}
SAID = {
    "real_not_chest/RG3_JPLL.dcm": "header says EXTREMITY, not a chest",
    "real_not_chest/RG3_J2KR.dcm": "header says EXTREMITY, not a chest",
    "real_not_chest/RG3_JPLY.dcm": "header says EXTREMITY, not a chest",
    "real_not_chest/RG2_JPLY.dcm": "header says HIP, not a chest",
    "real_chest/nih_dx_implicit.dcm": "header does not say which body part",
    "real_chest/udacity_test4.dcm": "8-bit export",
    "derived/d01_explicit_mono1_15bit.dcm": "inverted per header",
    "derived/d02_implicit_two_windows.dcm": "first of 2 windows in the header",
    "derived/d12_rgb_secondary_capture.dcm": "header warns of text burned into the picture",
    "derived/d14_overlay.dcm": "overlay of the file not drawn",
}
VIEWS = {1: "PA", 2: "AP", 3: "AP", 4: "PA", 6: ""}


@pytest.fixture(scope="session")
def folder(prepared):
    return prepared / "dicom"


@pytest.fixture(scope="session")
def reference(folder):
    return np.asarray(Image.open(folder / "derived/reference_display.png"), np.float32) / 255


def agreement(pixels, reference):
    small = Image.fromarray(pixels).resize(reference.shape[::-1], Image.Resampling.BOX)
    return float(np.corrcoef(np.asarray(small).ravel(), reference.ravel())[0, 1])


@pytest.mark.parametrize("name", RIGHT)
def test_the_film_has_dark_lungs_like_its_reference(folder, reference, name):
    assert agreement(film.read(folder / name).pixels, reference) > 0.95


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_film_is_refused_by_name(folder, name):
    with pytest.raises(BadFilm) as caught:
        film.read(folder / name)
    assert caught.value.code == REFUSED[name]
    assert caught.value.file == name.rpartition("/")[2]
    assert caught.value.remedy


@pytest.mark.parametrize("name", SAID)
def test_what_is_odd_about_a_film_is_said(folder, name):
    assert SAID[name] in film.read(folder / name).notes


def test_every_file_of_the_catalog_is_accounted_for(folder):
    with (folder / "catalog.csv").open() as file:
        names = {row["file"] for row in csv.DictReader(file)}
    others = {f"real_chest/{name}" for name in ("siim_jpeg_baseline.dcm", "siim_fake_monochrome1.dcm")}
    others |= {f"real_chest/udacity_test{number}.dcm" for number in VIEWS} | {
        "derived/d10_borders_no_window.dcm"
    }
    assert names == {*RIGHT, *REFUSED, *SAID, *others}


def test_the_frame_asked_for_is_the_frame_shown(folder, reference):
    path = folder / "derived/d13_two_frames.dcm"
    assert agreement(film.read(path, frame=1).pixels, reference) > 0.99
    assert agreement(film.read(path, frame=2).pixels, reference[:, ::-1]) > 0.99


def test_bright_borders_spoil_no_contrast(folder, reference):
    pixels = film.read(folder / "derived/d10_borders_no_window.dcm").pixels
    inner = np.s_[40:-30, 25:]
    assert np.corrcoef(pixels[inner].ravel(), reference[inner].ravel())[0, 1] > 0.99
    assert np.ptp(np.percentile(pixels[inner], (2, 98))) > 0.8


def test_an_edited_photometric_interpretation_inverts(folder):
    right = film.read(folder / "real_chest/siim_jpeg_baseline.dcm").pixels
    edited = film.read(folder / "real_chest/siim_fake_monochrome1.dcm").pixels
    assert np.abs(edited - (1 - right)).max() < 1e-6


@pytest.mark.parametrize("number", VIEWS)
def test_a_view_in_the_patient_position_is_found(folder, number):
    assert film.read(folder / f"real_chest/udacity_test{number}.dcm").view == VIEWS[number]


def test_three_codecs_give_the_same_hand(folder):
    lossless, other, lossy = (
        film.read(folder / f"real_not_chest/RG3_{codec}.dcm").pixels for codec in ("JPLL", "J2KR", "JPLY")
    )
    assert (lossless == other).all()
    assert np.abs(lossless - lossy).mean() < 0.01
