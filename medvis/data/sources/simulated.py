"""Simulated chest films with known truth: nothing is downloaded, and every finding's place is known."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medvis.data import studio, thorax
from medvis.errors import BadSource
from medvis.types import Film, Radiograph, Region, Report, Study

from . import Reading, Source

LICENCE = f"{thorax.LICENCE} (derived from {thorax.CREDIT}); simulated"
CREDIT = f"Simulated by medvis from {thorax.CREDIT}"
NAMES = {
    "consolidation": "Consolidation",
    "nodule": "Nodule",
    "mass": "Mass",
    "granuloma": "Granuloma",
    "effusion": "Effusion",
    "pneumothorax": "Pneumothorax",
    "oedema": "Edema",
    "atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "elevated hemidiaphragm": "Elevated Hemidiaphragm",
    "no finding": "No Finding",
}
_SPLITS = ("train",) * 7 + ("val",) + ("test",) * 2


@dataclass(frozen=True)
class Options:
    """How many patients, which ones, and how large their films are."""

    patients: int = 96
    """Number of patients; one in four is seen twice."""
    seed: int = 1
    """Another seed gives other patients."""
    size: int = 512
    """Longer side of a film in pixels."""
    workers: int = 0
    """Processes; 0 takes one for each core, at most 8."""


def read(path: Path, options: Options) -> Reading:
    """Yield simulated studies.

    Args:
        path: Folder of a reduced thorax; `Path()` takes the shipped one.
        options: How many, which, how large.

    Raises:
        BadSource: If the thorax is missing or damaged, or there would be no patient or no picture.
    """
    if options.patients < 1 or options.size < 64:
        raise BadSource(
            "There is nothing to simulate.", remedy="Ask for a patient or more, and 64 pixels or more."
        )
    folder = thorax.SHIPPED if path == Path() else path
    workers = options.workers or min(8, os.cpu_count() or 1, options.patients)
    for made in studio.studies(folder, options.seed, range(options.patients), options.size, workers):
        yield _study(made, options.seed)


def simulate(patients: int, seed: int, *, size: int = 512, workers: int = 0) -> Reading:
    """Yield studies made from the shipped thorax; each depends on (seed, patient) alone."""
    return read(Path(), Options(patients, seed, size, workers))


def split(patient: int) -> str:
    """Return the side of the split on which a patient is, with all visits: 7 of 10 train, 1 val, 2 test."""
    return _SPLITS[(patient * 7 + patient // 10) % 10]


def _study(made: studio.Made, seed: int) -> tuple[Study, tuple[Radiograph, ...]]:
    patient = f"sim{seed}-{made.patient:05d}"
    about = made.about
    spacing = (float(about["spacing"][0]), float(about["spacing"][1]))
    orientation = ("L", "F")
    notes = ("simulated", "8-bit")
    film = Film(
        file="",
        height=made.pixels.shape[0],
        width=made.pixels.shape[1],
        view=about["view"],
        spacing=spacing,
        orientation=orientation,
        notes=notes,
        licence=LICENCE,
        credit=CREDIT,
        show="open",
        regions=tuple(_region(name, box) for name, box in about["regions"].items()),
    )
    report = Report(about["findings"], about["impression"], licence=LICENCE, credit=CREDIT, show="open")
    labels = {NAMES[name]: value for name, value in about["labels"].items()}
    radiograph = Radiograph(made.pixels.astype(np.float32) / 255, spacing, about["view"], orientation, notes)
    study = Study(f"{patient}-{made.visit}", patient, split(made.patient), (film,), report, labels)
    return study, (radiograph,)


def _region(name: str, box: Sequence[float]) -> Region:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    finding = any(name.startswith(kind) for kind in NAMES)
    return Region(name, (x0, y0, x1, y1), source="simulated finding" if finding else "simulated anatomy")


SOURCE = Source(
    name="simulated",
    summary="Simulated films from one real CT, with the true place of every finding",
    options=Options,
    read=read,
)
