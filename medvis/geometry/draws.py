"""Noise of one wrapped Gaussian seen from another: what KL, coverage and overlap are counted from."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medvis.types import Density

from .haversine import arc_ratio, lift, log_sinh_ratio, sinh_ratio, versine
from .lorentz import Lorentz

_LOG_TAU = math.log(2 * math.pi)


@dataclass(frozen=True)
class Draws:
    """What samples of a first density are worth, in nats, and where they are in a second one.

    Attributes:
        own: Log density under the first.
        other: Log density under the second.
        spread: Squared length in the second's tangent space, in its standard deviations.
    """

    own: Float[Tensor, "*b s"]
    other: Float[Tensor, "*b s"]
    spread: Float[Tensor, "*b s"]


def draw(
    first: Density, second: Density, space: Lorentz, samples: int, generator: torch.Generator | None
) -> Draws:
    """Return what samples of the first density are worth under both."""
    shape = broadcast(first.mean.shape, second.mean.shape)
    root = space.curv.to(first.mean).sqrt()
    mean, other, one, two = (
        each.expand(shape).reshape(-1, shape[-1])
        for each in (first.mean * root, second.mean * root, log_scale_of(first), log_scale_of(second))
    )
    noise = torch.randn(
        len(mean), samples, shape[-1], generator=generator, dtype=mean.dtype, device=mean.device
    )
    scale, precision = (one + root.log()).exp(), (-2 * (two + root.log())).exp()
    squares = noise.square()
    square, spread, log_ratio = _seen(noise, squares, scale, mean, other, precision)
    flat = shape[-1] - 1
    own = log_normal(squares.sum(-1), one[:, None]) - flat * log_sinh_ratio(square)
    there = log_normal(spread, two[:, None]) + flat * log_ratio
    back = (*shape[:-1], samples)
    return Draws(own.reshape(back), there.reshape(back), spread.reshape(back))


def broadcast(*shapes: torch.Size) -> torch.Size:
    """Return the shape that all of them broadcast to."""
    return torch.Size(torch.broadcast_shapes(*shapes))  # type: ignore[no-untyped-call]


def log_normal(square: Float[Tensor, "*b"], log_scale: Float[Tensor, "*c d"]) -> Float[Tensor, "*b"]:
    """Return the log density of a diagonal Gaussian from the squared length in its standard deviations."""
    return -0.5 * (square + log_scale.shape[-1] * _LOG_TAU) - log_scale.sum(-1)


def log_scale_of(density: Density) -> Float[Tensor, "*b d"]:
    """Return the log standard deviations.

    Raises:
        ValueError: If the densities are points.
    """
    if density.log_scale is None:
        raise ValueError("points have no spread: this needs densities with a log_scale")
    return density.log_scale


def _seen(
    noise: Float[Tensor, "b s d"],
    squares: Float[Tensor, "b s d"],
    scale: Float[Tensor, "b d"],
    mean: Float[Tensor, "b d"],
    other: Float[Tensor, "b d"],
    precision: Float[Tensor, "b d"],
) -> tuple[Float[Tensor, "b s"], Float[Tensor, "b s"], Float[Tensor, "b s"]]:
    """Return |v|² of samples, their squared length in the other density's σ, and ln(r/sinh r) there.

    All of curvature 1. The samples themselves are never built: with `w` the noise carried out along
    geodesics and `gap` the difference of the means, a sample seen from the other mean is
    `ratio (w + p mean + k gap)` with numbers ratio, p, k. So all that is needed are dot products of the noise
    with six vectors, and no term cancels when the means are close.
    """
    gap = mean - other
    lines = torch.stack([scale * mean, scale * gap, scale * precision * mean, scale * precision * gap], -1)
    on_mean, on_gap, along, across = (noise @ lines).unbind(-1)
    square, weighted = (squares @ torch.stack([scale.square(), scale.square() * precision], -1)).unbind(-1)
    h = sinh_ratio(square)
    sinh = h.square() * square
    up = sinh / (1 + (1 + sinh).sqrt())  # cosh of the noise's length, less 1
    time, base = _column(lift(mean)), _column(lift(other))
    climb = _column((gap * (mean + other)).sum(-1)) / (time + base)  # time - base
    lean = h * on_mean
    inner = lean * (climb - _column((mean * gap).sum(-1)) / (1 + time)) - h * on_gap
    apart = (up + (1 + up) * _column(versine(mean, other)) - inner).clamp_min(
        0
    )  # cosh d - 1 from the other mean
    k = (1 + time + time * up + apart + lean) / (1 + base)
    p = up + lean / (1 + time) - (climb + time * up + apart + lean) / (1 + base)
    mean_mean, mean_gap, gap_gap = (
        _column((a * b * precision).sum(-1)) for a, b in ((mean, mean), (mean, gap), (gap, gap))
    )
    ratio = arc_ratio(apart)
    spread = h.square() * weighted + p * (p * mean_mean + 2 * h * along)
    spread = spread + k * (k * gap_gap + 2 * h * across + 2 * p * mean_gap)
    return square, ratio.square() * spread, ratio.log()


def _column(row: Float[Tensor, " b"]) -> Float[Tensor, "b 1"]:
    return row[:, None]
