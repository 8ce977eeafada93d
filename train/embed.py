"""Places every film and text of a cohort, each of itself alone, and publishes the store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from medvis.data import batch, frame, report
from medvis.data.cohort import Cohort
from medvis.explain import prompts
from medvis.geometry.lorentz import Lorentz
from medvis.methods.base import Method, Spreads
from medvis.store.matrix import Rows
from medvis.store.publish import publish
from medvis.store.runs import Model, Run
from medvis.store.schema import About
from medvis.types import Density, Encoded, Film, Mode, Study

from . import pairs
from .pairs import Cached
from .subject import joined

FILMS = 16  # decoded and encoded at a time
TEXTS = 256  # encoded at a time
ROWS = 4096  # published at a time


@dataclass(frozen=True)
class Item:
    """A row to be: which item of which study, and the text that it is."""

    kind: str
    study: str
    patient: str
    split: str
    ref: str
    text: str = ""


def embed(run: Run, cohort: Cohort) -> Path:
    """Place films, reports, sections, sentences and prompts, publish them, and return the store's file.

    Every place is of the item alone: a film placed with its own report would find it from noise. Studies
    without a film or without a report are first-class: what they have is placed, what they lack is
    counted in the manifest.

    Args:
        run: A trained run.
        cohort: Any cohort, not only the one that it was trained on.

    Raises:
        BadRun: If the run's weights are damaged.
        BadCohort: If a film cannot be read.
        NonFinite: If a place is not a number.
    """
    model = on_device(run.model())
    studies = cohort.studies()
    space = model.method.geometry
    curved = isinstance(space, Lorentz)
    with torch.inference_mode():
        words = [*_texts(studies), *_prompts(studies)]
        first = model.method.place(model.text.encode([words[0].text if words else "chest radiograph"])).whole
        about = About(
            run=run.id,
            cohort=cohort.hash,
            cohort_name=cohort.path.name,
            geometry="lorentz" if curved else "sphere",
            d=first.mean.shape[-1],
            curv=float(space.curv) if isinstance(space, Lorentz) else 0.0,
            densities=model.method.can(Spreads),
            left_out=left_out(studies),
            restricted=any(_restricted(study) for study in studies),
        )
        known = pairs.cached(model, cohort) if _shares_cache(run, cohort) else None
        return publish(run.folder, cohort.hash, _rows(model, cohort, known, studies, words), about)


def _restricted(study: Study) -> bool:
    """Return whether the licence of a film or of the report forbids passing on what is made from it."""
    shown = [film.show for film in study.films] + [study.report.show if study.report else "open"]
    return "restricted" in shown


def left_out(studies: Sequence[Study]) -> dict[str, int]:
    """Return how many studies have nothing to place of each sort."""
    reports = [study.report for study in studies if study.report is not None]
    return {
        "studies without a film": sum(not study.films for study in studies),
        "studies without a report": len(studies) - len(reports),
        "reports without findings": sum(not one.findings.strip() for one in reports),
        "reports without impression": sum(not one.impression.strip() for one in reports),
    }


def _shares_cache(run: Run, cohort: Cohort) -> bool:
    """Return whether the training kept what its frozen encoders made of this cohort."""
    return {"image", "text"} <= run.record.towers.keys() and run.record.cohort_hash == cohort.hash


def _rows(
    model: Model, cohort: Cohort, known: Cached | None, studies: Sequence[Study], words: Sequence[Item]
) -> Iterator[Rows]:
    yield from _film_rows(model, cohort, known, studies)
    if not words:
        return
    unique = {text: at for at, text in enumerate(dict.fromkeys(item.text for item in words))}
    places = _place_texts(model, known, list(unique))
    for start in range(0, len(words), ROWS):
        part = words[start : start + ROWS]
        yield _published(model.method, part, places[torch.tensor([unique[item.text] for item in part])])


def _film_rows(
    model: Model, cohort: Cohort, known: Cached | None, studies: Sequence[Study]
) -> Iterator[Rows]:
    films = [
        (Item("film", study.id, study.patient, study.split, f"film{at}"), film)
        for study in studies
        for at, film in enumerate(study.films)
    ]
    kept = set() if known is None else _kept(known, studies)
    cached = [item for item, _ in films if (item.study, item.ref) in kept]
    others = [(item, film) for item, film in films if (item.study, item.ref) not in kept]
    for start in range(0, len(cached), FILMS):
        part = cached[start : start + FILMS]
        assert known is not None
        encoded = known.films.encoded([item.study for item in part])
        yield _published(model.method, part, place_alone(model.method, encoded))
    for start in tqdm(range(0, len(others), FILMS), desc="placing films", disable=None, leave=False):
        some = others[start : start + FILMS]
        placed = place_alone(model.method, encode_films(model, cohort, [film for _, film in some]))
        yield _published(model.method, [item for item, _ in some], placed)


def _kept(known: Cached, studies: Sequence[Study]) -> set[tuple[str, str]]:
    """Return which films the cache holds: the frontal one of each study in it."""
    inside = set(known.films.shards.keys)
    chosen = [(study, batch.frontal(study)) for study in studies if study.id in inside]
    return {(study.id, f"film{study.films.index(film)}") for study, film in chosen if film is not None}


def encode_films(model: Model, cohort: Cohort, films: Sequence[Film]) -> Encoded:
    """Return films of a cohort as the model sees them."""
    size, device = model.image.record.size, next(model.image.parameters()).device
    fitted = [frame.fit(cohort.radiograph(film).pixels, size)[:2] for film in films]
    pixels, seen = (torch.stack(part).to(device) for part in zip(*fitted, strict=True))
    encoded: Encoded = model.image(pixels, seen)
    return encoded


def on_device(model: Model) -> Model:
    """Return the model on the GPU if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Model(model.method.to(device), model.image.to(device), model.text.to(device))


