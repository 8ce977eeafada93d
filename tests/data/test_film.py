"""Exports come through the door as they look, and go back out without anything but pixels."""

import io
import os

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from medvis.data import film
from medvis.errors import BadFilm
from medvis.types import Radiograph


def slope(height=48, width=64, top=255, dtype=np.uint8):
    """Grey that grows from the upper left corner to the lower right one."""
    return np.linspace(0, top, height * width).reshape(height, width).astype(dtype)


def encoded(array, kind="PNG", **options):
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refusal(data, name="a.png", **options):
    with pytest.raises(BadFilm) as caught:
        film.read_bytes(name, data, **options)
    return caught.value


def test_an_eight_bit_png_is_read_value_by_value():
    read = film.read_bytes("a.png", encoded(slope()))
    assert (np.rint(read.pixels * 255) == slope()).all()
    assert read.pixels.dtype == np.float32
    assert read.notes == ("8-bit export",)
    assert read.spacing is None


def test_a_jpeg_is_told_by_content_whatever_its_name(tmp_path):
    path = tmp_path / "film.dcm"
    path.write_bytes(encoded(slope(), "JPEG", quality=95))
    read = film.read(path)
    assert np.abs(read.pixels * 255 - slope()).max() < 4
    assert "lossy compression" in read.notes


def test_a_sixteen_bit_png_keeps_its_sixteen_bits():
    stored = slope(top=65535, dtype=np.uint16)
    read = film.read_bytes("a.png", encoded(stored))
    assert (np.rint(read.pixels * 65535).astype(np.uint16) == stored).all()
    assert read.notes == ()


def test_twelve_bits_in_a_sixteen_bit_png_are_not_shown_black():
    read = film.read_bytes("a.png", encoded(slope(top=4000, dtype=np.uint16)))
    assert read.pixels.max() == pytest.approx(4000 / 4095)
    assert read.notes == ("16-bit file with values up to 4000, shown over that range",)


def test_transparency_lies_on_black_and_is_said():
    layers = np.dstack([np.full((32, 32), 200, np.uint8), np.tile(np.array([0, 255], np.uint8), (32, 16))])
    read = film.read_bytes("a.png", encoded(Image.fromarray(layers, "LA")))
    assert read.pixels[:, 0].max() == 0
    assert read.pixels[:, 1] == pytest.approx(200 / 255)
    assert "transparency laid on black" in read.notes


def test_grey_stored_as_colour_is_grey_and_colour_is_said():
    grey = film.read_bytes("a.png", encoded(np.dstack([slope()] * 3)))
    assert (np.rint(grey.pixels * 255) == slope()).all()
    assert "colour picture shown as grey" not in grey.notes
    red = np.dstack([slope(), slope() * 0, slope() * 0])
    assert "colour picture shown as grey" in film.read_bytes("a.png", encoded(red)).notes


def test_palettes_are_looked_up():
    read = film.read_bytes("a.png", encoded(Image.fromarray(slope()).convert("P")))
    assert np.abs(read.pixels * 255 - slope()).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "back", "said"),
    [
        (3, lambda a: a[::-1, ::-1], "turned"),
        (6, lambda a: np.rot90(a, -1), "turned"),
        (8, np.rot90, "turned"),
        (2, lambda a: a[:, ::-1], "mirrored"),
    ],
)
def test_exif_orientation_is_applied_and_said(orientation, back, said):
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = film.read_bytes("a.png", encoded(slope(), exif=exif))
    assert (np.rint(read.pixels * 255) == back(slope())).all()
    assert any(note.startswith(said) for note in read.notes)


def test_nothing_but_pixels_leaves_the_door(tmp_path):
    comment = PngImagePlugin.PngInfo()
    comment.add_text("Comment", "SEEDTOKEN")
    exif = Image.Exif()
    exif[0x010E] = "SEEDTOKEN"
    kinds = (
        encoded(slope(), pnginfo=comment, exif=exif),
        encoded(slope(), "JPEG", comment=b"SEEDTOKEN", exif=exif),
    )
    for data in kinds:
        assert b"SEEDTOKEN" in data
        read = film.read_bytes("a", data)
        film.write(read, tmp_path / "out.png")
        film.write(read, tmp_path / "out.jpg")
        outputs = [(tmp_path / name).read_bytes() for name in ("out.png", "out.jpg")]
        assert not any(
            b"SEEDTOKEN" in out for out in [*outputs, repr(read).encode(), film.encode_jpeg(read, 32)]
        )


def test_a_written_film_reads_back_to_the_grey_level(tmp_path):
    shown = Radiograph(np.random.default_rng(0).random((40, 50), np.float32))
    film.write(shown, tmp_path / "a" / "b.png")
    assert np.abs(film.read(tmp_path / "a" / "b.png").pixels - shown.pixels).max() <= 0.5 / 255 + 1e-6
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]


def test_an_encoded_film_keeps_its_shape_and_is_never_enlarged():
    shown = Radiograph(slope(300, 200).astype(np.float32) / 255)
    small = Image.open(io.BytesIO(film.encode_jpeg(shown, 150)))
    assert small.size == (100, 150)
    assert np.abs(np.asarray(small, float) - slope(150, 100)).max() < 8
    assert Image.open(io.BytesIO(film.encode_png(shown, 4000))).size == (200, 300)


def test_every_refusal_says_file_cause_and_remedy(tmp_path):
    assert refusal(b"", "folder/x.png").code == "empty"
    assert refusal(b"hello, this is text", "x.txt").code == "unknown-format"
    assert refusal(encoded(slope(90, 90))[:150]).code == "damaged"
    assert refusal(encoded(np.full((32, 32), 7, np.uint8))).code == "constant"
    assert refusal(encoded(slope(8, 400))).code == "bad-size"
    with pytest.raises(BadFilm, match=r"gone\.png: it cannot be opened\. Check"):
        film.read(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    for odd in (tmp_path, tmp_path / "pipe.png"):
        with pytest.raises(BadFilm, match="cannot be opened"):
            film.read(odd)
    error = refusal(b"x", "C:\\secret\\folder/film\n\x1b[31m.png")
    assert error.file == "film[31m.png"
    assert str(error).startswith("film[31m.png: it is neither")
    assert error.remedy


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked():
    bomb = encoded(Image.new("1", (9000, 9000)))
    assert len(bomb) < 50_000
    error = refusal(bomb)
    assert error.code == "too-many-pixels"
    assert "81 million" in str(error)


def test_a_text_bomb_in_a_png_is_refused():
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "A" * (8 << 20), zip=True)
    assert refusal(encoded(slope(), pnginfo=info)).code in ("damaged", "memory")


def test_many_files_come_in_order_with_their_errors(tmp_path):
    paths = []
    for number in range(8):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(b"no" if number == 3 else encoded(slope() // (number + 1)))
    found = list(film.read_many(paths))
    assert isinstance(found[3], BadFilm)
    ahead = film.read_many(iter(paths))
    assert isinstance(next(ahead), Radiograph)
    brightest = [round(one.pixels.max() * 255) for one in found if isinstance(one, Radiograph)]
    assert brightest == [255, 127, 85, 51, 42, 36, 31]
