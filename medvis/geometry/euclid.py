"""The unit sphere with its cosine, for the methods that live there."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from .haversine import length


@final
class Sphere:
    """Directions: unit vectors compared by their angle."""

    def normalise(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Return vectors scaled to length 1; a zero vector stays 0, with gradient 0."""
        size = length(x)[..., None]
        return torch.where(size > 0, x / torch.where(size > 0, size, 1.0), 0.0)

    def score(self, x: Float[Tensor, "q d"], y: Float[Tensor, "g d"]) -> Float[Tensor, "q g"]:
        """Return the cosine of every pair, in [-1, 1] within rounding."""
        return self.normalise(x) @ self.normalise(y).T

    def dist(self, x: Float[Tensor, "q d"], y: Float[Tensor, "g d"]) -> Float[Tensor, "q g"]:
        """Return the angle of every pair, in radians, worked out in float64.

        Pairs within 1e-4 of the same or of opposite directions are as exact as a float64 cosine allows, 1e-8.
        The gradient is 0 where the angle is 0 or π, not infinite.
        """
        cosine = self.score(x.double(), y.double())
        inside = cosine.abs() < 1
        angle = torch.where(inside, cosine, 0.0).acos()
        return torch.where(inside, angle, torch.where(cosine > 0, 0.0, torch.pi)).to(x.dtype)
