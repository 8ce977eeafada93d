"""One simulated patient's body: how the shared thorax is bent, and how the beam meets it.

Everything is one map from the film back to the thorax, slab by slab: the beam's cone, a turn of the patient,
size, elastic differences, heart and diaphragm. Lesions and labels lie in the thorax and pass through it too.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped
from numpy.random import Generator
from scipy import ndimage

from medvis.data.slabs import Columns, Slabs
from medvis.data.thorax import LUNGS

_CANVAS = 116  # cells of the coarse film on which maps and outlines are worked out
_CELL = 3.5  # mm
_DISTANCE = {"PA": 1700.0, "AP": 950.0}  # mm from focus to the middle of the body
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


@dataclass(frozen=True)
class Position:
    """How the patient stood before the film on one day.

    Attributes:
        view: "PA" or "AP".
        turn: Rotation about the long axis in radians.
        tilt: Leaning back in radians.
        breath: How far both domes stand above full inspiration in mm.
        margin: Free space around the lungs as a share of their size: left, right, top, bottom of the film.
    """

    view: Literal["PA", "AP"]
    turn: float
    tilt: float
    breath: float
    margin: tuple[float, float, float, float]


@dataclass(frozen=True)
class Map:
    """The map from a film back to the thorax.

    Attributes:
        x: Position in the thorax in mm for every slab and coarse film cell.
        z: Likewise.
        window: Left, right, bottom and top of the film in mm.
        outlines: Where each region lies on the coarse film.
    """

    x: Float[np.ndarray, "s h w"]
    z: Float[np.ndarray, "s h w"]
    window: tuple[float, float, float, float]
    outlines: dict[str, Bool[np.ndarray, "h w"]]


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


def position(rng: Generator) -> Position:
    """Draw how the patient stood: two in three upright before the wall, the others in bed."""
    view: Literal["PA", "AP"] = "PA" if rng.random() < 0.66 else "AP"
    worse = 1.0 if view == "PA" else 1.8
    left, right, top, bottom = (float(value) for value in rng.uniform(0.03, 0.13, 4))
    return Position(
        view=view,
        turn=float(rng.normal(0, 0.03 * worse)),
        tilt=float(rng.normal(0, 0.03 * worse)),
        breath=float(abs(rng.normal(0, 7 * worse))),
        margin=(left, right, top, bottom - 0.11),
    )


def mapped(slabs: Slabs, person: Body, stance: Position) -> Map:
    """Return the map of one film, framed around the lungs."""
    across = ((np.arange(_CANVAS) - _CANVAS / 2 + 0.5) * _CELL).astype(np.float32)
    upwards = (slabs.z.mean() + (_CANVAS / 2 - 0.5 - np.arange(_CANVAS)) * _CELL)[:, None].astype(np.float32)
    depth = slabs.depth[:, None, None]
    x, z = _beam(across, upwards, depth, stance, float(slabs.z.mean()))
    x, z = _sized(x, z, person)
    shift = _elastic(person, slabs.depth.size)
    x, z = x + shift[0], z + shift[1]
    x, z = _heart(x, z, depth, person.heart)
    for side, lift in zip(("right", "left"), person.domes, strict=True):
        z = _dome(x, z, depth, side, lift + stance.breath)
    found = Map(x, z, (0, 0, 0, 0), {})
    outlines = _outlines(slabs, found)
    return replace(found, outlines=outlines, window=_window(outlines, stance, slabs, found))


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


def warped(
    slabs: Slabs, field: Float[np.ndarray, "s z x"], place: Map, height: int, width: int
) -> Float[np.ndarray, "h w"]:
    """Return the sum over all slabs of a field of the thorax as the film sees it.

    Slabs in which the field is nothing cost nothing.
    """
    rows, columns = _weights(place, slabs, height, width)
    film = np.zeros((height, width), np.float32)
    per_x = field.shape[2] / slabs.x.size
    step_x, step_z = float(slabs.x[1] - slabs.x[0]), float(slabs.z[1] - slabs.z[0])
    for slab in np.flatnonzero(field.any(axis=(1, 2))):
        x = ((rows @ place.x[slab] @ columns) - slabs.x[0]) / step_x
        z = (rows @ place.z[slab] @ columns) / step_z
        where = np.stack([z, x * per_x + (per_x - 1) / 2])
        film += ndimage.map_coordinates(field[slab], where, order=1, mode="nearest", output=np.float32)
    return film


def outline(place: Map, slabs: Slabs, name: str, height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Return where a region lies on the film."""
    rows, columns = _weights(place, slabs, height, width)
    seen: Bool[np.ndarray, "h w"] = rows @ place.outlines[name].astype(np.float32) @ columns > 0.5
    return seen


def cardiothoracic_ratio(place: Map) -> float:
    """Return the width of the heart over the inner width of the chest, as seen on the film."""
    lungs = np.any([place.outlines[name] for name in LUNGS], axis=0)
    return _width(place.outlines["heart"]) / _width(lungs)


def aspect(place: Map) -> float:
    """Return the film's height over its width."""
    left, right, bottom, top = place.window
    return (top - bottom) / (right - left)


def _beam(
    across: Shaped[np.ndarray, " w"],
    upwards: Shaped[np.ndarray, "h 1"],
    depth: Shaped[np.ndarray, "s 1 1"],
    stance: Position,
    middle: float,
) -> tuple[Shaped[np.ndarray, "s h w"], Shaped[np.ndarray, "s h w"]]:
    """Follow the cone back: what is far from the detector is magnified."""
    distance = _DISTANCE[stance.view]
    shrink = 1 + depth / distance if stance.view == "PA" else 1 - depth / distance
    x = across * shrink + depth * np.tan(stance.turn)
    z = middle + (upwards - middle) * shrink + depth * np.tan(stance.tilt)
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, z.shape)), z + 0 * x


