"""What goes to the browser: one payload, maps where their cells are, text as text."""

import dataclasses
import json
import struct
from typing import Any

import drawn
import numpy as np
import pytest

from app.components.film import Picked, Scene, payload
from medvis.data.frame import Frame
from medvis.explain.attention import WordMaps
from medvis.types import Report, Study


def scene(**changes: Any) -> Scene:
    whole = Scene(drawn.study(), drawn.film(), drawn.png(), drawn.frame(), drawn.maps(), drawn.sentences())
    return dataclasses.replace(whole, **changes)


def opened(data: bytes) -> tuple[dict[str, Any], bytes]:
    size = struct.unpack("<I", data[:4])[0]
    return json.loads(data[4 : 4 + size]), data[4 + size :]


def test_image_and_maps_come_back_to_the_bit() -> None:
    header, body = opened(payload(scene(), Picked()))
    image, maps = header["image"], header["maps"]
    assert body[image["start"] : image["start"] + image["length"]] == drawn.png()
    block = body[maps["block"]["start"] :][: maps["block"]["length"]]
    values = np.frombuffer(block, "<f4").reshape(maps["count"], maps["rows"], maps["columns"])
    np.testing.assert_array_equal(values, drawn.maps().maps)


@pytest.mark.parametrize(("height", "width"), [(800, 640), (640, 800), (500, 500), (1024, 300)])
def test_cells_lie_on_the_film_where_the_frame_puts_them(height: int, width: int) -> None:
    scale = 224 / max(height, width)
    frame = Frame(height, width, 224, scale, (224 - height * scale) / 2, (224 - width * scale) / 2)
    header, _ = opened(payload(scene(frame=frame), Picked()))
    maps = header["maps"]
    for row, column in ((7, 7), (6, 8)):
        x, y = maps["x"] + column * maps["step"], maps["y"] + row * maps["stepY"]
        box = (x, y, x + maps["step"], y + maps["stepY"])
        clipped = np.clip(box, 0, [width, height] * 2)
        np.testing.assert_allclose(clipped, frame.cell_box(row, column, (14, 14)), atol=1e-6)


def test_a_cropped_film_leaves_its_margin_outside_the_grid() -> None:
    cropped = Frame(800, 640, 224, 224 / 640, -80 * 224 / 640, 0.0)
    maps = opened(payload(scene(frame=cropped), Picked()))[0]["maps"]
    assert maps["y"] == pytest.approx(80)
    assert maps["y"] + 14 * maps["stepY"] == pytest.approx(720)


@pytest.mark.parametrize(
    ("orientation", "left", "right"),
    [
        (("L", "F"), "R", "L"), (("R", "F"), "L", "R"), (("A", "F"), "P", "A"), (None, "", ""),
        (("LH", "F"), "R", "L"), (("X", "F"), "", ""),
    ],
)  # fmt: skip
def test_markers_say_the_patients_side_or_that_it_is_not_stated(
    orientation: tuple[str, str] | None, left: str, right: str
) -> None:
    film = dataclasses.replace(drawn.film(), orientation=orientation)
    about = opened(payload(scene(film=film), Picked()))[0]["film"]
    assert (about["left"], about["right"]) == (left, right)
    assert ("orientation not stated" in about["note"]) == (right == "")


def test_pieces_of_a_sentence_are_its_text() -> None:
    header, _ = opened(payload(scene(), Picked()))
    for section in header["sections"]:
        for sentence in section["sentences"]:
            assert "".join(piece["text"] for piece in sentence["pieces"]) == sentence["text"]
            assert [piece["word"] for piece in sentence["pieces"] if "word" in piece] == list(
                range(sum("word" in piece for piece in sentence["pieces"]))
            )


def test_a_word_points_at_its_own_map() -> None:
    header, _ = opened(payload(scene(), Picked()))
    numbers = {
        (sentence["id"], piece["word"]): piece["map"]
        for section in header["sections"] for sentence in section["sentences"]
        for piece in sentence["pieces"] if "word" in piece
    }  # fmt: skip
    assert numbers == {unit: k for k, unit in enumerate(drawn.maps().units) if unit[1] >= 0}


def test_a_word_without_a_map_says_so() -> None:
    short = drawn.maps()
    cut = WordMaps(short.units[:3], short.maps[:3], short.likeness[:3], "")
    header, _ = opened(payload(scene(maps=cut), Picked()))
    assert header["sections"][1]["sentences"][0]["map"] == -1


def test_an_empty_section_stays_and_a_study_without_a_report_has_none() -> None:
    empty = dataclasses.replace(drawn.study(), report=Report("Clear.", ""))
    header, _ = opened(payload(scene(study=empty, sentences=()), Picked()))
    assert [section["sentences"] for section in header["sections"]] == [[], []]
    header, _ = opened(payload(Scene(Study("x", "x", "test")), Picked()))
    assert header["sections"] == []
    assert header["image"] is None


def test_the_same_film_has_one_id_whatever_is_selected() -> None:
    first, second = (opened(payload(scene(), pick))[0] for pick in (Picked(), Picked("f1", 3, 4.0, False)))
    assert first["id"] == second["id"]
    assert second["picked"] == {"sent": "f1", "word": 3, "thr": 4.0, "grid": False}
    other = opened(payload(scene(maps=None, mapless="none"), Picked()))[0]
    assert other["id"] != first["id"]
