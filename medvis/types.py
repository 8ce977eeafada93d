"""The nouns that cross the floors: studies, films, reports, encodings, densities.

Axes: `b` batch, `n` parts, `t` tokens, `w` encoder width, `d` joint dimension, `h w` pixels, `q g` query and
gallery. Points of hyperbolic space are their `d` space components on the hyperboloid.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Mode(StrEnum):
    """What an item's place depends on; named wherever a place is shown or scored."""

    POINT = "point"  # a point, no spread
    GLOBAL = "global"  # of the item alone: may be indexed
    PAIRED = "paired"  # of an image given its own report: never in a score
    CONDITIONED = "conditioned"  # of every image given every text: re-ranking


@dataclass(frozen=True)
class Radiograph:
    """One film as it is shown: grey values in [0, 1], bone bright, upright and never mirrored.

    Attributes:
        pixels: Grey values, float32.
        spacing: Detector spacing in mm per pixel (row, column); None if the header does not say.
        view: "PA", "AP", "LATERAL" or "" if unknown.
        orientation: Patient directions of a row and of a column, such as ("L", "F"); None if not stated.
        notes: What was done or is odd, in plain words, such as "inverted per header".
    """

    pixels: Float[np.ndarray, "h w"]
    spacing: tuple[float, float] | None = None
    view: str = ""
    orientation: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Word:
    """One word of a sentence with its character span in the section's text."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Sentence:
    """One sentence of a report.

    Attributes:
        id: "f0", "f1", … in findings, "i0", … in impression.
        section: "findings" or "impression".
        text: The sentence as it stands in the report.
        start: First character in the section's text.
        words: Runs of word characters; their spans count in the section's text.
        negated: Whether its finding is denied ("no effusion").
        uncertain: Whether it is hedged ("may represent").
    """

    id: str
    section: str
    text: str
    start: int
    words: tuple[Word, ...]
    negated: bool = False
    uncertain: bool = False


@dataclass(frozen=True)
class Report:
    """A report as two sections; either may be empty. `medvis.data.report` reads sentences out of it."""

    findings: str
    impression: str
    licence: str = ""
    credit: str = ""
    show: Literal["open", "local", "restricted"] = "local"

    @property
    def text(self) -> str:
        """Both sections, impression first, as the encoders read them."""
        return " ".join(part for part in (self.impression, self.findings) if part)


@dataclass(frozen=True)
class Region:
    """A true place on a film: a box in film pixels and, where there is one, the file of its mask."""

    name: str
    box: tuple[float, float, float, float]  # x0, y0, x1, y1, half-open
    source: str = ""
    mask: str = ""


@dataclass(frozen=True)
class Film:
    """A film of a study as the cohort knows it, without its pixels.

    Attributes:
        file: Path below the cohort's folder.
        height: Rows in pixels.
        width: Columns in pixels.
        view: As in Radiograph.
        spacing: As in Radiograph.
        orientation: As in Radiograph.
        notes: As in Radiograph.
        licence: Licence text to be shown beside it.
        credit: Attribution to be shown beside it.
        show: Who may see it: "open" anybody, "local" this machine, "restricted" never in a demo or export.
        regions: Known places.
    """

    file: str
    height: int
    width: int
    view: str = ""
    spacing: tuple[float, float] | None = None
    orientation: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    licence: str = ""
    credit: str = ""
    show: Literal["open", "local", "restricted"] = "local"
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Study:
    """One examination of one patient: any number of films, at most one report.

    Attributes:
        id: Pseudonymous and unique in its cohort.
        patient: Group that must stay on one side of a split.
        split: "train", "val" or "test".
        films: In the source's order; may be empty.
        report: None if there is none.
        labels: Finding -> 1 present, 0 absent, -1 uncertain; a missing name is unknown.
    """

    id: str
    patient: str
    split: str
    films: tuple[Film, ...] = ()
    report: Report | None = None
    labels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tokens:
    """Texts as token ids, and the way back to their words.

    Attributes:
        ids: Token ids, padded.
        real: Where a token is not padding.
        words: For each text, for each word, the positions of its tokens.
    """

    ids: Int[Tensor, "b t"]
    real: Bool[Tensor, "b t"]
    words: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Encoded:
    """What an encoder made of a batch: one vector of the whole, one for each part.

    Parts of an image are the cells of its grid, row by row; parts of a text are its words.

    Attributes:
        kind: "image" or "text".
        whole: One vector an item.
        parts: One vector a cell or word.
        real: False where a part is padding or lies wholly outside the film.
        grid: Rows and columns of the image grid; (0, 0) for a text.
    """

    kind: Literal["image", "text"]
    whole: Float[Tensor, "b w"]
    parts: Float[Tensor, "b n w"]
    real: Bool[Tensor, "b n"]
    grid: tuple[int, int] = (0, 0)

    def __getitem__(self, rows: slice | list[int] | Tensor) -> "Encoded":
        """Return some rows of the batch."""
        return Encoded(self.kind, self.whole[rows], self.parts[rows], self.real[rows], self.grid)

    def to(self, device: torch.device) -> "Encoded":
        """Return it on a device."""
        return Encoded(
            self.kind, self.whole.to(device), self.parts.to(device), self.real.to(device), self.grid
        )


@dataclass(frozen=True)
class Batch:
    """Pairs of film and report, at most one film a patient.

    Attributes:
        pixels: Network input.
        seen: Share of each pixel that is film (0 on padding).
        tokens: The reports.
        study: Study ids.
        patient: Patient ids.
        text: Hash of each report's text: equal texts are not negatives of each other.
    """

    pixels: Float[Tensor, "b c h w"]
    seen: Float[Tensor, "b 1 h w"]
    tokens: Tokens
    study: tuple[str, ...]
    patient: tuple[str, ...]
    text: tuple[str, ...]


@dataclass(frozen=True)
class Density:
    """Wrapped Gaussians, or points where `log_scale` is None.

    Attributes:
        mean: Space components on the hyperboloid (or a unit vector for the methods of the sphere).
        log_scale: Logarithm of the standard deviations in the tangent space at the root.
    """

    mean: Float[Tensor, "*b d"]
    log_scale: Float[Tensor, "*b d"] | None = None

    def __getitem__(
        self, index: int | slice | list[int] | Tensor | tuple[Tensor | slice | int | None, ...]
    ) -> "Density":
        """Return some of them, by the first axes."""
        scale = None if self.log_scale is None else self.log_scale[index]
        return Density(self.mean[index], scale)

    def double(self) -> "Density":
        """Return them in float64."""
        scale = None if self.log_scale is None else self.log_scale.double()
        return Density(self.mean.double(), scale)


@dataclass(frozen=True)
class Placed:
    """Where a method puts items.

    Attributes:
        kind: "image" or "text".
        whole: One density an item; for mode CONDITIONED one for each image (axis 0) and text (axis 1).
        mode: What the place depends on.
    """

    kind: Literal["image", "text"]
    whole: Density
    mode: Mode

    def paired(self) -> "Placed":
        """Return each image given its own text: the diagonal of a conditioned place.

        Raises:
            ValueError: If the place is not conditioned on as many texts as there are images.
        """
        if self.mode is not Mode.CONDITIONED or self.whole.mean.shape[0] != self.whole.mean.shape[1]:
            raise ValueError(f"only a square conditioned place has pairs, this is {self.mode.value}")
        own = torch.arange(self.whole.mean.shape[0])
        return Placed(self.kind, self.whole[own, own], Mode.PAIRED)


@dataclass(frozen=True)
class Loss:
    """A loss and the terms it is the sum of (already weighted)."""

    total: Float[Tensor, ""]
    terms: dict[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class Hit:
    """One result of a search.

    Attributes:
        study: Its study.
        ref: Which item of the study: "film0", "report", "f3", …
        score: The method's score; higher is closer. Not comparable between runs.
        rank: 1 is best, among what was not excluded.
        percentile: Share of this run's gallery, in percent, that scores lower.
        relation: "same patient", "same finding" or "other", seen from the query.
        copies: How many other studies have this very text.
    """

    study: str
    ref: str
    score: float
    rank: int
    percentile: float
    relation: str = "other"
    copies: int = 0
