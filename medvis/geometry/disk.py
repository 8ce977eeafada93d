"""The unit disk: to it and back, geodesics, circles, Moebius moves, outlines of densities. float64.

The Poincaré disk is drawn with radius 1 whatever the curvature: a point at distance `d0` from the root lies
at radius `tanh(sqrt(c) d0/2)`. Lengths on the disk are therefore in units of `1/sqrt(c)`.
"""

import cmath
import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Float64
from torch import Tensor

from .haversine import length, lift, log_sinh_ratio
from .lorentz import Lorentz


def to_disk(x: Float[Tensor, "*b d"], curv: float) -> Float64[Tensor, "*b d"]:
    """Return points of the hyperboloid on the unit Poincaré disk (or ball)."""
    point = x.double() * math.sqrt(curv)
    return point / (1 + lift(point)[..., None])


def from_disk(p: Float[Tensor, "*b d"], curv: float) -> Float64[Tensor, "*b d"]:
    """Return the space components of points of the open unit disk.

    Raises:
        ValueError: If a point is not inside the disk.
    """
    square = p.double().square().sum(-1, keepdim=True)
    if not bool((square < 1).all()):
        raise ValueError(f"a point of the disk has a radius below 1, not {float(square.max()) ** 0.5}")
    return 2 * p.double() / ((1 - square) * math.sqrt(curv))


def to_klein(p: Float[Tensor, "*b d"]) -> Float64[Tensor, "*b d"]:
    """Return points of the Poincaré disk on the Klein disk, where geodesics are straight."""
    return 2 * p.double() / (1 + p.double().square().sum(-1, keepdim=True))


def from_klein(k: Float[Tensor, "*b d"]) -> Float64[Tensor, "*b d"]:
    """Return points of the Klein disk on the Poincaré disk."""
    square = k.double().square().sum(-1, keepdim=True)
    return k.double() / (1 + (1 - square).sqrt())


@dataclass(frozen=True)
class Moebius:
    """An orientation-preserving isometry of the disk, `z -> (a z + b)/(b* z + a*)`, as one SU(1,1) matrix.

    Accumulate moves with `then` and apply the result to the original points: moving moved points again loses
    a digit every hundred moves.

    Attributes:
        matrix: `[[a, b], [b*, a*]]` with determinant 1.
    """

    matrix: Complex[Tensor, "2 2"]

    @staticmethod
    def move(p: Float[Tensor, "2"]) -> "Moebius":
        """Return the move along a geodesic that takes `p` to the centre.

        Raises:
            ValueError: If p is not inside the disk.
        """
        z = complex(float(p[0]), float(p[1]))
        if not abs(z) < 1:
            raise ValueError(f"only a point inside the disk can be moved to its centre, not one at {abs(z)}")
        return _moebius(1.0 + 0j, -z / math.sqrt((1 - abs(z)) * (1 + abs(z))))

    @staticmethod
    def rotation(angle: float) -> "Moebius":
        """Return the turn about the centre by an angle in radians, anticlockwise."""
        return _moebius(cmath.exp(0.5j * angle), 0j)

    def then(self, other: "Moebius") -> "Moebius":
        """Return this move followed by another, renormalised."""
        product = other.matrix @ self.matrix
        return _moebius(complex(product[0, 0].item()), complex(product[0, 1].item()))

    def inverse(self) -> "Moebius":
        """Return the move that undoes this one."""
        return _moebius(complex(self.matrix[1, 1].item()), -complex(self.matrix[0, 1].item()))

    def apply(self, points: Float[Tensor, "n 2"]) -> Float64[Tensor, "n 2"]:
        """Return moved points."""
        z = torch.view_as_complex(points.double().contiguous())
        (a, b), (c, d) = self.matrix[0], self.matrix[1]
        return torch.view_as_real((a * z + b) / (c * z + d))


def geodesic(p: Float[Tensor, "2"], q: Float[Tensor, "2"], count: int) -> Float64[Tensor, "count 2"]:
    """Return points at equal steps of hyperbolic length along the geodesic from `p` to `q`."""
    there = Moebius.move(p)
    end = there.apply(q[None])[0]
    radius = float(length(end))
    steps = torch.linspace(0, 1, count, dtype=torch.float64)
    along = (steps * math.atanh(radius)).tanh() / radius if radius > 0 else steps
    # The first and last are the given points, not their images within rounding.
    inner = there.inverse().apply(along[1:-1, None] * end)
    return torch.cat([p.double()[None], inner, q.double()[None]])


