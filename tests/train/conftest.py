"""A small cohort whose films and words agree, so that a method can learn in a few steps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medvis.data.cohort import Cohort, create
from medvis.types import Film, Radiograph, Report, Study

SIDES = ("left", "right")
SIZES = ("small", "large")


def study(number: int) -> tuple[Study, tuple[Radiograph, ...]]:
    side, size = SIDES[number % 2], SIZES[number // 2 % 2]
    draw = np.random.default_rng(number)
    pixels = (0.3 + 0.05 * draw.random((72, 64))).astype(np.float32)
    column = 12 if side == "right" else 40  # the patient's right is on the film's left
    extent = 6 if size == "small" else 14
    pixels[30 : 30 + extent, column : column + extent] += 0.5
    report = Report(
        f"There is a {size} {side} effusion number {number}. The heart is normal.", f"Effusion {side}."
    )
    split = "val" if number % 5 == 4 else "train"
    film = Film("", 1, 1, view="PA", licence="made up", show="open")
    return Study(f"S{number}", f"P{number}", split, (film,), report), (Radiograph(pixels, view="PA"),)


@pytest.fixture
def small_cohort(home: Path) -> Callable[[int], Cohort]:
    def make(count: int) -> Cohort:
        path = home / "cohorts" / "small"
        return create(path, map(study, range(count)), name="small", source="test", about={}, format="png")

    return make
