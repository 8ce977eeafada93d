"""Smooth shapes inside the thorax: balls, ramps and noise from which lesions are made."""

import numpy as np
from jaxtyping import Float
from numpy.random import Generator
from scipy import ndimage

from medvis.data.slabs import Cells, Slabs

Field = Float[np.ndarray, "..."]
_SUB = 3  # depths at which a slab is looked at


def inside(slabs: Slabs, share: Cells, rng: Generator, *, depth: float) -> tuple[float, float, float]:
    """Return a place (x, z, depth in mm) in a lobe where a film shows it.

    Args:
        slabs: The shared thorax.
        share: Of the lobe.
        rng: Source of the choice.
        depth: Distance from the lung's outer border as seen on a film in mm, if the lobe is that wide.
    """
    clear = (np.abs(slabs.x) > 46) & (slabs.z[:, None] > 158)  # of spine, heart and diaphragm
    full = (share > 0.9) & clear
    border = np.broadcast_to(np.maximum(slabs.border["right"], slabs.border["left"]), share.shape)
    far = border > min(depth, float(np.quantile(border[full], 0.6)))
    slab, row, column = rng.choice(np.argwhere(full & far))
    return float(slabs.x[column]), float(slabs.z[row]), float(slabs.depth[slab])


def around(
    slabs: Slabs, centre: tuple[float, float, float], reach: float
) -> tuple[
    tuple[slice, slice, slice],
    Float[np.ndarray, "1 1 1 c"],
    Float[np.ndarray, "1 1 r 1"],
    Float[np.ndarray, "n sub 1 1"],
]:
    """Return the cells around a place, and their distances from it leftward, headward and frontward in mm."""
    box = tuple(
        slice(int(np.searchsorted(line, middle - reach)), int(np.searchsorted(line, middle + reach)) + 1)
        for line, middle in ((slabs.depth, centre[2]), (slabs.z, centre[1]), (slabs.x, centre[0]))
    )
    within = (np.arange(_SUB) + 0.5) / _SUB - 0.5
    front = slabs.depth[box[0]][:, None, None, None] - centre[2] + slabs.thickness * within[:, None, None]
    up = (slabs.z[box[1]] - centre[1])[:, None]
    right = slabs.x[box[2]] - centre[0]
    return (box[0], box[1], box[2]), right[None, None, None], up[None, None], front.astype(np.float32)


def ball(
    slabs: Slabs,
    centre: tuple[float, float, float],
    radius: float,
    rng: Generator,
    *,
    ragged: float,
    edge: float,
) -> Cells:
    """Return a ball whose radius wanders by the share `ragged`, softened over `edge` mm."""
    box, right, up, front = around(slabs, centre, radius * (1 + 2 * ragged) + edge)
    stretch = rng.uniform(0.85, 1.2, 3)
    stretch /= np.cbrt(stretch.prod())  # as large as it is said to be
    distance = np.sqrt((right * stretch[0]) ** 2 + (up * stretch[1]) ** 2 + (front * stretch[2]) ** 2)
    slabs_, sub, rows, columns = distance.shape
    wander = noise(rng, (slabs_ * sub, rows, columns), 5).reshape(distance.shape)
    field = np.zeros_like(slabs.rim["right"])
    field[box] = soft(distance - radius * (1 + ragged * wander), edge).mean(axis=1)
    return field


def noise(rng: Generator, shape: tuple[int, ...], knots: int) -> Field:
    """Return a smooth random field of about unit spread."""
    coarse = rng.standard_normal((knots,) * len(shape), np.float32)
    factor = [length / knots for length in shape]
    field: Field = 1.4 * ndimage.zoom(coarse, factor, order=1, mode="nearest", grid_mode=True)
    return field


def soft(distance: Field, edge: float) -> Field:
    """Return 1 inside (negative distance), 0 outside, with a straight ramp `edge` mm wide between."""
    inside: Field = np.clip(0.5 - distance / edge, 0, 1).astype(np.float32)
    return inside


def within(field: Cells, share: Cells) -> Cells:
    """Keep what lies in a region, without counting its boundary cells twice."""
    kept: Cells = np.minimum(field, share).astype(np.float32)
    return kept
