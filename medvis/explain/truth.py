"""Whether a film lies inside each text: in all dimensions, and as it is drawn; where the two disagree."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from medvis.geometry import cones
from medvis.geometry.lorentz import Lorentz
from medvis.methods.shared import contained
from medvis.types import Density, Mode


@dataclass(frozen=True)
class Truth:
    """A film against one text that should contain it.

    Attributes:
        special: The film's ref.
        general: The text's ref.
        mode: What the film's place depends on.
        inside: Whether it lies inside, in all dimensions.
        drawn_inside: Whether the drawing shows it inside.
        amount: Divergence of film from text in nats; of points, exterior angle at the text in radians.
        error: Monte-Carlo standard error of the divergence, nats; 0 for angles.
        limit: What the amount may reach: nats, or half aperture of the text's cone in radians.
        coverage: Share of the film's mass in the text's 95 % region; None for points.
        root_zone: Whether the text is so near the root that its cone is a half-space.
    """

    special: str
    general: str
    mode: Mode
    inside: bool
    drawn_inside: bool
    amount: float
    error: float
    limit: float
    coverage: float | None = None
    root_zone: bool = False

    @property
    def disagrees(self) -> bool:
        """Whether the drawing says otherwise than the test in all dimensions."""
        return self.inside != self.drawn_inside

    def told(self, dims: int) -> str:
        """Return the test in words: amount, error, limit, coverage and what the drawing shows."""
        drawn = "inside" if self.drawn_inside else "not inside"
        agreement = f"The drawing shows it {drawn}" + (
            ": it misleads, so it is dashed." if self.disagrees else "."
        )
        sign = "≤" if self.inside else ">"
        if self.coverage is None:
            zone = " The text lies in the root zone: its cone is a half-space." if self.root_zone else ""
            found = (
                f"angle {math.degrees(self.amount):.1f}° {sign} half aperture {math.degrees(self.limit):.1f}°"
            )
            return f"{found} in {dims} dimensions.{zone} {agreement}"
        found = (
            f"KL {self.amount:.1f} ± {self.error:.1f} nats, with 2 standard errors {sign} γ {self.limit:.1f}"
        )
        return f"{found} in {dims} dimensions. Coverage {self.coverage:.0%}. {agreement}"


def of_densities(
    film: tuple[str, Mode, Density],
    texts: tuple[tuple[str, ...], Density],
    outlines: tuple[Float[np.ndarray, "v 2"], list[Float[np.ndarray, "v 2"]]],
    space: Lorentz,
) -> tuple[Truth, ...]:
    """Return the test of each text: KL + 2 standard errors at most gamma, by a fixed seed.

    Args:
        film: Ref, mode and density, one row.
        texts: Refs and densities.
        outlines: 95 % outlines as drawn, of the film and of each text.
        space: The run's geometry.
    """
    special, mode, inner = film
    refs, outer = texts
    many = inner[[0] * len(refs)]
    found = contained(many, outer, space, torch.Generator().manual_seed(0))
    rows = zip(refs, outlines[1], found.inside, found.kl, found.standard_error, found.coverage, strict=True)
    return tuple(
        Truth(
            special,
            ref,
            mode,
            inside=bool(inside),
            drawn_inside=bool(within(outlines[0], outline).all()),
            amount=float(kl),
            error=float(error),
            limit=found.threshold,
            coverage=float(share),
        )
        for ref, outline, inside, kl, error, share in rows
    )


def of_points(
    film: tuple[str, Mode, Density],
    texts: tuple[tuple[str, ...], Density],
    lifted: tuple[Float64[Tensor, "1 2"], Float64[Tensor, "t 2"]],
    space: Lorentz,
    cone: float,
) -> tuple[Truth, ...]:
    """Return the test of each text: exterior angle at most the half aperture of its cone.

    Args:
        film: Ref, mode and point, one row.
        texts: Refs and points.
        lifted: Film and texts as drawn, in the hyperbolic plane.
        space: The run's geometry.
        cone: Constant of the cones.
    """
    special, mode, inner = film
    refs, outer = texts
    point, apex = inner.mean.double(), outer.mean.double()
    opened = cones.half_aperture(apex, space, cone)
    angle = cones.exterior_angles(apex, point, space)[:, 0]
    drawn = cones.exterior_angles(lifted[1], lifted[0], space)[:, 0]
    zone = cones.root_zone(apex, space, cone)
    return tuple(
        Truth(
            special,
            ref,
            mode,
            inside=bool(angle[row] <= opened[row]),
            drawn_inside=bool(drawn[row] <= opened[row]),
            amount=float(angle[row]),
            error=0.0,
            limit=float(opened[row]),
            root_zone=bool(zone[row]),
        )
        for row, ref in enumerate(refs)
    )


def within(points: Float[np.ndarray, "n 2"], outline: Float[np.ndarray, "v 2"]) -> Bool[np.ndarray, " n"]:
    """Return which points lie inside a closed polygon, by the even-odd rule."""
    x, y = points[:, 0][:, None], points[:, 1][:, None]
    start, end = outline, np.roll(outline, -1, axis=0)
    spans = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    crossing = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / rise
    inside: Bool[np.ndarray, " n"] = (spans & (x < crossing)).sum(axis=1) % 2 == 1
    return inside
