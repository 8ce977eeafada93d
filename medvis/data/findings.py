"""Findings that are put into the thorax in 3-D: where each lies, what it is made of, how it looks on a film.

Lesions are smooth signed distances turned into shares of a slab's cell, so that their edges show no slices.
Each returns its extent in the shared thorax: the film and the truth are projected from the same field. To add
a finding, write its function and put it in `LESIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from medvis.data import shapes
from medvis.data.slabs import Cells, Columns, Slabs

_APEX = 300.0  # mm: about the height of the lungs' tops in the thorax
_HILA = {"right": (-42.0, 205.0, 0.0), "left": (42.0, 212.0, 0.0)}  # mm: x, z, depth


@dataclass(frozen=True)
class Finding:
    """Something that is really there.

    Attributes:
        name: Kind, a key of `LESIONS` or of `SHAPES`.
        side: "right", "left", or "" where it has none.
        region: Name of the lobe in the label map, "" where it belongs to no lobe.
        size: How much of it, from 0 (just visible) to 1 (as much as there is).
        seed: Makes this one unlike the next.
    """

    name: str
    side: str
    region: str
    size: float
    seed: int


@dataclass(frozen=True)
class Lesion:
    """What a finding does to the thorax.

    Attributes:
        extent: Share of each cell that is changed.
        becomes: What the changed share weighs, in water.
        adds: Water added to the changed share instead, where not 0.
    """

    extent: Cells
    becomes: float = 1.0
    adds: float = 0.0


def consolidation(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Fill part of one lobe up to its fissure, with a ragged inner edge."""
    radius = 24 + 26 * found.size
    centre = shapes.inside(slabs, slabs.share[found.region], rng, depth=0.4 * radius)
    field = shapes.ball(slabs, centre, radius, rng, ragged=0.38, edge=9.0)
    return Lesion(shapes.within(field, slabs.share[found.region]), becomes=float(rng.uniform(0.8, 1.0)))


