"""One simulated patient's body: how the shared thorax is bent into it, and what is added to it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from numpy.random import Generator

from medvis.data.slabs import Columns, Slabs

Bent = Shaped[np.ndarray, "..."]  # mm, one for each slab, row and column
_HEART = (34.0, 172.0, 22.0)  # mm: x, z, depth of the heart's middle in the thorax
_DOMES = {"right": (-62.0, 135.0), "left": (76.0, 125.0)}  # mm: x, z of the diaphragm's domes


@dataclass(frozen=True)
class Body:
    """What is one patient's own, and stays from visit to visit.

    Attributes:
        width: Scale across.
        height: Scale upwards.
        taper: Relative widening from the apex of the lung to its base.
        heart: Scale of the heart.
        domes: Lift of the right and left dome of the diaphragm in mm.
        fat: Thickness of additional soft tissue in mm of water.
        bone: Brightness of bone.
        breasts: Thickness of the breasts in mm of water, 0 for none.
        bubble: Thickness of the air in the stomach in mm, 0 for none.
        vessels: Prominence of lung vessels.
        elastic: Smooth displacement in mm: two directions at a few places (depth, upwards, across).
    """

    width: float
    height: float
    taper: float
    heart: float
    domes: tuple[float, float]
    fat: float
    bone: float
    breasts: float
    bubble: float
    vessels: float
    elastic: Float[np.ndarray, "2 3 5 5"]


def body(rng: Generator) -> Body:
    """Draw a patient's body."""
    return Body(
        width=float(np.exp(rng.normal(0, 0.06))),
        height=float(np.exp(rng.normal(0.11, 0.06))),
        taper=float(rng.normal(0, 0.05)),
        heart=float(np.clip(rng.normal(0.86, 0.06), 0.75, 0.98)),
        domes=(float(rng.normal(-18, 8)), float(rng.normal(-20, 8))),
        fat=float(np.clip(rng.gamma(2.0, 10.0), 0, 70)),
        bone=float(2.3 * np.exp(rng.normal(0, 0.18))),
        breasts=float(rng.uniform(8, 38)) if rng.random() < 0.45 else 0.0,
        bubble=float(rng.uniform(10, 40)) if rng.random() < 0.6 else 0.0,
        vessels=float(rng.uniform(1.0, 1.6)),
        elastic=rng.normal(0, 5.0, (2, 3, 5, 5)).astype(np.float32),
    )


def water(slabs: Slabs, person: Body) -> Columns:
    """Return the patient's attenuation in mm of water, before any finding, in the shared thorax's place."""
    out = slabs.soft + person.bone * slabs.bone + (person.vessels - 1) * slabs.vessels
    x = np.linspace(slabs.x[0], slabs.x[-1], out.shape[2], dtype=np.float32)
    z = slabs.z[:, None]
    front = int(np.abs(slabs.depth - 85).argmin())
    if person.breasts:
        for middle in (-82, 90):
            below = np.where(z < 150, 24, 62)  # the lower border is the sharp one
            out[front] += person.breasts * np.sqrt(
                (1 - ((x - middle) / 62) ** 2 - ((z - 150) / below) ** 2).clip(0)
            )
    if person.bubble:
        inner = int(np.abs(slabs.depth - 30).argmin())
        bubble = np.sqrt((1 - ((x - 62) / 30) ** 2 - ((z - 102) / 17) ** 2).clip(0))
        spread = slice(inner - 2, inner + 3)
        out[spread] -= np.minimum(person.bubble / 5, 0.9 * out[spread]) * bubble
    return out + person.fat / slabs.depth.size * (out > 1)


def bent(x: Bent, z: Bent, depth: Bent, person: Body, breath: float) -> tuple[Bent, Bent]:
    """Return where in the shared thorax a place of this patient lies.

    Args:
        x: Places in the patient, in mm.
        z: Likewise.
        depth: Likewise, one for each slab.
        person: The patient.
        breath: How far both domes stand above full inspiration in mm.
    """
    x, z = _sized(x, z, person)
    shift = _elastic(person, x.shape)
    x, z = _heart(x + shift[0], z + shift[1], depth, person.heart)
    for side, lift in zip(("right", "left"), person.domes, strict=True):
        z = _dome(x, z, depth, side, lift + breath)
    return x, z


def _sized(x: Bent, z: Bent, person: Body) -> tuple[Bent, Bent]:
    z = 190 + (z - 190) / person.height
    return x / (person.width * (1 + person.taper * np.tanh((190 - z) / 120))), z


def _elastic(person: Body, shape: tuple[int, ...]) -> Float[np.ndarray, "2 s h w"]:
    """Spread the few displacements smoothly over all slabs and rows and columns."""
    slabs, rows, columns = (_spread(length, knots) for length, knots in zip(shape, (3, 5, 5), strict=True))
    flat = rows @ person.elastic @ columns.T
    return np.moveaxis(np.tensordot(slabs, flat, (1, 1)), 0, 1)


def _spread(count: int, knots: int) -> Shaped[np.ndarray, "count knots"]:
    """Return smooth weights of knots along a line; they sum to 1."""
    at = np.linspace(0, knots - 1, count)[:, None]
    weight = np.exp(-((at - np.arange(knots)) ** 2) / 0.8)
    share: Float[np.ndarray, "count knots"] = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    return share


def _heart(
    x: Bent,
    z: Bent,
    depth: Bent,
    scale: float,
) -> tuple[Bent, Bent]:
    """Enlarge what lies around the heart, the more to the left; beyond the lungs nothing moves."""
    right, up, front = x - (_HEART[0] - 22), z - _HEART[1], depth - _HEART[2]
    far = _fourth(right / 105) + _fourth(up / 85) + _fourth(front / 80)
    pull = (1 - 1 / scale) * np.exp(-far)
    return x - pull * right, z - 0.5 * pull * up


def _dome(
    x: Bent,
    z: Bent,
    depth: Bent,
    side: str,
    lift: float,
) -> Bent:
    """Lift one dome of the diaphragm, most in the middle of the body."""
    middle, top = _DOMES[side]
    far = ((x - middle) / 52) ** 2 + ((z - top - lift / 2) / 62) ** 2 + _fourth(depth / 95)
    lifted: Bent = z - lift * np.exp(-far / 1.2)
    return lifted


def _fourth(length: Bent) -> Bent:
    square = length * length  # numpy's power is twenty times slower
    fourth: Bent = square * square
    return fourth