def _place_texts(model: Model, known: Cached | None, texts: Sequence[str]) -> Density:
    """Return the place of each text, cached ones first; texts of like length are encoded together."""
    kept = set() if known is None else set(known.texts.shards.keys)
    order = sorted(range(len(texts)), key=lambda at: (texts[at] not in kept, len(texts[at])))
    found = []
    for start in tqdm(range(0, len(order), TEXTS), desc="placing texts", disable=None, leave=False):
        chunk = [texts[at] for at in order[start : start + TEXTS]]
        if known is not None and kept.issuperset(chunk):
            encoded = known.texts.encoded(chunk)
        else:
            encoded = model.text.encode(chunk)
        found.append(place_alone(model.method, encoded))
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
    return joined(found)[back]


def place_alone(method: Method, item: Encoded) -> Density:
    """Return the places of items of themselves alone, which may be indexed.

    Raises:
        ValueError: If the method can place them only together with something else.
    """
    placed = method.place(item.to(next(method.parameters()).device))
    if placed.mode not in (Mode.POINT, Mode.GLOBAL):
        raise ValueError(f"{method.name} gave a {placed.mode.value} place: it cannot be indexed")
    return placed.whole


def _published(method: Method, items: Sequence[Item], places: Density) -> Rows:
    return Rows(
        kind=tuple(item.kind for item in items),
        study=tuple(item.study for item in items),
        patient=tuple(item.patient for item in items),
        split=tuple(item.split for item in items),
        ref=tuple(item.ref for item in items),
        text_hash=tuple(report.text_hash(item.text) if item.text else "" for item in items),
        mean=places.mean.cpu(),
        log_scale=None if places.log_scale is None else places.log_scale.cpu(),
        root_dist=_root_dist(method, places.mean).cpu(),
    )


def _root_dist(method: Method, mean: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Return distances to the root; 0 on the sphere, which has none."""
    space = method.geometry
    if isinstance(space, Lorentz):
        return space.root_dist(mean.double())
    return torch.zeros(len(mean), dtype=torch.double)


def _texts(studies: Sequence[Study]) -> Iterator[Item]:
    for study in studies:
        if study.report is None:
            continue
        whole = [
            ("report", study.report.text),
            ("findings", study.report.findings),
            ("impression", study.report.impression),
        ]
        single = [(sentence.id, sentence.text) for sentence in report.sentences(study.report)]
        for ref, text in whole:
            if text.strip():
                yield Item(ref, study.id, study.patient, study.split, ref, text)
        for ref, text in single:
            yield Item("sentence", study.id, study.patient, study.split, ref, text)


def _prompts(studies: Sequence[Study]) -> Iterator[Item]:
    for text in prompts.texts(prompts.findings(studies)):
        yield Item("prompt", "", "", "", text, text)
