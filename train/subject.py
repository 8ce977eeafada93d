"""What is measured: the studies of a split, where a run placed them, and how close it finds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medvis.data import batch, report
from medvis.data.cohort import Cohort
from medvis.errors import BadStore
from medvis.geometry.lorentz import Lorentz
from medvis.methods.base import Conditions
from medvis.store.matrix import Rows
from medvis.store.runs import Model
from medvis.store.store import Store
from medvis.types import Density, Encoded, Mode, Placed, Study

from . import features

PAIRS = 1000  # most studies of what is conditioned: every film is placed anew for every text
_AT_ONCE = 8_192  # films times texts that are conditioned at a time


@dataclass(frozen=True)
class Subject:
    """A run, a split of a cohort, and the places of both.

    Attributes:
        model: The run's method and encoders.
        cohort: The cohort.
        studies: Those with a film, in the cohort's order.
        film: Place of each one's frontal film, alone.
        paired: Rows of those that have a report too.
        report: Places of their reports.
        prompts: Row of each prompt's place.
        prompt: Places of prompts.
        rows: Everything of the split, for summaries.
        seed: Of what is drawn.
    """

    model: Model
    cohort: Cohort
    studies: tuple[Study, ...]
    film: Density
    paired: Int[Tensor, " n"]
    report: Density
    prompts: dict[str, int]
    prompt: Density
    rows: Rows
    seed: int = 0

    @property
    def mode(self) -> Mode:
        """What the places of films depend on."""
        return Mode.POINT if self.film.log_scale is None else Mode.GLOBAL

    @property
    def conditions(self) -> bool:
        """Whether the method places a film anew for each text."""
        return self.model.method.can(Conditions)

    @property
    def pairs(self) -> tuple[Study, ...]:
        """The studies that have both a film and a report."""
        return tuple(self.studies[at] for at in self.paired.tolist())

    @cached_property
    def sample(self) -> Int[Tensor, " s"]:
        """Rows among the pairs of what is conditioned: all, or as many as can be, drawn."""
        drawn = torch.randperm(len(self.paired), generator=torch.Generator().manual_seed(self.seed))
        return drawn[:PAIRS].sort().values

    def close(self, query: Density, gallery: Density) -> Float[Tensor, "q g"]:
        """Return how close places are, in float64: minus the distance, or the cosine. Higher is closer."""
        space, x, y = self.model.method.geometry, query.mean.double(), gallery.mean.double()
        return -Lorentz(space.curv.double()).dist(x, y) if isinstance(space, Lorentz) else space.score(x, y)

    @cached_property
    def films(self) -> features.Films:
        """The encoded films of all studies, from the cache that training fills."""
        return features.films(self.model.image, self.cohort, self.studies)

    def encoded_films(self, studies: Sequence[Study]) -> Encoded:
        """Return films as the encoder saw them."""
        return self.films.encoded([study.id for study in studies])

    def conditioned(self, studies: Sequence[Study], texts: Sequence[str]) -> Float[Tensor, "f t"]:
        """Return how close each film, conditioned on each text, is to that text."""
        read = self.model.text.encode(list(texts))
        method, step = self.model.method, max(1, _AT_ONCE // len(texts))
        placed = method.place(read)
        return torch.cat([
            method.score(method.place(self.encoded_films(studies[at : at + step]), read), placed)
            for at in range(0, len(studies), step)
        ])  # fmt: skip

    def given(self, studies: Sequence[Study], texts: Sequence[str]) -> tuple[Density, Density]:
        """Return each film conditioned on the text beside it, and that text."""
        films, reports = [], []
        for at in range(0, len(studies), 16):
            read = self.model.text.encode(list(texts[at : at + 16]))
            placed = self.model.method.place(self.encoded_films(studies[at : at + 16]), read)
            films.append(placed.paired().whole)
            reports.append(self.model.method.place(read).whole)
        return joined(films), joined(reports)

    def contains(self, general: Density, special: Density) -> Float[Tensor, " n"]:
        """Return the method's relation of places side by side, in [0, 1]."""
        mode = self.mode
        found = [
            self.model.method.relation(
                Placed("text", general[slice(at, at + 16)], mode),
                Placed("image", special[slice(at, at + 16)], mode),
            ).diagonal()
            for at in range(0, len(general.mean), 16)
        ]
        return torch.cat(found)


def subject(model: Model, cohort: Cohort, store: Store, split: str | None) -> Subject:
    """Gather what is measured.

    Args:
        model: Of the run.
        cohort: The cohort.
        store: The run's store of it.
        split: Side; None for all.

    Raises:
        BadStore: If the store lacks an item of the cohort.
    """
    studies = tuple(study for study in cohort.studies(split) if study.films)
    paired = [
        at for at, study in enumerate(studies) if study.report is not None and study.report.text.strip()
    ]
    rows, prompts = store.rows(split=split), store.rows(kinds=["prompt"])
    at = {(study, ref): row for row, (study, ref) in enumerate(zip(rows.study, rows.ref, strict=True))}
    try:
        films = [at[study.id, f"film{shown(study)}"] for study in studies]
        reports = [at[studies[one].id, "report"] for one in paired]
    except KeyError as missing:
        raise BadStore(f"The store lacks {missing}.", remedy=store.remedy) from None
    return Subject(
        model, cohort, studies, _density(rows, films), torch.tensor(paired, dtype=torch.long),
        _density(rows, reports), {text: row for row, text in enumerate(prompts.ref)},
        _density(prompts, list(range(len(prompts)))), rows,
    )  # fmt: skip


def shown(study: Study) -> int:
    """Return which film stands for a study that has one."""
    frontal = batch.frontal(study)
    return next(at for at, film in enumerate(study.films) if film is frontal)


def codes(names: Sequence[str]) -> Int[Tensor, " n"]:
    """Return a number for each name, equal where names are equal."""
    number = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([number[name] for name in names], dtype=torch.long)


def same(names: Sequence[str], rows: slice) -> Bool[Tensor, "q g"]:
    """Return where names of some rows equal the names of all."""
    every = codes(names)
    return every[rows, None] == every


def wording(studies: Sequence[Study]) -> list[str]:
    """Return a hash of each study's report, equal where the text is the same word for word."""
    return [report.text_hash(study.report.text) if study.report else "" for study in studies]


def joined(densities: Sequence[Density]) -> Density:
    """Return densities end to end."""
    scales = [one.log_scale for one in densities if one.log_scale is not None]
    return Density(torch.cat([one.mean for one in densities]), torch.cat(scales) if scales else None)


def _density(rows: Rows, chosen: list[int]) -> Density:
    return Density(rows.mean, rows.log_scale)[torch.tensor(chosen, dtype=torch.long)]
