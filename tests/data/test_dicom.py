"""Every way a header can describe a film ends in the same picture: bone bright, the right greys."""

import numpy as np
import pytest
from dicom_files import LOSSLESS, film, ramp, table
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.pixels import apply_voi_lut

from medvis.data import dicom
from medvis.data import film as door
from medvis.errors import BadFilm

CURVE = (np.linspace(0, 1, 4096) ** 2 * 65535).astype(np.uint16)
CENTRE, WIDTH = 1500.0, 1800.0


def shown(data):
    levels = dicom.read(data)
    return levels.table[levels.values]


def linear(x):  # DICOM PS3.3 C.11.2.1.2.1, branch by branch
    if x <= CENTRE - 0.5 - (WIDTH - 1) / 2:
        return 0
    if x > CENTRE - 0.5 + (WIDTH - 1) / 2:
        return 1
    return (x - (CENTRE - 0.5)) / (WIDTH - 1) + 0.5


def exact(x):  # C.11.2.1.3.2
    if x <= CENTRE - WIDTH / 2:
        return 0
    return 1 if x > CENTRE + WIDTH / 2 else (x - CENTRE) / WIDTH + 0.5


def sigmoid(x):  # C.11.2.1.3.1
    return 1 / (1 + np.exp(-4 * (x - CENTRE) / WIDTH))


window = {"WindowCenter": [CENTRE, 9.0], "WindowWidth": [WIDTH, 9.0]}
VOI = {
    "table": (
        lambda: {"VOILUTSequence": table(CURVE), **window},
        lambda x: CURVE[np.clip(x, 0, 4095)] / 65535,
    ),
    "linear": (lambda: window, linear),
    "exact": (lambda: {**window, "VOILUTFunction": "LINEAR_EXACT"}, exact),
    "sigmoid": (lambda: {**window, "VOILUTFunction": "SIGMOID"}, sigmoid),
    "none": (dict, None),
}


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("voi", VOI)
@pytest.mark.parametrize("bits", [12, 16])
def test_every_combination_of_a_header_shows_the_known_greys(syntax, voi, bits):
    make, grey = VOI[voi]
    for signed in (False, True):
        stored = ramp(bits, signed=signed)
        low, top = int(stored.min()), int(stored.max())
        expected = np.array(
            [(x - low) / (top - low) if grey is None else grey(x) for x in stored.ravel().tolist()]
        )
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            for shape in (None, "IDENTITY", "INVERSE"):
                elements = make() | ({"PresentationLUTShape": shape} if shape else {})
                data = film(
                    stored, syntax=syntax, bits=bits, signed=signed, photometric=photometric, **elements
                )
                inverse = photometric == "MONOCHROME1" or shape == "INVERSE"
                wanted = 1 - expected if inverse else expected
                off = np.abs(shown(data).ravel() - wanted).max()
                assert off < 1e-6, f"{signed=} {photometric} {shape=}: off by {off}"


@pytest.mark.parametrize(("syntax", "bits"), [("jpeg", 8), ("jpeg-12", 12)])
def test_lossy_jpeg_shows_the_known_greys_to_a_level_or_two(syntax, bits):
    stored = ramp(bits)
    levels = dicom.read(film(stored, syntax=syntax, bits=bits))
    assert np.abs(levels.values.astype(int) - stored).max() <= 2


def test_a_codec_that_overshoots_does_not_turn_white_into_black():
    stored = np.clip(
        ramp(12, height=64, width=64), 0, 1023
    )  # a 12-bit JPEG of which the header counts ten bits
    edge = np.where(np.indices(stored.shape).sum(0) % 9 < 4, 0, 1023).astype(np.uint16)
    shown_edge = shown(film(edge, syntax="jpeg-12", bits=12, BitsStored=10, HighBit=9))
    assert np.abs(shown_edge - edge / 1023).max() < 0.2


