"""Mutated files and bombs: each ends soon, in a film of finite greys or in a named error."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from dicom_files import LOSSLESS, film, ramp
from PIL import Image

from medvis.data import film as door
from medvis.data.verdict import CAUSES
from medvis.errors import BadFilm

EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)


def seeds():
    picture = Image.fromarray(ramp(8).view(np.uint8))
    exports = []
    for kind, options in (("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True})):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        exports.append(buffer.getvalue())
    described = {
        "WindowCenter": 2000,
        "WindowWidth": 3000,
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "PixelPaddingValue": 0,
    }
    made = [film(syntax=syntax, **described) for syntax in LOSSLESS]
    return [*made, film(ramp(8), syntax="jpeg", bits=8), film(syntax="jpeg-12"), *exports]


def mutated(data, chance):
    """A file with one to four faults: flipped, replaced, cut, doubled or removed bytes, or a wrong length."""
    broken = bytearray(data)
    for _ in range(chance.integers(1, 5)):
        reach = (
            min(len(broken), 1200) if chance.random() < 0.7 else len(broken)
        )  # headers are the tender part
        at, deed = int(chance.integers(0, reach)), chance.integers(0, 7)
        if deed == 0:
            broken[at] ^= 1 << int(chance.integers(0, 8))
        elif deed == 1:
            broken[at] = EDGES[chance.integers(0, len(EDGES))]
        elif deed == 2:
            broken[at : at + 4] = struct.pack("<I", int(chance.choice([0, 1, 2**31, 2**32 - 1, len(data)])))
        elif deed == 3:
            del broken[at : at + int(chance.integers(1, 40))]
        elif deed == 4:
            broken[at:at] = broken[at : at + int(chance.integers(1, 200))]
        elif deed == 5 and chance.random() < 0.3:
            del broken[at:]
        else:
            broken[at : at + 8] = chance.bytes(8)
        if not broken:
            break
    return bytes(broken)


def fate(data):
    """The film or the error's code; anything else that happens is the test's failure."""
    began = time.monotonic()
    try:
        read = door.read_bytes("a.dcm", data)
        assert np.isfinite(read.pixels).all()
        assert 0 <= read.pixels.min() < read.pixels.max() <= 1
        code = "film"
    except BadFilm as error:
        code = error.code if error.remedy else "no remedy"
    assert code in {*CAUSES, "film"}
    assert time.monotonic() - began < 15
    return code


def mutations(number, seed):
    chance, files = np.random.default_rng(seed), seeds()
    return [fate(mutated(files[turn % len(files)], chance)) for turn in range(number)]


def test_four_hundred_mutated_files_end_in_films_or_named_errors():
    fates = mutations(400, seed=1)
    assert {"film", "damaged", "codestream", "missing-field"} <= set(fates)
    assert fates.count("film") > 40


@pytest.mark.slow
def test_four_thousand_mutated_files_end_in_films_or_named_errors():
    mutations(4000, seed=2)


def deflate_bomb():
    """A few hundred kilobytes that unpack to half a gigabyte."""
    data = film(syntax="deflated")
    end = 144 + struct.unpack("<I", data[140:144])[0]
    packer = zlib.compressobj(9, wbits=-15)
    zeros = b"\0" * (1 << 20)
    return data[:end] + b"".join(packer.compress(zeros) for _ in range(512)) + packer.flush()


def nested(levels):
    """Sequences in sequences, of undefined length."""
    start, end = (
        b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
        b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
    )
    data = film()
    at = data.index(b"\x28\x00\x02\x00US")
    return data[:at] + start * levels + end * levels + data[at:]


def png_of(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"\0" * 64)
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def swollen(syntax, place, size):
    """A film whose compressed picture claims to be larger than it is, header and codestream in agreement."""
    data = bytearray(film(syntax=syntax, Rows=size, Columns=size))
    if place == "SIZ":
        at = data.index(b"\xff\x4f\xff\x51") + 8
        struct.pack_into(">II", data, at, size, size)
        struct.pack_into(">II", data, at + 16, size, size)
    else:
        at = next(
            at for at in range(300, len(data)) if data[at] == 0xFF and data[at + 1] in (0xC1, 0xC3, 0xF7)
        )
        struct.pack_into(">HH", data, at + 5, size, size)
    return bytes(data)


BOMBS = {
    "deflate": (deflate_bomb, "unpacks-too-far"),
    "nested sequences": (lambda: nested(3000), "damaged"),
    "png of 3.6 gigapixels": (lambda: png_of(60000, 60000), "bad-size"),
    "png of 13000 squared": (lambda: png_of(13000, 13000), "too-many-pixels"),
    "rows x columns": (lambda: film(Rows=20000, Columns=20000), "too-many-pixels"),
    "frames": (lambda: film(NumberOfFrames=9999, Rows=6000, Columns=6000), "several-frames"),
    "jpeg 2000 of 20000 squared": (lambda: swollen("jpeg-2000", "SIZ", 20000), "too-many-pixels"),
    "jpeg 2000 of 6000 squared": (lambda: swollen("jpeg-2000", "SIZ", 6000), "damaged"),
    "jpeg-ls of 6000 squared": (lambda: swollen("jpeg-ls", "SOF", 6000), "damaged"),
    "lossless jpeg of 6000 squared": (lambda: swollen("jpeg-lossless", "SOF", 6000), "truncated"),
    "12-bit jpeg of 6000 squared": (lambda: swollen("jpeg-12", "SOF", 6000), "truncated"),
    "run lengths": (lambda: film(syntax="rle", Rows=6000, Columns=6000), "damaged"),
    "one bit": (lambda: film().replace(b"US\x02\x00\x0c\x00", b"US\x02\x00\x01\x00"), "bad-bits"),
}


@pytest.mark.parametrize("syntax", ["jpeg-ls", "jpeg-2000", "jpeg-lossless", "jpeg-12", "jpeg"])
def test_a_picture_cut_short_is_not_shown_with_a_grey_rest(syntax):
    bits = 8 if syntax == "jpeg" else 12
    stored = (
        np.random.default_rng(0).integers(0, 1 << bits, (64, 64)).astype(np.uint8 if bits == 8 else np.uint16)
    )
    data = film(stored, syntax=syntax, bits=bits)
    end = data.rindex(b"\xfe\xff\xdd\xe0")
    for lost in (2, 40, 900):
        assert fate(data[: end - lost] + b"\0" * lost + data[end:]) in ("truncated", "damaged"), lost


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_does_not_go_off(bomb):
    make, code = BOMBS[bomb]
    data = make()
    assert len(data) < 2 << 20
    assert fate(data) == code
    assert fate(film()) == "film"