def nodule(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Put a small round lesion well inside the lung."""
    centre = shapes.inside(slabs, slabs.share[found.region], rng, depth=16.0)
    field = shapes.ball(slabs, centre, nodule_radius(found.size), rng, ragged=0.08, edge=2.0)
    return Lesion(shapes.within(field, slabs.side(found.side)), becomes=1.05)


def nodule_radius(size: float) -> float:
    """Return the radius in mm of a nodule of some size."""
    return 6.5 + 8.5 * size


def mass(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Put a large lobulated lesion inside the lung."""
    centre = shapes.inside(slabs, slabs.share[found.region], rng, depth=18.0)
    field = shapes.ball(slabs, centre, mass_radius(found.size), rng, ragged=0.2, edge=3.0)
    return Lesion(shapes.within(field, slabs.side(found.side)), becomes=1.05)


def mass_radius(size: float) -> float:
    """Return the radius in mm of a mass of some size."""
    return 17.0 + 15.0 * size


def granuloma(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Put a few mm of calcium inside the lung."""
    centre = shapes.inside(slabs, slabs.share[found.region], rng, depth=12.0)
    field = shapes.ball(slabs, centre, 2.6 + 1.8 * found.size, rng, ragged=0.05, edge=1.5)
    return Lesion(shapes.within(field, slabs.side(found.side)), becomes=6.0)


def effusion(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Let fluid sink between lung and chest wall: full below its level, a thinning rim above it.

    The rim makes the meniscus: it climbs where the lung meets the wall, not where it meets the mediastinum.
    """
    level = 106 + 84 * found.size + float(rng.uniform(-4, 4))
    height = slabs.z[None, :, None]
    thick = 13 * np.exp(np.minimum((level - height) / 13, 3.2))
    fluid = shapes.soft(slabs.rim[found.side] - thick, 5.0) * np.minimum(thick / 5, 1)
    return Lesion((fluid * slabs.side(found.side)).astype(np.float32), becomes=1.02)


def pneumothorax(slabs: Slabs, found: Finding, _: Generator) -> Lesion:
    """Let air rise to the apex; beyond the lung's edge there are no vessels."""
    gap = _gap(slabs, found)
    air = shapes.soft(slabs.border[found.side] - gap, 2.0) * np.minimum(gap / 2, 1)
    return Lesion((air * slabs.side(found.side)).astype(np.float32), becomes=0.0)


def pleural_line(slabs: Slabs, found: Finding) -> Lesion:
    """Return the lung's own edge inside a pneumothorax, about a mm of pleura met edge-on."""
    inward = slabs.border[found.side] - _gap(slabs, found)
    line = np.exp(-(((inward - 1.5) / 1.2) ** 2)) * (_gap(slabs, found) > 4)
    return Lesion((line * slabs.side(found.side)).astype(np.float32), adds=0.1)


def oedema(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Cloud both lungs from the hila outwards and downwards, with septal lines near the wall below."""
    x, z, depth = slabs.x[None, None], slabs.z[None, :, None], slabs.depth[:, None, None]
    cloud = np.zeros_like(slabs.rim["right"])
    for side in ("right", "left"):
        middle = _HILA[side]
        far = ((x - middle[0]) / 62) ** 2 + ((z - middle[1] + 8) / 80) ** 2 + ((depth - middle[2]) / 75) ** 2
        cloud += (np.exp(-far) + 0.35 * shapes.soft(z - 170, 120.0)) * slabs.side(side)
        cloud += 0.6 * _septa(slabs, side, rng)
    mottled = 1 + 0.22 * shapes.noise(rng, cloud.shape, 10)
    return Lesion((cloud * mottled).clip(0, 4).astype(np.float32), adds=0.25 + 0.9 * found.size)


def atelectasis(slabs: Slabs, found: Finding, rng: Generator) -> Lesion:
    """Lay a thin plate across the lower lung, nearly level."""
    sign = -1 if found.side == "right" else 1
    centre = (sign * float(rng.uniform(72, 95)), float(rng.uniform(142, 172)), float(rng.uniform(-40, 10)))
    reach = 30 + 22 * found.size
    box, right, up, front = shapes.around(slabs, centre, reach + 6)
    slope, bend = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.003, 0.003))
    sheet = np.abs(up - slope * right - bend * right**2) - (1.4 + 1.6 * found.size)
    outside = np.maximum(np.abs(right) - reach, np.abs(front) - 0.7 * reach)
    field = np.zeros_like(slabs.rim["right"])
    field[box] = (shapes.soft(sheet, 2.5) * shapes.soft(outside, 8.0)).mean(axis=1)
    return Lesion(shapes.within(field, slabs.side(found.side)), becomes=0.95)


LESIONS: dict[str, Callable[[Slabs, Finding, Generator], Lesion]] = {
    "consolidation": consolidation,
    "nodule": nodule,
    "mass": mass,
    "granuloma": granuloma,
    "effusion": effusion,
    "pneumothorax": pneumothorax,
    "oedema": oedema,
    "atelectasis": atelectasis,
}
SHAPES = ("cardiomegaly", "elevated hemidiaphragm")  # the body itself is changed, see anatomy.Body
KINDS = (*LESIONS, *SHAPES)


def grown(slabs: Slabs, water: Columns, found: Finding) -> tuple[Columns, Cells]:
    """Return the thorax with a lesion in it, and where the lesion lies.

    Args:
        slabs: The shared thorax.
        water: Attenuation so far, in mm of water.
        found: A finding with a lesion.
    """
    lesion = LESIONS[found.name](slabs, found, np.random.default_rng(found.seed))
    changed = _applied(slabs, water, lesion)
    if found.name == "pneumothorax":
        changed = _applied(slabs, changed, pleural_line(slabs, found))
    return changed, lesion.extent


def _applied(slabs: Slabs, water: Columns, lesion: Lesion) -> Columns:
    out = water.copy()
    for slab in np.flatnonzero(lesion.extent.any(axis=(1, 2))):
        wide = np.repeat(lesion.extent[slab], 2, axis=1)
        wide[:, 1:-1] = 0.25 * wide[:, :-2] + 0.5 * wide[:, 1:-1] + 0.25 * wide[:, 2:]
        if lesion.adds:
            out[slab] += wide * lesion.adds * slabs.thickness
        else:
            out[slab] += wide * (lesion.becomes * slabs.thickness - out[slab])
    return out


def _gap(slabs: Slabs, found: Finding) -> Float[np.ndarray, "z 1"]:
    """Return how far the lung has fallen from the wall in mm, by height."""
    reach = 70 + 150 * found.size
    gap = (9 + 46 * found.size) * np.clip((slabs.z - (_APEX - reach)) / reach, 0, 1) ** 0.7
    return gap[:, None].astype(np.float32)


def _septa(slabs: Slabs, side: str, rng: Generator) -> Cells:
    """Return short level lines that reach the chest wall above the costophrenic angle."""
    lines = np.zeros_like(slabs.rim[side])
    near = shapes.soft(slabs.rim[side] - 11, 4.0) * slabs.side(side)
    for _ in range(7):
        height, front = rng.uniform(118, 180), rng.uniform(-40, 40)
        row = int(np.abs(slabs.z - height).argmin())
        slab = int(np.abs(slabs.depth - front).argmin())
        lines[slab - 1 : slab + 2, row] = near[slab - 1 : slab + 2, row]
    return lines