@given(st.floats(-3000, 6000), st.floats(1, 9000), st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
def test_windows_agree_with_pydicom(centre, width, function):
    header = Dataset()
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = centre, width, function
    header.BitsStored, header.PixelRepresentation, header.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    centre, width = float(header.WindowCenter), float(header.WindowWidth)
    x = np.arange(0, 4096, 13).astype(np.float64)
    assert dicom.windowed(x, centre, width, function) == pytest.approx(
        apply_voi_lut(x, header) / 4095, abs=1e-5
    )


def test_rescale_comes_before_the_window_which_is_in_its_units():
    stored = ramp(12)
    data = film(stored, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2001)
    wanted = np.clip((stored * 2.0 - 1000 - 2999.5) / 2000 + 0.5, 0, 1)
    assert shown(data) == pytest.approx(wanted, abs=1e-6)


def test_a_modality_table_comes_first():
    falling = np.arange(4095, -1, -1)
    data = film(ramp(12), ModalityLUTSequence=table(falling, kind="ModalityLUTSequence"))
    assert shown(data) == pytest.approx(1 - ramp(12) / 4095, abs=1e-6)


def test_a_table_that_claims_more_bits_than_it_uses_is_not_shown_black():
    twelve = np.arange(4096)
    assert shown(film(ramp(12), VOILUTSequence=table(twelve, bits=16))).max() == 1


def test_bits_that_do_not_count_are_masked_and_shifted_away():
    stored = ramp(12)
    junk = stored | (np.arange(stored.size).reshape(stored.shape) % 16 << 12).astype(np.uint16)
    assert (shown(film(junk)) == shown(film(stored))).all()
    assert (shown(film(stored << 4, HighBit=15)) == shown(film(stored))).all()


def test_a_window_that_shows_nothing_is_set_aside_and_said():
    for bad in ({"WindowCenter": 90000, "WindowWidth": 10}, {"WindowCenter": 100, "WindowWidth": 0}):
        levels = dicom.read(film(ramp(12), **bad))
        assert levels.table[levels.values] == pytest.approx(ramp(12) / 4095, abs=1e-6)
        assert "window in the header shows nothing, percentiles used" in levels.words()


def test_padding_sets_no_range_and_is_black_in_both_photometrics():
    stored = np.clip(ramp(12), 1000, 3000)
    stored[:, :4] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        levels = dicom.read(film(stored, photometric=photometric, PixelPaddingValue=4095))
        grey = levels.table[levels.values]
        assert (grey[:, :4] == 0).all()
        assert np.ptp(grey[:, 4:]) == 1
        assert "padding shown black" in levels.words()
    low = film(np.where(stored == 4095, 12, stored), PixelPaddingValue=0, PixelPaddingRangeLimit=20)
    assert (shown(low)[:, :4] == 0).all()


def test_the_bright_borders_of_a_collimator_set_no_range():
    stored = np.random.default_rng(0).integers(800, 2401, (200, 150)).astype(np.uint16)
    framed = np.full((260, 190), 4095, np.uint16)
    framed[40:240, 20:170] = stored
    assert shown(film(framed))[40:240, 20:170] == pytest.approx((stored - 800) / 1600, abs=2e-2)


def test_pixels_that_are_not_square_are_made_square():
    read = door.read_bytes("a.dcm", film(ramp(12, height=40, width=60), ImagerPixelSpacing=[0.4, 0.2]))
    assert read.pixels.shape == (80, 60)
    assert read.spacing == (0.2, 0.2)
    assert "pixels are not square in the file, resampled" in read.notes
    wide = door.read_bytes("a.dcm", film(ramp(12, height=40, width=60), PixelAspectRatio=["1", "2"]))
    assert wide.pixels.shape == (40, 120)


def test_millimetres_come_from_the_detector_only():
    assert door.read_bytes("a.dcm", film(ImagerPixelSpacing=[0.143, 0.143])).spacing == (0.143, 0.143)
    assert door.read_bytes("a.dcm", film(PixelSpacing=[0.2, 0.2])).spacing is None
    assert door.read_bytes("a.dcm", film(ImagerPixelSpacing=[0.0, 0.0])).spacing is None


def test_one_of_several_pictures_is_chosen_and_said():
    stored = np.stack([ramp(12), ramp(12)[:, ::-1], ramp(12)[::-1]])
    for syntax in LOSSLESS:
        data = film(stored, syntax=syntax)
        second = door.read_bytes("a.dcm", data, frame=2)
        assert second.pixels == pytest.approx(stored[1] / 4095, abs=1e-6), syntax
        assert "picture 2 of 3" in second.notes
    with pytest.raises(BadFilm, match=r"a\.dcm: it holds 3 pictures\. Choose one: frame 1 to 3\."):
        door.read_bytes("a.dcm", data)
    with pytest.raises(BadFilm, match="no picture 4, only 3"):
        door.read_bytes("a.dcm", data, frame=4)


def test_a_colour_capture_is_shown_as_its_luminance():
    colours = np.random.default_rng(0).integers(0, 255, (32, 40, 3), dtype=np.uint8)
    wanted = colours @ np.array([0.299, 0.587, 0.114]) / 255
    data = film(colours, bits=8, photometric="RGB", Modality="OT", BurnedInAnnotation="YES")
    levels = dicom.read(data)
    assert levels.table[levels.values] == pytest.approx(wanted, abs=0.51 / 255)
    assert {"colour picture shown as grey", "header warns of text burned into the picture"} <= set(
        levels.words()
    )


def test_a_file_without_preamble_is_read_and_said():
    bare = film(syntax="implicit").partition(b"\x08\x00\x16\x00")
    levels = dicom.read(bare[1] + bare[2])
    assert levels.table[levels.values] == pytest.approx(ramp(12) / 4095, abs=1e-6)
    assert "file without the usual preamble" in levels.words()
