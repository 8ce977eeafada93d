"""MERU: films and reports as points of hyperbolic space, reports nearer the root."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medvis.geometry import cones
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density, Encoded, Loss, Mode, Placed

from .base import Method, Paper
from .shared import Curvature, Scale, TangentHead, attention, both_ways, refuse_paired


@final
class Meru(Method):
    """Geodesic distance in place of the cosine, and each report's entailment cone around its film."""

    paper = Paper("Hyperbolic Image-Text Representations", "2304.09172", True)
    words_in_context = False

    @dataclass(frozen=True)
    class Config:
        """Settings of MERU, as its released code has them but where marked."""

        dims: int = 128  # INFERRED: as the other methods here; the paper has 512
        """Dimensions of the joint space."""
        temperature: float = 0.07
        """Temperature at the start; it is learned."""
        max_scale: float = 100.0
        """Largest inverse temperature."""
        curv: float = 1.0
        """Curvature at the start; it is learned."""
        min_curv: float = 0.1
        """Smallest curvature."""
        max_curv: float = 10.0
        """Largest curvature."""
        entail_weight: float = 0.2
        """Weight of the entailment loss, which is in radians."""
        cone: float = 0.1
        """K of the cones: half aperture = arcsin(2 K / (sqrt(curv) |x|))."""

    def __init__(self, image_width: int, text_width: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.image_head = TangentHead(image_width, config.dims)
        self.text_head = TangentHead(text_width, config.dims)
        self.curvature = Curvature(config.curv, config.min_curv, config.max_curv)
        self.scale = Scale(config.temperature, config.max_scale)

    @property
    def geometry(self) -> Lorentz:
        """Hyperbolic space of the learned curvature."""
        return self.curvature.space()

    def place(self, item: Encoded, given: Encoded | None = None) -> Placed:
        """Return points, lifted from the tangent space at the root."""
        del given  # a film is where it is, whatever is said about it
        head = self.image_head if item.kind == "image" else self.text_head
        return Placed(item.kind, Density(self.geometry.exp0(head(item.whole))), Mode.POINT)

    def loss(
        self, image: Encoded, text: Encoded, apart: Bool[Tensor, "b b"], generator: torch.Generator
    ) -> Loss:
        """Return the contrastive loss and that of films outside their report's cone."""
        del generator  # nothing is drawn
        films, reports = self.place(image), self.place(text)
        contrast = both_ways(self.scale.value() * self.score(films, reports), apart)
        x, y, space = reports.whole.mean, films.whole.mean, self.geometry
        # Released code of MERU, entailment loss: the text is general, the image special.
        outside = cones.exterior_angle(x, y, space) - cones.half_aperture(x, space, self.config.cone)
        entail = self.config.entail_weight * outside.clamp(min=0).mean()
        return Loss(contrast + entail, {"contrast": contrast, "entail": entail})

    def score(self, query: Placed, gallery: Placed) -> Float[Tensor, "q g"]:
        """Return minus the geodesic distances."""
        refuse_paired(query, gallery)
        return -self.geometry.dist(query.whole.mean, gallery.whole.mean)

    def relation(self, general: Placed, special: Placed) -> Float[Tensor, "g s"]:
        """Return half aperture / exterior angle, at most 1: how much of the way there the cone opens.

        1 is inside the cone; 1/4 says that the cone would have to open four times as wide. Continuous.
        """
        # INFERRED: the paper only asks whether a point is inside.
        x, y, space = general.whole.mean, special.whole.mean, self.geometry
        opened = cones.half_aperture(x, space, self.config.cone)[:, None]
        needed = cones.exterior_angles(x, y, space)
        return opened / torch.maximum(needed, opened)

    def attend(
        self, words: Float[Tensor, "w e"], patches: Float[Tensor, "p f"], real: Bool[Tensor, " p"]
    ) -> Float[Tensor, "w p"]:
        """Return the softmax over patches of the word's score with each, at the run's scale."""
        # INFERRED: the paper has no such map; words are encoded alone, patches projected as whole films.
        space = self.geometry
        asked, shown = space.exp0(self.text_head(words)), space.exp0(self.image_head(patches))
        return attention(-self.scale.value() * space.dist(asked, shown), real)
