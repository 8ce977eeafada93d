"""Arithmetic that more than one paper uses."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from medvis.geometry import gaussian
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density, Mode, Placed

GAMMA = 0.35
"""Nats per dimension up to which one density counts as inside another. INFERRED: concentric densities,
one half as wide as the other, differ by (1/4 - 1 + ln 4) / 2 = 0.318."""


class Projection(nn.Module):
    """Encodings to the joint space: W LN(x), W at standard deviation width^-1/2 at the start.

    Source: released code of MERU. Its encoders end in a LayerNorm; here the projection brings it, because
    convolutional encoders do not.
    """

    def __init__(self, width: int, dims: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, dims, bias=False)
        nn.init.normal_(self.linear.weight, std=1 / math.sqrt(width))

    def forward(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b d"]:
        """Return the projection in the weights' own precision."""
        projected: Tensor = self.linear(self.norm(x.to(self.linear.weight.dtype)))
        return projected


class TangentHead(nn.Module):
    """Encodings to tangent vectors at the root: exp(alpha) W LN(x), alpha <= 0.

    alpha starts at ln(dims^-1/2), so that lengths start near 1. Source: released code of MERU.
    """

    def __init__(self, width: int, dims: int) -> None:
        super().__init__()
        self.projection = Projection(width, dims)
        self.alpha = nn.Parameter(torch.tensor(-0.5 * math.log(dims)))

    def forward(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b d"]:
        """Return tangent vectors; their length is the distance to the root."""
        projected: Tensor = self.projection(x)
        return bounded(self.alpha, -math.inf, 0.0).exp() * projected


class Curvature(nn.Module):
    """A learned curvature: positive, sectional curvature is its negative."""

    def __init__(self, start: float, low: float, high: float) -> None:
        super().__init__()
        self.log_curv = nn.Parameter(torch.tensor(math.log(start)))
        self.low, self.high = low, high

    def space(self) -> Lorentz:
        """Return the space with this curvature, which stays a tensor."""
        return Lorentz(bounded(self.log_curv, math.log(self.low), math.log(self.high)).exp())


class Scale(nn.Module):
    """A learned inverse temperature of contrastive logits."""

    def __init__(self, temperature: float, highest: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.highest = highest

    def value(self) -> Float[Tensor, ""]:
        """Return the inverse temperature."""
        return bounded(self.log_scale, -math.inf, math.log(self.highest)).exp()


def bounded(x: Float[Tensor, "*b"], low: float, high: float) -> Float[Tensor, "*b"]:
    """Return x clipped to [low, high], with the gradient where it leads inside.

    A plain clamp has gradient 0 outside, so what once crosses a bound never comes back.
    """
    clipped: Tensor = _Bounded.apply(x, low, high)  # type: ignore[no-untyped-call]
    return clipped


def info_nce(logits: Float[Tensor, "q g"], apart: Bool[Tensor, "q g"]) -> Float[Tensor, ""]:
    """Return the cross entropy of each query finding its own among itself and what is apart from it.

    Args:
        logits: Score of each pair; the diagonal holds the true ones.
        apart: True where a pair may count as a negative (never two equal texts or one patient's films).
    """
    own = torch.arange(len(logits), device=logits.device)
    negative = apart.clone()
    negative[own, own] = True
    return cross_entropy(logits.masked_fill(~negative, -math.inf), own)


def both_ways(logits: Float[Tensor, "b b"], apart: Bool[Tensor, "b b"]) -> Float[Tensor, ""]:
    """Return the mean of images finding texts and texts finding images."""
    return (info_nce(logits, apart) + info_nce(logits.T, apart.T)) / 2


def attention(logits: Float[Tensor, "*q p"], real: Bool[Tensor, "*#q p"]) -> Float[Tensor, "*q p"]:
    """Return softmax weights over what is real, exactly 0 elsewhere; all 0 where nothing is real."""
    masked = logits.masked_fill(~real, torch.finfo(logits.dtype).min)
    return masked.softmax(-1) * real


def refuse_paired(query: Placed, gallery: Placed) -> None:
    """Refuse to score what carries its own answer.

    Raises:
        ValueError: If either place is paired.
    """
    if Mode.PAIRED in (query.mode, gallery.mode):
        raise ValueError(
            "a paired density was made with its own report and would retrieve it from random features: "
            "score places of mode global, or conditioned on every text"
        )


@dataclass(frozen=True)
class Containment:
    """Whether special densities lie inside general ones.

    Attributes:
        kl: Kullback-Leibler divergence of special from general, nats.
        standard_error: Monte-Carlo error of `kl`, nats.
        coverage: Share of special's mass in the 95 % credible region of general.
        inside: True where kl + 2 standard errors <= threshold.
        threshold: Nats.
    """

    kl: Float[Tensor, "*b"]
    standard_error: Float[Tensor, "*b"]
    coverage: Float[Tensor, "*b"]
    inside: Bool[Tensor, "*b"]
    threshold: float


def contained(
    special: Density, general: Density, space: Lorentz, generator: torch.Generator, samples: int = 256
) -> Containment:
    """Return whether each special density lies inside its general one, in float64.

    Args:
        special: What should be inside, such as a film.
        general: What should contain it, such as its report; as many as special.
        space: The run's geometry.
        generator: Source of the samples.
        samples: Monte-Carlo samples for each pair.

    Source: order violation of Athiwaratkun and Wilson (2018), Hierarchical Density Order Embeddings,
    with the Kullback-Leibler divergence of wrapped Gaussians.
    """
    inner, outer, exact = special.double(), general.double(), Lorentz(space.curv.double())
    kl, error = gaussian.kl(inner, outer, exact, samples, generator)
    coverage = gaussian.coverage(inner, outer, exact, samples, generator)
    threshold = GAMMA * special.mean.shape[-1]
    return Containment(kl, error, coverage, kl + 2 * error <= threshold, threshold)


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*b"], low: float, high: float) -> Float[Tensor, "*b"]:  # noqa: ANN401
        ctx.save_for_backward(x)
        ctx.bounds = (low, high)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, grad: Float[Tensor, "*b"]) -> tuple[Float[Tensor, "*b"], None, None]:  # noqa: ANN401
        (x,) = ctx.saved_tensors
        low, high = ctx.bounds
        outward = ((x > high) & (grad < 0)) | ((x < low) & (grad > 0))
        return grad.masked_fill(outward, 0.0), None, None
