"""Entailment cones: a general point entails what lies in the cone that opens away from the root behind it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .haversine import length, lift
from .lorentz import Lorentz

_NOWHERE = 1e-30  # squared length below which a direction is not defined
_ALIGNED = 1e-6  # squared sine of the angle at the root below which two points count as on one ray


def half_aperture(x: Float[Tensor, "*b d"], space: Lorentz, k: float = 0.1) -> Float[Tensor, "*b"]:
    """Return half the opening angle of each point's cone, in radians.

    It is `arcsin(2k/(sqrt(c)|x|))`, and π/2 with gradient 0 in the root zone, where that is not defined.

    Source: Ganea et al. 2018, eq. 26; Desai et al. 2023 (MERU), eq. 4.
    """
    sine = 2 * k / _unit_length(x, space).clamp_min(k)
    inside = root_zone(x, space, k)
    return torch.where(inside, torch.pi / 2, torch.where(inside, 0.0, sine).asin())


def root_zone(x: Float[Tensor, "*b d"], space: Lorentz, k: float = 0.1) -> Bool[Tensor, "*b"]:
    """Return whether points are so near the root, `sqrt(c)|x| <= 2k`, that their cone is a half-space."""
    return 2 * k / _unit_length(x, space).clamp_min(k) >= 1


def exterior_angle(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"], space: Lorentz) -> Float[Tensor, "*b"]:
    """Return the angle at `x` between the way on from the root and the way to `y`, in radians.

    π less the angle at x of the triangle root, x, y; `y` is in the cone of `x` if it is at most the half
    aperture. It is 0 where x is the root (which entails all) and where the points coincide, with gradient 0.

    Source: Desai et al. 2023 (MERU), eq. 5, as an arc tangent: `arccos` loses half the digits near 0 and π.
    """
    root = space.curv.to(x.device).sqrt().double()
    aside, onward = _sides(x.double() * root, y.double() * root)
    return _angle(aside, onward, _apex(x)).to(x.dtype)


def exterior_angles(x: Float[Tensor, "g d"], y: Float[Tensor, "s d"], space: Lorentz) -> Float[Tensor, "g s"]:
    """Return the exterior angle at every general point of every special one, in radians; float64 inside."""
    root = space.curv.to(x.device).sqrt().double()
    start, end = x.double() * root, y.double() * root
    apex = _apex(x)
    radius = length(start)
    outward = start / torch.where(apex, 1.0, radius)[:, None]
    ahead, far = outward @ end.T, end.square().sum(-1)
    aside = far - ahead.square()
    onward = lift(start)[:, None] * ahead - torch.outer(radius, lift(end))
    # Squares cancel for points on one ray: those few pairs are worked out from their differences.
    i, j = (aside.detach() < _ALIGNED * far.detach()).nonzero(as_tuple=True)
    exact = _sides(start[i], end[j])
    aside, onward = aside.index_put((i, j), exact[0]), onward.index_put((i, j), exact[1])
    return _angle(aside, onward, apex[:, None].expand_as(aside)).to(x.dtype)


def _apex(x: Float[Tensor, "*b d"]) -> Bool[Tensor, "*b"]:
    return x.detach().double().square().sum(-1) < _NOWHERE


def _sides(
    start: Float[Tensor, "*b d"], end: Float[Tensor, "*b d"]
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Return how far an end lies aside of its start's ray (squared) and onward along it, for curvature 1."""
    apex = _apex(start)
    radius = length(start)
    outward = start / torch.where(apex, 1.0, radius)[..., None]
    gap = end - start
    ahead = (outward * gap).sum(-1)
    climb = (gap * (end + start)).sum(-1) / (lift(end) + lift(start))
    aside = (gap - ahead[..., None] * outward).square().sum(-1)
    return aside, lift(start) * ahead - radius * climb


def _angle(
    aside: Float[Tensor, "*b"], onward: Float[Tensor, "*b"], apex: Bool[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Return `atan2(sqrt(aside), onward)`, 0 with gradient 0 at an apex and where both are 0."""
    straight = aside <= _NOWHERE
    sine = torch.where(straight, 0.0, torch.where(straight, 1.0, aside).sqrt())
    nowhere = apex | (straight & (onward.square() <= _NOWHERE))
    angle = torch.atan2(sine, torch.where(nowhere, 1.0, onward))
    return torch.where(nowhere, 0.0, angle)


def _unit_length(x: Float[Tensor, "*b d"], space: Lorentz) -> Float[Tensor, "*b"]:
    return space.curv.to(x).sqrt() * length(x)
