"""CLIP: films and reports as directions, close where their cosine is high."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medvis.geometry.euclid import Sphere
from medvis.types import Density, Encoded, Loss, Mode, Placed

from .base import Method, Paper
from .shared import Projection, Scale, attention, both_ways, refuse_paired


@final
class Clip(Method):
    """Cosine between projections, contrasted both ways with a learned temperature."""

    paper = Paper("Learning Transferable Visual Models From Natural Language Supervision", "2103.00020", True)
    words_in_context = False

    @dataclass(frozen=True)
    class Config:
        """Settings of CLIP."""

        dims: int = 128  # INFERRED: as the other methods here; the paper's smallest has 512
        """Dimensions of the joint space."""
        temperature: float = 0.07
        """Temperature at the start; it is learned."""
        max_scale: float = 100.0
        """Largest inverse temperature."""

    def __init__(self, image_width: int, text_width: int, config: Config) -> None:
        super().__init__()
        self.image_head = Projection(image_width, config.dims)
        self.text_head = Projection(text_width, config.dims)
        self.scale = Scale(config.temperature, config.max_scale)

    @property
    def geometry(self) -> Sphere:
        """The unit sphere."""
        return Sphere()

    def place(self, item: Encoded, given: Encoded | None = None) -> Placed:
        """Return unit vectors."""
        del given  # a film is where it is, whatever is said about it
        head = self.image_head if item.kind == "image" else self.text_head
        return Placed(item.kind, Density(self.geometry.normalise(head(item.whole))), Mode.POINT)

    def loss(
        self, image: Encoded, text: Encoded, apart: Bool[Tensor, "b b"], generator: torch.Generator
    ) -> Loss:
        """Return the contrastive loss."""
        del generator  # nothing is drawn
        contrast = both_ways(self.scale.value() * self.score(self.place(image), self.place(text)), apart)
        return Loss(contrast, {"contrast": contrast})

    def score(self, query: Placed, gallery: Placed) -> Float[Tensor, "q g"]:
        """Return cosines."""
        refuse_paired(query, gallery)
        return self.geometry.score(query.whole.mean, gallery.whole.mean)

    def relation(self, general: Placed, special: Placed) -> Float[Tensor, "g s"]:
        """Return (1 + cosine) / 2: symmetric, CLIP knows no general and special."""
        return (1 + self.geometry.score(general.whole.mean, special.whole.mean).clamp(-1, 1)) / 2

    def attend(
        self, words: Float[Tensor, "w e"], patches: Float[Tensor, "p f"], real: Bool[Tensor, " p"]
    ) -> Float[Tensor, "w p"]:
        """Return the softmax over patches of the word's score with each, at the run's scale."""
        # INFERRED: the paper has no such map; words are encoded alone, patches projected as whole films.
        asked = self.geometry.normalise(self.text_head(words))
        shown = self.geometry.normalise(self.image_head(patches))
        return attention(self.scale.value() * self.geometry.score(asked, shown), real)
