"""A small cohort and a small untrained run, for the tests that need both."""

import dataclasses
from pathlib import Path

import torch

from medvis import methods
from medvis.data import cohort, places
from medvis.data.cohort import Cohort
from medvis.models import image, text
from medvis.store.record import RunRecord
from medvis.store.runs import Model, Run, write_run
from medvis.types import Film, Radiograph, Report, Study

SENTENCES = (
    "The heart is enlarged.",
    "Small left pleural effusion.",
    "No pneumothorax.",
    "The lungs are clear.",
    "There is consolidation in the right lower lobe.",
)


def film(seed: int) -> Radiograph:
    pixels = torch.rand(48, 40, generator=torch.Generator().manual_seed(seed)).numpy()
    return Radiograph(pixels, view="PA")


def studies(count: int) -> list[tuple[Study, tuple[Radiograph, ...]]]:
    """Return studies of which 0 has no film, 1 no report, 2 two films, 3 no findings; two a patient."""
    made = []
    for at in range(count):
        words = " ".join(SENTENCES[(at + shift) % 5] for shift in range(1 + at % 3))
        report = None if at == 1 else Report("" if at == 3 else words, SENTENCES[at % 5])
        films = 0 if at == 0 else 2 if at == 2 else 1
        facts = tuple(Film("", 0, 0, view=("PA", "LATERAL")[one]) for one in range(films))
        labels = {"Effusion": int(at % 3 == 0), "Cardiomegaly": int(at % 2 == 0)}
        study = Study(f"s{at:03d}", f"p{at // 2:03d}", ("train", "test")[at // 2 % 2], facts, report, labels)
        made.append((study, tuple(film(100 * at + one) for one in range(films))))
    return made


def small_cohort(count: int = 24) -> Cohort:
    path = places.new_cohort("small")
    return cohort.create(path, studies(count), name="small", source="made", about={}, format="png")


def small_model(method: str, seed: int = 0) -> Model:
    seen = image.load("random:test_resnet", size=64, seed=seed)
    read = text.fresh(SENTENCES, layers=1, width=64, vocabulary=300, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = methods.build(method, seen.record.width, read.record.width, {"dims": 16})
    return Model(built.eval(), seen.eval(), read.eval())


def small_run(found: Cohort, method: str = "hyden", *, name: str = "small", seed: int = 0) -> Run:
    model = small_model(method, seed)
    record = RunRecord(
        name, method, dataclasses.asdict(model.method.config) if method == "hyden" else {"dims": 16}, {},
        found.path.name, found.hash, model.image.record.json(), model.text.record.json(), {}, 0,
        "2026-11-21T00:00:00+00:00", {},
    )  # fmt: skip
    return write_run(Path(places.new_run(name)), record, model)
