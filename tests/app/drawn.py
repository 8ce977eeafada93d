"""A drawn film with its report: bright where it should be, so that a picture can be checked by eye."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from medvis import methods
from medvis.data.cohort import Cohort, create
from medvis.data.frame import Frame
from medvis.explain.attention import WordMaps
from medvis.models import image as images
from medvis.models import text as texts
from medvis.store.runs import Model, RunRecord, write_run
from medvis.types import Film, Radiograph, Region, Report, Sentence, Study, Word
from train.embed import embed

HEIGHT, WIDTH = 800, 640
FINDINGS = "The heart is normal in size. Small left pleural effusion. No pneumothorax."
IMPRESSION = "Probable small left effusion."


def sentence(number: str, section: str, text: str, whole: str, **flags: bool) -> Sentence:
    start = whole.index(text)
    words, at = [], start
    for raw in text.rstrip(".").split():
        at = whole.index(raw, at)
        words.append(Word(raw, at, at + len(raw)))
        at += len(raw)
    return Sentence(number, section, text, start, tuple(words), **flags)


def sentences() -> tuple[Sentence, ...]:
    return (
        sentence("f0", "findings", "The heart is normal in size.", FINDINGS),
        sentence("f1", "findings", "Small left pleural effusion.", FINDINGS),
        sentence("f2", "findings", "No pneumothorax.", FINDINGS, negated=True),
        sentence("i0", "impression", IMPRESSION, IMPRESSION, uncertain=True),
    )


def picture() -> np.ndarray:
    """Two dark lungs, a grey mediastinum, a grey wedge and a bright square in the patient's left base."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    film = 150 + 20 * np.sin(x / 3.0) * (np.abs(x - 320) < 20)
    for centre in (200, 440):
        film = np.where(((x - centre) / 95) ** 2 + ((y - 380) / 250) ** 2 < 1, 40 + y / 20, film)
    film = np.where((np.abs(x - 460) < 40) & (np.abs(y - 560) < 40), 235, film)
    return np.clip(film, 0, 255).astype(np.uint8)


def film() -> Film:
    return Film(
        "films/drawn.png", HEIGHT, WIDTH, view="PA", orientation=("L", "F"),
        licence="CC0 1.0", credit="Drawn for tests",
        show="open", regions=(Region("bright square", (420.0, 520.0, 500.0, 600.0), "drawn"),),
    )  # fmt: skip


def study() -> Study:
    report = Report(FINDINGS, IMPRESSION, licence="CC0 1.0", credit="Drawn for tests", show="open")
    return Study("drawn-1", "drawn", "test", (film(),), report, {"effusion": 1, "pneumothorax": 0})


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "PNG")
    return stream.getvalue()


def frame(size: int = 224) -> Frame:
    scale = size / max(HEIGHT, WIDTH)
    return Frame(HEIGHT, WIDTH, size, scale, 0.0, (size - WIDTH * scale) / 2)


def maps(rows: int = 14) -> WordMaps:
    """Every word looks at one cell; "effusion" and "left" at the bright square, "the" nowhere."""
    at = frame()
    real = at.seen_cells((rows, rows))
    x, y = at.to_model(np.array([[460.0, 560.0]]))[0]
    square = (int(y / 224 * rows), int(x / 224 * rows))
    units, stack = [], []
    for one in sentences():
        own = []
        for k, word in enumerate(one.words):
            cells = np.full((rows, rows), 0.9, np.float32)
            where = square if word.text.lower() in {"effusion", "left"} else (3 + k, 4 + k)
            if word.text.lower() != "the":
                cells[where] = 7.0
                cells[where[0], where[1] - 1] = cells[where[0] - 1, where[1]] = 3.2
            own.append(np.where(real, cells, np.nan))
            units.append((one.id, k))
            stack.append(own[-1])
        units.append((one.id, -1))
        stack.append(np.mean(own, 0))
    return WordMaps(tuple(units), np.array(stack, np.float32), np.full(len(units), 0.2, np.float32), "drawn")


def home(folder: Path) -> Path:
    """Make a home: one cohort of drawn films, one untrained run on the embedded encoders, its store."""
    made = cohort_of(folder / "cohorts" / "drawn")
    image, text = images.load("embedded:efficientnet-lite0"), texts.load("embedded:minilm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = methods.build("hyden", image.record.width, text.record.width, {})
    record = RunRecord(
        "small", "hyden", {}, {}, made.name, made.hash, image.record.json(), text.record.json(),
        {"image": "", "text": ""}, 0, "2026-01-01T00:00:00Z", {},
    )  # fmt: skip
    run = write_run(folder / "runs" / "small", record, Model(method.eval(), image, text))
    embed(run, made)
    return folder


def cohort_of(folder: Path) -> Cohort:
    """Eight studies: the drawn one, some that lack a part, and one with two films."""
    whole, ready = study(), Radiograph(picture().astype(np.float32) / 255, view="PA", orientation=("L", "F"))
    lateral = Film("", HEIGHT, WIDTH, view="LATERAL", licence="CC0 1.0", show="open")
    plain = dataclasses.replace(film(), orientation=None, regions=(), file="")
    turned = Radiograph(ready.pixels[:, ::-1].copy(), view="LATERAL")
    unstated = Radiograph(ready.pixels, view="PA")
    normal = Report("Clear lungs. No effusion.", "", licence="CC0 1.0", show="open")
    hostile = Report(
        "<b>Bold</b> *stars* $x$ [link](javascript:alert(1)).", "", licence="CC0 1.0", show="open"
    )
    studies = [
        (whole, (ready,)),
        (dataclasses.replace(whole, id="no-film", patient="a", films=()), ()),
        (dataclasses.replace(whole, id="no-report", patient="b", report=None, labels={}), (ready,)),
        (
            dataclasses.replace(whole, id="normal", patient="c", report=normal, labels={"effusion": 0}),
            (ready,),
        ),
        (dataclasses.replace(whole, id="two-films", patient="d", films=(plain, lateral)), (unstated, turned)),
        (dataclasses.replace(whole, id="hostile", patient="e", report=hostile), (ready,)),
        *(
            (dataclasses.replace(whole, id=f"more-{k}", patient=f"f{k}", split="train"), (ready,))
            for k in range(12)
        ),
    ]
    return create(
        folder, iter(studies), name="drawn", source="drawn", about={"summary": "Drawn"}, format="png"
    )