def _sized(
    x: Shaped[np.ndarray, "s h w"], z: Shaped[np.ndarray, "s h w"], person: Body
) -> tuple[Shaped[np.ndarray, "s h w"], Shaped[np.ndarray, "s h w"]]:
    z = 190 + (z - 190) / person.height
    return x / (person.width * (1 + person.taper * np.tanh((190 - z) / 120))), z


def _elastic(person: Body, count: int) -> Float[np.ndarray, "2 s h w"]:
    """Spread the few displacements smoothly over all slabs and the coarse film."""
    out = _spread(_CANVAS, 5) @ person.elastic @ _spread(_CANVAS, 5).T
    return np.moveaxis(np.tensordot(_spread(count, 3), out, (1, 1)), 0, 1)


def _spread(count: int, knots: int) -> Shaped[np.ndarray, "count knots"]:
    """Return smooth weights of knots along a line; they sum to 1."""
    at = np.linspace(0, knots - 1, count)[:, None]
    weight = np.exp(-((at - np.arange(knots)) ** 2) / 0.8)
    share: Float[np.ndarray, "count knots"] = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    return share


def _heart(
    x: Shaped[np.ndarray, "s h w"],
    z: Shaped[np.ndarray, "s h w"],
    depth: Shaped[np.ndarray, "s 1 1"],
    scale: float,
) -> tuple[Shaped[np.ndarray, "s h w"], Shaped[np.ndarray, "s h w"]]:
    """Enlarge what lies around the heart, the more to the left; beyond the lungs nothing moves."""
    right, up, front = x - (_HEART[0] - 22), z - _HEART[1], depth - _HEART[2]
    far = (right / 105) ** 4 + (up / 85) ** 4 + (front / 80) ** 4
    pull = (1 - 1 / scale) * np.exp(-far)
    return x - pull * right, z - 0.5 * pull * up


def _dome(
    x: Shaped[np.ndarray, "s h w"],
    z: Shaped[np.ndarray, "s h w"],
    depth: Shaped[np.ndarray, "s 1 1"],
    side: str,
    lift: float,
) -> Shaped[np.ndarray, "s h w"]:
    """Lift one dome of the diaphragm, most in the middle of the body."""
    middle, top = _DOMES[side]
    far = ((x - middle) / 52) ** 2 + ((z - top - lift / 2) / 62) ** 2 + (depth / 95) ** 4
    return z - lift * np.exp(-far / 1.2)


def _outlines(slabs: Slabs, place: Map) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Return where each region lies on the coarse film, by its nearest cells."""
    names = list(slabs.share)
    label = np.zeros(next(iter(slabs.share.values())).shape, np.uint8)
    for number, name in enumerate(names, 1):
        label[slabs.share[name] > 0.5] = number
    column = np.rint((place.x - slabs.x[0]) / (slabs.x[1] - slabs.x[0])).astype(np.intp)
    row = np.rint(place.z / (slabs.z[1] - slabs.z[0])).astype(np.intp)
    inside = (column >= 0) & (column < slabs.x.size) & (row >= 0) & (row < slabs.z.size)
    slab = np.arange(slabs.depth.size)[:, None, None]
    seen = label[slab, row.clip(0, slabs.z.size - 1), column.clip(0, slabs.x.size - 1)] * inside
    return {name: (seen == number).any(axis=0) for number, name in enumerate(names, 1)}


def _window(
    outlines: dict[str, Bool[np.ndarray, "h w"]], stance: Position, slabs: Slabs, place: Map
) -> tuple[float, float, float, float]:
    """Frame the lungs with the margins, but not beyond the top of the CT."""
    lungs = np.any([outlines[name] for name in LUNGS], axis=0)
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    known = np.flatnonzero(place.z[slabs.depth.size // 2, :, _CANVAS // 2] < slabs.z[-1])[0]
    middle = float(slabs.z.mean())
    left, right = (columns[0] - _CANVAS / 2) * _CELL, (columns[-1] + 1 - _CANVAS / 2) * _CELL
    top, bottom = middle + (_CANVAS / 2 - rows[0]) * _CELL, middle + (_CANVAS / 2 - rows[-1] - 1) * _CELL
    size = max(right - left, top - bottom)
    grow = [share * size for share in stance.margin]
    highest = middle + (_CANVAS / 2 - known) * _CELL
    return left - grow[0], right + grow[1], bottom - grow[3], min(top + grow[2], highest)


def _weights(
    place: Map, slabs: Slabs, height: int, width: int
) -> tuple[Float[np.ndarray, "height h"], Float[np.ndarray, "w width"]]:
    """Return the matrices that interpolate the coarse film at the film's pixel centres."""
    left, right, bottom, top = place.window
    columns = (left + (np.arange(width) + 0.5) / width * (right - left)) / _CELL + _CANVAS / 2 - 0.5
    heights = top - (np.arange(height) + 0.5) / height * (top - bottom)
    rows = (slabs.z.mean() - heights) / _CELL + _CANVAS / 2 - 0.5
    return _hat(rows), _hat(columns).T


def _hat(at: Shaped[np.ndarray, " n"]) -> Float[np.ndarray, "n m"]:
    hat: Float[np.ndarray, "n m"] = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(_CANVAS)))
    return hat.astype(np.float32)


def _width(mask: Bool[np.ndarray, "h w"]) -> float:
    columns = np.flatnonzero(mask.any(axis=0))
    return float(columns[-1] - columns[0] + 1) if columns.size else 0.0
