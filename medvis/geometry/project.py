"""From n dimensions to the disk: the radius is the model's, the angle a projection."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from medvis.types import Density

from .draws import log_scale_of
from .haversine import length
from .lorentz import Lorentz

_SAMPLED = 512  # points whose pairs tell the distortion


@final
@dataclass(frozen=True)
class Angles:
    """A plane through the root that best holds the directions of points, by tangent PCA at the root.

    A drawn point keeps its distance to the root exactly; its angle is that of its projection onto the plane.
    Distances between points are therefore only as true as `distortion` says.

    Attributes:
        plane: Two orthonormal directions of the tangent space at the root.
        kept: Share of the squared tangent lengths that lies in the plane, 0 to 1.
        space: Where the points live.
    """

    plane: Float64[Tensor, "d 2"]
    kept: float
    space: Lorentz

    @staticmethod
    def fit(points: Float[Tensor, "n d"], space: Lorentz) -> "Angles":
        """Return the plane of greatest variation about the root (not about the mean: angles are at the root).

        Each axis is signed so that its largest component is positive, so that a fit is reproducible.

        Raises:
            ValueError: If there are fewer than two dimensions or no points.
        """
        if points.shape[0] == 0 or points.shape[1] < 2:
            raise ValueError(f"a plane needs points of at least two dimensions, not {tuple(points.shape)}")
        tangent = space.log0(points.double())
        spread, axes = torch.linalg.eigh(tangent.T @ tangent)
        plane = axes[:, [-1, -2]]
        top = plane.abs().argmax(0)
        plane = plane * plane[top, [0, 1]].sign()
        total = float(spread.sum())
        return Angles(plane, float(spread[-2:].sum()) / total if total > 0 else 1.0, space)

    def disk(self, points: Float[Tensor, "n d"]) -> Float64[Tensor, "n 2"]:
        """Return points on the unit disk, at radius `tanh(sqrt(c) d0/2)`; the root is at the centre."""
        radius = (self.space.root_dist(points.double()) * self._root() / 2).tanh()
        return radius[:, None] * self.direction(points)

    def lifted(self, points: Float[Tensor, "n d"]) -> Float64[Tensor, "n 2"]:
        """Return the space components of the drawn points in the hyperbolic plane of the same curvature."""
        return length(points.double())[:, None] * self.direction(points)

    def direction(self, points: Float[Tensor, "n d"]) -> Float64[Tensor, "n 2"]:
        """Return unit vectors towards the projections; (1, 0) for points at the root or off the plane."""
        flat = points.double() @ self.plane
        size = length(flat)[:, None]
        ahead = torch.tensor([1.0, 0.0], dtype=torch.float64, device=flat.device)
        # A projection that is nothing but rounding has no direction.
        seen = size > 1e-14 * length(points.double())[:, None]
        return torch.where(seen, flat / torch.where(seen, size, 1.0), ahead)

    def fidelity(self, points: Float[Tensor, "n d"]) -> Float64[Tensor, " n"]:
        """Return the cosine of the angle between each point's direction and the plane; 1 at the root."""
        size = length(points.double())
        return torch.where(
            size > 0, length(points.double() @ self.plane) / torch.where(size > 0, size, 1.0), 1.0
        )

    def slice_covariance(self, density: Density) -> Float64[Tensor, "n 2 2"]:
        """Return the covariance, in the drawing's tangent plane at the root, of the slice through each mean.

        `(P' Σ⁻¹ P)⁻¹` with P the radial and the in-plane tangential unit vector at the root, turned to the
        drawing's axes: with the drawn mean it is the 2-D wrapped Gaussian that an outline is taken of. The
        slice is not the shadow of the whole density, whose typical radius grows with the dimension.

        Raises:
            ValueError: If the densities are points.
        """
        mean, precision = density.mean.double(), (-2 * log_scale_of(density).double()).exp()
        ahead = self.direction(mean)
        aside = torch.stack([-ahead[:, 1], ahead[:, 0]], -1)
        size = length(mean)[:, None]
        outward = torch.where(size > 0, mean / torch.where(size > 0, size, 1.0), self.plane[:, 0])
        frame = torch.stack([outward, aside @ self.plane.T], -1)  # (n, d, 2)
        inverse = frame.mT @ (precision[..., None] * frame)
        turn = torch.stack([ahead, aside], -1)
        section: Tensor = torch.linalg.inv(inverse)
        return turn @ section @ turn.mT

    def distortion(self, points: Float[Tensor, "n d"]) -> float:
        """Return the mean of |drawn - true|/true over the distances of all pairs of up to 512 of the points.

        They are evenly spaced in the given order; pairs that coincide are left out; 0 if no pair is apart.
        """
        step = max(1, -(-len(points) // _SAMPLED))
        some = points.double()[::step]
        true, drawn = self.space.dist(some, some), self.space.dist(self.lifted(some), self.lifted(some))
        apart = true > 0
        return float(((drawn - true).abs() / true)[apart].mean()) if bool(apart.any()) else 0.0

    def _root(self) -> Float64[Tensor, ""]:
        return self.space.curv.double().sqrt()
