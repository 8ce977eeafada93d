"""Lists of studies: what a cohort can be narrowed by, what fits, and what each filter left out."""

from dataclasses import dataclass
from typing import Any

from medvis.data.cohort import Cohort
from medvis.types import Study

LONGEST = 300  # characters of free text from the URL
SIDES = ("train", "val", "test")


@dataclass(frozen=True)
class Facets:
    """What the studies of a cohort can be chosen by."""

    findings: tuple[str, ...]
    views: tuple[str, ...]
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; "" and None mean any."""

    text: str = ""
    finding: str = ""
    view: str = ""
    split: str = ""
    film: bool | None = None
    report: bool | None = None

    def steps(self) -> dict[str, dict[str, Any]]:
        """Return each filter that is set: its name in words -> the cohort's search options."""
        asked: dict[str, tuple[str, str | bool | None]] = {
            "text": ("text", self.text[:LONGEST].strip()), "finding": ("finding", self.finding),
            "view": ("view", self.view), "split": ("split", self.split),
            "film": ("has_film", self.film), "report": ("has_report", self.report),
        }  # fmt: skip
        return {
            name: {key: value} for name, (key, value) in asked.items() if value is not None and value != ""
        }


@dataclass(frozen=True)
class Found:
    """Studies that fit, and how many each filter left out, one after the other."""

    studies: tuple[Study, ...]
    total: int
    left_out: dict[str, int]
    name: str


@dataclass(frozen=True)
class Results:
    """A list of studies that previous and next step through, with the name of where it came from."""

    name: str
    ids: tuple[str, ...]

    def step(self, here: str, by: int) -> str | None:
        """Return the id so many steps from `here`; the first one from outside; None past the ends."""
        if here not in self.ids:
            return self.ids[0] if self.ids else None
        at = self.ids.index(here) + by
        return self.ids[at] if 0 <= at < len(self.ids) else None


def facets(cohort: Cohort) -> Facets:
    """Return what the studies of a cohort can be chosen by."""
    studies = cohort.studies()
    return Facets(
        findings=tuple(sorted({name for one in studies for name in one.labels})),
        views=tuple(sorted({film.view for one in studies for film in one.films if film.view})),
        splits=tuple(side for side in SIDES if any(one.split == side for one in studies)),
    )


def search(cohort: Cohort, filters: Filters) -> Found:
    """Return the studies that fit every filter."""
    studies = cohort.studies()
    total = len(studies)
    asked: dict[str, Any] = {}
    left = {}
    for name, options in filters.steps().items():
        asked |= options
        fewer = cohort.search(**asked)
        left[name] = len(studies) - len(fewer)
        studies = fewer
    said = {"has_film": "film", "has_report": "report"}
    words = [
        f"{'with' if value else 'no'} {said[key]}" if key in said else str(value)
        for options in filters.steps().values() for key, value in options.items()
    ]  # fmt: skip
    return Found(studies, total, left, f"worklist “{', '.join(words)}”" if words else "all studies")
