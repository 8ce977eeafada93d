"""The film viewer: a canvas and the report beside it; hover, window and zoom need no server trip."""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from medvis.data.frame import Frame
from medvis.explain.attention import FLAT, WordMaps
from medvis.types import Film, Sentence, Study

TOP = 5.0  # times uniform at which the colour scale ends: one scale for every map of every run
THRESHOLD = 2.0  # times uniform from which a map is drawn at first
OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "H": "F", "F": "H"}
PARTS = ("film_payload.js", "film_paint.js", "film_report.js", "film_controls.js", "film.js")


@dataclass(frozen=True)
class Picked:
    """What is selected in the viewer.

    Attributes:
        sent: Sentence id, "" for nothing.
        word: Index of the word in the sentence, -1 for the whole sentence.
        thr: Threshold in multiples of uniform.
        grid: Whether maps are drawn on their native grid.
    """

    sent: str = ""
    word: int = -1
    thr: float = THRESHOLD
    grid: bool = True


@dataclass(frozen=True)
class Scene:
    """One film and its report, ready to be shown.

    Attributes:
        study: The study.
        film: Its film; None if it has none.
        image: The film's 8-bit JPEG or PNG.
        frame: Where the model's grid lies on the film; None without a model.
        maps: Where words look; None without a model or a report.
        sentences: The report's sentences.
        mapless: Why there are no maps, in plain words.
    """

    study: Study
    film: Film | None = None
    image: bytes = b""
    frame: Frame | None = None
    maps: WordMaps | None = None
    sentences: tuple[Sentence, ...] = ()
    mapless: str = ""


def viewer(scene: Scene, picked: Picked, *, key: str, on_picked: Callable[[], None]) -> None:
    """Show a film and its report.

    Args:
        scene: What to show.
        picked: What is selected; the browser follows it when it changes here.
        key: Key of the component; `st.session_state[key]["picked"]` then holds the fields of Picked as
            the person last set them.
        on_picked: Called when a word was clicked, or the threshold or grid was changed.
    """
    _component()(key=key, data=payload(scene, picked), on_picked_change=on_picked)


def payload(scene: Scene, picked: Picked) -> bytes:
    """Return all that the browser needs: length of a JSON header, the header, the image, the maps."""
    values = b"" if scene.maps is None else np.ascontiguousarray(scene.maps.maps, "<f4").tobytes()
    header: dict[str, Any] = {
        "film": _film(scene),
        "image": {"start": 0, "length": len(scene.image), "type": _mime(scene.image)}
        if scene.image
        else None,
        "maps": _maps(scene, start=len(scene.image), length=len(values)),
        "sections": _sections(scene),
        "regions": [
            {"name": region.name, "box": region.box} for region in (scene.film.regions if scene.film else ())
        ],
        "mapless": scene.mapless,
        "top": TOP,
        "flat": FLAT,
    }
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode() + scene.image + values)
    head = json.dumps({**header, "id": digest.hexdigest()[:16], "picked": vars(picked)}).encode()
    return struct.pack("<I", len(head)) + head + scene.image + values


@cache
def _component() -> ComponentRenderer:
    here = Path(__file__).parent
    return st.components.v2.component(
        "medvis_film",
        js="\n".join((here / part).read_text() for part in PARTS),
        css=(here / "film.css").read_text(),
    )


def _film(scene: Scene) -> dict[str, Any]:
    """Return what is written on and about the film."""
    film = scene.film
    if film is None:
        return {
            "id": scene.study.id,
            "width": 1,
            "height": 1,
            "left": "",
            "right": "",
            "note": "",
            "alt": "No film.",
        }
    side = film.orientation[0][:1] if film.orientation else ""
    left, right = (OPPOSITE[side], side) if side in OPPOSITE else ("", "")
    note = " · ".join(
        [
            *(["SIMULATED"] if "simulated" in film.notes else []),
            film.view or "view not stated",
            *([] if right else ["orientation not stated"]),
            "display values, not detector values",
        ]
    )
    sides = f"Patient {left} at the left edge of the picture." if right else "Orientation not stated."
    return {
        "id": f"{scene.study.id}/{film.file}", "width": film.width, "height": film.height,
        "left": left, "right": right, "note": note,
        "alt": f"Chest film of study {scene.study.id}, {film.view or 'view not stated'}. {sides}",
    }  # fmt: skip


def _maps(scene: Scene, *, start: int, length: int) -> dict[str, Any] | None:
    """Return where the maps' cells lie on the film, in film pixels."""
    if scene.maps is None or scene.frame is None or not len(scene.maps.maps):
        return None
    count, rows, columns = scene.maps.maps.shape
    corners = scene.frame.to_image(np.array([[0.0, 0.0], [scene.frame.size, scene.frame.size]]))
    return {
        "rows": rows, "columns": columns, "count": count, "block": {"start": start, "length": length},
        "x": float(corners[0, 0]), "y": float(corners[0, 1]),
        "step": float(corners[1, 0] - corners[0, 0]) / columns,
        "stepY": float(corners[1, 1] - corners[0, 1]) / rows,
        "likeness": [None if np.isnan(r) else round(float(r), 3) for r in scene.maps.likeness],
    }  # fmt: skip


def _sections(scene: Scene) -> list[dict[str, Any]]:
    """Return the report cut into words, each with the number of its map (-1 for none)."""
    if scene.study.report is None:
        return []
    numbers = {} if scene.maps is None else {unit: k for k, unit in enumerate(scene.maps.units)}
    return [
        {
            "name": name.title(),
            "sentences": [_sentence(one, numbers) for one in scene.sentences if one.section == name],
        }
        for name in ("findings", "impression")
    ]


def _sentence(sentence: Sentence, numbers: dict[tuple[str, int], int]) -> dict[str, Any]:
    """Return a sentence as pieces of text, words and what lies between them."""
    pieces: list[dict[str, Any]] = []
    cursor = sentence.start
    for k, word in enumerate(sentence.words):
        between = sentence.text[cursor - sentence.start : word.start - sentence.start]
        pieces += [{"text": between}] if between else []
        pieces.append({"text": word.text, "word": k, "map": numbers.get((sentence.id, k), -1)})
        cursor = word.stop
    rest = sentence.text[cursor - sentence.start :]
    pieces += [{"text": rest}] if rest else []
    return {
        "id": sentence.id, "text": sentence.text,
        "negated": sentence.negated, "uncertain": sentence.uncertain,
        "map": numbers.get((sentence.id, -1), -1), "pieces": pieces,
    }  # fmt: skip


def _mime(image: Sequence[int]) -> str:
    return "image/png" if bytes(image[:4]) == b"\x89PNG" else "image/jpeg"
