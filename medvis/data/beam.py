"""How the beam meets a patient: the map from a film back to the shared thorax, and what the film sees.

Labels and lesions lie in the thorax and pass through the same map as the tissue.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped
from numpy.random import Generator
from scipy import ndimage

from medvis.data.anatomy import Bent, Body, bent
from medvis.data.slabs import Slabs
from medvis.data.thorax import LUNGS

Steps = tuple[Shaped[np.ndarray, " _"], Float[np.ndarray, " _"]]  # where between which cells
_CANVAS = 116  # cells of the coarse film on which maps and outlines are worked out
_CELL = 3.5  # mm
_DISTANCE = {"PA": 1700.0, "AP": 950.0}  # mm from focus to the middle of the body
_BEHIND = 130.0  # mm from the middle of the body to the detector


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
    x, z = bent(x, z, depth, person, stance.breath)
    found = Map(x, z, (0.0, 0.0, 0.0, 0.0), {})
    outlines = _outlines(slabs, found)
    return replace(found, outlines=outlines, window=_window(outlines, stance, slabs, found))


def warped(
    slabs: Slabs, field: Float[np.ndarray, "s z x"], place: Map, height: int, width: int
) -> Float[np.ndarray, "h w"]:
    """Return the sum over all slabs of a field of the thorax as the film sees it.

    Slabs in which the field is nothing cost nothing.
    """
    rows, columns = _steps(place, slabs, height, width)
    film = np.zeros((height, width), np.float32)
    per_x = field.shape[2] / slabs.x.size
    step_x, step_z = float(slabs.x[1] - slabs.x[0]), float(slabs.z[1] - slabs.z[0])
    for slab in np.flatnonzero(field.any(axis=(1, 2))):
        x = (_fine(place.x[slab], rows, columns) - slabs.x[0]) / step_x
        z = _fine(place.z[slab], rows, columns) / step_z
        where = np.stack([z, x * per_x + (per_x - 1) / 2])
        film += ndimage.map_coordinates(field[slab], where, order=1, mode="nearest", output=np.float32)
    return film


def outline(place: Map, slabs: Slabs, name: str, height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Return where a region lies on the film."""
    rows, columns = _steps(place, slabs, height, width)
    return _fine(place.outlines[name].astype(np.float32), rows, columns) > 0.5


def cardiothoracic_ratio(place: Map) -> float:
    """Return the width of the heart over the inner width of the chest, as seen on the film."""
    lungs = np.any([place.outlines[name] for name in LUNGS], axis=0)
    return _width(place.outlines["heart"]) / _width(lungs)


def magnification(view: str) -> float:
    """Return by how much the detector magnifies the middle of the body."""
    return (_DISTANCE[view] + _BEHIND) / _DISTANCE[view]


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
) -> tuple[Bent, Bent]:
    """Follow the cone back: what is far from the detector is magnified."""
    distance = _DISTANCE[stance.view]
    shrink = 1 + depth / distance if stance.view == "PA" else 1 - depth / distance
    x = across * shrink + depth * math.tan(stance.turn)
    z = middle + (upwards - middle) * shrink + depth * math.tan(stance.tilt)
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, z.shape)), z + 0 * x


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
    middling = slice(_CANVAS // 4, 3 * _CANVAS // 4)
    known = np.flatnonzero((place.z[:, :, middling] < slabs.z[-1]).all(axis=(0, 2)))[0]
    middle = float(slabs.z.mean())
    left, right = (columns[0] - _CANVAS / 2) * _CELL, (columns[-1] + 1 - _CANVAS / 2) * _CELL
    top, bottom = middle + (_CANVAS / 2 - rows[0]) * _CELL, middle + (_CANVAS / 2 - rows[-1] - 1) * _CELL
    size = max(right - left, top - bottom)
    grow = [share * size for share in stance.margin]
    highest = middle + (_CANVAS / 2 - known) * _CELL
    return left - grow[0], right + grow[1], bottom - grow[3], min(top + grow[2], highest)


def _steps(place: Map, slabs: Slabs, height: int, width: int) -> tuple[Steps, Steps]:
    """Return where the film's pixel centres lie between the rows and columns of the coarse film."""
    left, right, bottom, top = place.window
    columns = (left + (np.arange(width) + 0.5) / width * (right - left)) / _CELL + _CANVAS / 2 - 0.5
    heights = top - (np.arange(height) + 0.5) / height * (top - bottom)
    rows = (slabs.z.mean() - heights) / _CELL + _CANVAS / 2 - 0.5
    return _between(rows), _between(columns)


def _between(at: Shaped[np.ndarray, " n"]) -> Steps:
    below = np.floor(at).astype(np.intp).clip(0, _CANVAS - 2)
    return below, (at - below).clip(0, 1).astype(np.float32)


def _fine(coarse: Float[np.ndarray, "h w"], rows: Steps, columns: Steps) -> Float[np.ndarray, "height width"]:
    """Interpolate the coarse film; in plain array steps, because small matrix products wake every thread."""
    (row, down), (column, aside) = rows, columns
    tall = coarse[row] + down[:, None] * (coarse[row + 1] - coarse[row])
    fine: Float[np.ndarray, "height width"] = tall[:, column] + aside * (
        tall[:, column + 1] - tall[:, column]
    )
    return fine


def _width(mask: Bool[np.ndarray, "h w"]) -> float:
    columns = np.flatnonzero(mask.any(axis=0))
    return float(columns[-1] - columns[0] + 1) if columns.size else 0.0
