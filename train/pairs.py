"""What a step reads: which studies, which of their texts, and both as the encoders see them."""

import itertools
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from medvis.data import batch, report
from medvis.data.cohort import Cohort
from medvis.models.image import ImageEncoder
from medvis.models.text import TextEncoder
from medvis.store.runs import Model
from medvis.types import Encoded, Study

from . import features
from .features import Films, Pixels, Texts


@dataclass(frozen=True)
class Pair:
    """A study and the text that stands for its report in this step."""

    study: Study
    text: str


class Source(ABC):
    """Where the encodings of pairs come from."""

    @abstractmethod
    def encoded(self, pairs: Sequence[Pair], seed: int | None) -> tuple[Encoded, Encoded]:
        """Return films and texts of some pairs.

        Args:
            pairs: What to encode.
            seed: Draws crops where the encoders learn; None where nothing is to be learned.
        """


@dataclass(frozen=True)
class Cached(Source):
    """Films and texts as frozen encoders saw them."""

    films: Films
    texts: Texts

    def encoded(self, pairs: Sequence[Pair], seed: int | None) -> tuple[Encoded, Encoded]:  # noqa: ARG002
        """Return cached encodings: they are the same in every step."""
        image = self.films.encoded([pair.study.id for pair in pairs])
        return image, self.texts.encoded([pair.text for pair in pairs])


def cached(model: Model, cohort: Cohort) -> Cached:
    """Return what a run's frozen encoders make of a cohort; what no cache knows is encoded now.

    Every side of the split is in it, so that training and embedding share one cache.
    """
    studies = trainable(cohort.studies())
    texts = [text for study in studies for text in texts_of(study)]
    return Cached(features.films(model.image, cohort, studies), features.texts(model.text, texts))


@dataclass(frozen=True)
class Live(Source):
    """Films and texts through encoders that learn.

    Attributes:
        pixels: The films.
        image: Learns.
        text: Learns.
        precision: Of the encoders; float32 or bfloat16.
    """

    pixels: Pixels
    image: ImageEncoder
    text: TextEncoder
    precision: torch.dtype

    def encoded(self, pairs: Sequence[Pair], seed: int | None) -> tuple[Encoded, Encoded]:
        """Encode, films moved a little where a seed is given; the result is float32 whatever ran before."""
        device = next(self.image.parameters()).device
        films, seen = self.pixels.fitted([pair.study.id for pair in pairs])
        if seed is not None:
            films, seen = moved(films, seen, torch.Generator().manual_seed(seed))
        tokens = self.text.tokens([pair.text for pair in pairs])
        with torch.autocast(device.type, self.precision, enabled=self.precision != torch.float32):
            return self.image(films.to(device), seen.to(device)), self.text(tokens)


def trainable(studies: Sequence[Study]) -> tuple[Study, ...]:
    """Return the studies that have both a film and a text."""
    return tuple(
        study
        for study in studies
        if batch.frontal(study) is not None and study.report is not None and study.report.text.strip()
    )


def texts_of(study: Study) -> tuple[str, ...]:
    """Return a study's report, its sections and its sentences, in this order, each once."""
    if study.report is None:
        return ()
    whole = study.report
    sentences = (sentence.text for sentence in report.sentences(whole))
    return tuple(
        dict.fromkeys(
            text for text in (whole.text, whole.findings, whole.impression, *sentences) if text.strip()
        )
    )


@dataclass(frozen=True)
class Plan:
    """Which pairs each step reads: a function of the seed and the step, so it can be taken up anywhere.

    Attributes:
        texts: Each study with its report, and behind it the report's sections and sentences.
        size: Pairs a step.
        sentences: Chance that a section or sentence stands for the report.
        seed: The training's.
    """

    texts: tuple[tuple[Study, tuple[str, ...]], ...]
    size: int
    sentences: float
    seed: int

    def steps(self, first: int) -> Iterator[tuple[Pair, ...]]:
        """Return the pairs of step `first`, of the next step, and so on without end."""
        known = {study.id: texts for study, texts in self.texts}
        studies = [study for study, _ in self.texts]
        step = 0
        for epoch in itertools.count():
            for chosen in whole_batches(studies, self.size, seed=self.seed, epoch=epoch):
                if step >= first:
                    yield tuple(Pair(study, self._text(study, known[study.id], epoch)) for study in chosen)
                step += 1

    def _text(self, study: Study, texts: tuple[str, ...], epoch: int) -> str:
        draw = random.Random(f"{self.seed}/{epoch}/{study.id}")
        short = draw.random() < self.sentences and len(texts) > 1
        return draw.choice(texts[1:]) if short else texts[0]


def whole_batches(studies: Sequence[Study], size: int, *, seed: int, epoch: int) -> list[list[Study]]:
    """Return the batches of an epoch without the small ones at its end, unless there are no others."""
    every = list(batch.batches(studies, seed, epoch, size))
    return [one for one in every if len(one) == size] or [one for one in every[:1] if len(one) > 1]


def moved(
    pixels: Float[Tensor, "b 1 s s"], seen: Float[Tensor, "b 1 s s"], generator: torch.Generator
) -> tuple[Float[Tensor, "b 1 s s"], Float[Tensor, "b 1 s s"]]:
    """Return films turned by up to 5 degrees, 10 % larger or smaller, moved by up to 5 % of the side.

    Never mirrored: the heart is on the left.
    """
    # INFERRED: the size of the moves.
    draw = torch.rand(4, len(pixels), generator=generator) * 2 - 1
    angle, scale = draw[0] * math.radians(5), 1 + draw[1] * 0.1
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    theta = torch.cat([turn * scale.view(-1, 1, 1), draw[2:].T.unsqueeze(2) * 0.1], 2)
    both = torch.cat([pixels * seen, seen], 1)
    films = grid_sample(both, affine_grid(theta, list(both.shape), False), align_corners=False)
    share = films[:, 1:]
    return torch.where(share > 1e-3, films[:, :1] / share.clamp_min(1e-3), 0.0).clamp(0, 1), share