def circle(p: Float[Tensor, "2"], radius: float) -> tuple[Float64[Tensor, "2"], float]:
    """Return centre and radius, as drawn, of the circle of hyperbolic `radius` about `p`.

    Args:
        p: Point of the disk.
        radius: Distance times sqrt(c).
    """
    t, square = math.tanh(radius / 2), float(p.double().square().sum())
    shrink = 1 - t * t * square
    return p.double() * ((1 - t * t) / shrink), t * (1 - square) / shrink


def ring(radius: float) -> float:
    """Return the drawn radius of the points at a distance from the root, given as distance times sqrt(c)."""
    return math.tanh(radius / 2)


def credible_outline(
    mean: Float[Tensor, "2"], covariance: Float[Tensor, "2 2"], curv: float, mass: float, count: int = 128
) -> Float64[Tensor, "count 2"]:
    """Return the outline of the credible region that holds `mass` of a 2-D wrapped Gaussian.

    The image of the ellipse `v' Σ⁻¹ v = chi²_2(mass)` of the tangent space; its mass is exact, but the
    density varies along it unless the covariance is isotropic.

    Args:
        mean: Space components of the mean.
        covariance: In the tangent space at the root.
        curv: Curvature.
        mass: Strictly between 0 and 1.
        count: Corners of the polyline, which closes from the last to the first.

    Raises:
        ValueError: If the mass is not strictly between 0 and 1.
    """
    rays = _rays(covariance, count) * math.sqrt(-2 * math.log1p(-_checked(mass)))
    return _push(mean, rays, curv)


def isodensity_outline(
    mean: Float[Tensor, "2"], covariance: Float[Tensor, "2 2"], curv: float, mass: float, count: int = 128
) -> Float64[Tensor, "count 2"]:
    """Return the line of equal density, by hyperbolic area, that holds `mass` of a 2-D wrapped Gaussian.

    Its level is found by bisection of the mass inside, which has a closed form along every ray.

    Args:
        mean: Space components of the mean.
        covariance: In the tangent space at the root.
        curv: Curvature.
        mass: Strictly between 0 and 1.
        count: Corners of the polyline, which closes from the last to the first.

    Raises:
        ValueError: If the mass is not strictly between 0 and 1.
    """
    fine = curv * _rays(covariance, 512).square().sum(-1)
    low, high = (
        0.0,
        -math.log1p(-_checked(mass)),
    )  # a drop of the log density; without curvature it is the upper
    while _held(_reach(fine, high)) < mass:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _held(_reach(fine, middle)) < mass else (low, middle)
    rays = _rays(covariance, count)
    reach = _reach(curv * rays.square().sum(-1), high)
    return _push(mean, rays * reach[:, None], curv)


def _moebius(a: complex, b: complex) -> Moebius:
    # |a|² = 1 + |b|² fixes the size of a, also where far moves have rounded the determinant away.
    a *= math.hypot(1, abs(b)) / abs(a)
    return Moebius(torch.tensor([[a, b], [b.conjugate(), a.conjugate()]], dtype=torch.complex128))


def _checked(mass: float) -> float:
    if not 0 < mass < 1:
        raise ValueError(f"a mass lies strictly between 0 and 1, not {mass}")
    return mass


def _rays(covariance: Float[Tensor, "2 2"], count: int) -> Float64[Tensor, "count 2"]:
    """Return tangent vectors one standard deviation long, all around."""
    angle = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    root: Tensor = torch.linalg.cholesky(covariance.double())
    return torch.stack([angle.cos(), angle.sin()], -1) @ root.T


def _reach(bend: Float64[Tensor, " n"], drop: float) -> Float64[Tensor, " n"]:
    """Return how many standard deviations along each ray the log density has fallen by `drop`.

    The fall `t²/2 + ln(sinh r / r)`, `r² = bend t²`, is convex and rises, so Newton from above stays above.
    """
    t = torch.full_like(bend, math.sqrt(2 * drop))
    for _ in range(12):
        r = (bend * t.square()).sqrt()
        slope = t + (r / r.tanh() - 1) / t
        t = t - (t.square() / 2 + log_sinh_ratio(r.square()) - drop) / slope
    return t


def _held(reach: Float64[Tensor, " n"]) -> float:
    """Return the mass inside an outline given in standard deviations along evenly spaced rays."""
    return float(-torch.expm1(-reach.square() / 2).mean())


def _push(
    mean: Float[Tensor, "2"], rays: Float64[Tensor, "count 2"], curv: float
) -> Float64[Tensor, "count 2"]:
    return to_disk(Lorentz(curv).wrap(mean.double().expand_as(rays), rays), curv)
