"""The thorax summed into slabs across the beam: the canvas on which patients differ and lesions grow.

A film is a sum along the beam. Summed once into slabs of about a centimetre, the CT can be warped slab by
slab in two dimensions: forty times cheaper than in three, at half a per cent of error.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from medvis.data.thorax import LUNGS, Thorax, bones

COUNT = 24
Cells = Float[np.ndarray, "s z x"]
Columns = Float[np.ndarray, "s z x2"]
REGIONS = (*LUNGS, "heart")
_DEEP = 2.5  # fluid and air gather at the sides, base and apex rather than before and behind
_WATER = 1000.0  # HU between air and water


@dataclass(frozen=True)
class Slabs:
    """A thorax as slabs from back to front.

    Lengths of water count attenuation: so many mm of water weaken the beam as much. `soft`, `bone` and
    `vessels` have twice as many columns as the shares. Positions are in mm: `x` towards the patient's left
    of the spine, `z` towards the head, `depth` frontwards of the body's middle.

    Attributes:
        soft: Water equivalent in mm of everything but bone's excess.
        bone: What bone adds to that.
        vessels: What the vessels of the lung stand out by; part of `soft`.
        share: How much of each slab's cell a region fills; lobes and heart.
        rim: Distance in mm of lung from the chest wall and diaphragm (not the mediastinum), by side; along
            the beam it counts more than double.
        border: Distance in mm from the outer and upper border of the lung seen from the front, by side.
        x: Positions of the columns of the shares.
        z: Positions of the rows.
        depth: Positions of the slabs.
        thickness: Of a slab.
    """

    soft: Columns
    bone: Columns
    vessels: Columns
    share: dict[str, Cells]
    rim: dict[str, Cells]
    border: dict[str, Float[np.ndarray, "z x"]]
    x: Float[np.ndarray, " x"]
    z: Float[np.ndarray, " z"]
    depth: Float[np.ndarray, " s"]
    thickness: float

    def side(self, name: str) -> Cells:
        """Return the share of one whole lung, "right" or "left"."""
        return _lung(self.share, name)


def cut(thorax: Thorax) -> Slabs:
    """Return a thorax as slabs."""
    inside = np.flatnonzero((thorax.hounsfield > -900).any(axis=(0, 2)))
    per = int(np.ceil((inside[-1] + 1 - inside[0]) / COUNT))
    first = max(0, min(int(inside[0]), thorax.hounsfield.shape[1] - per * COUNT))
    body = slice(first, first + per * COUNT)
    step = thorax.spacing[1]
    bone = bones(thorax)[:, body]
    water = np.maximum(thorax.hounsfield[:, body].astype(np.float32) + _WATER, 0) / _WATER
    excess = np.where(bone, np.maximum(water - 1.05, 0), 0).astype(np.float32)
    share = {name: _share(thorax.where(name)[:, body], per) for name in REGIONS}
    spine = np.argwhere(thorax.where("vertebrae_T8"))[:, 0].mean()
    columns = thorax.hounsfield.shape[0] // 2
    x = ((np.arange(columns) * 2 + 0.5 - spine) * thorax.spacing[0]).astype(np.float32)
    z = (np.arange(thorax.hounsfield.shape[2]) * thorax.spacing[2]).astype(np.float32)
    depth = ((np.arange(COUNT) + 0.5 - COUNT / 2) * per * step).astype(np.float32)
    lungs = {side: _lung(share, side) for side in ("right", "left")}
    steps = (_DEEP * per * step, thorax.spacing[2], 2 * thorax.spacing[0])
    rim = {side: _outward(lung > 0.5, x, steps) for side, lung in lungs.items()}
    border = {side: _outward((lung.max(axis=0) > 0.5)[None], x, steps)[0] for side, lung in lungs.items()}
    soft, hard = _sum(water - excess, per) * step, _crisp(_sum(excess, per) * step)
    vessels = _vessels(soft, lungs["right"] + lungs["left"], per * step)
    return Slabs(soft, hard, vessels, share, rim, border, x, z, depth, per * step)


def _lung(share: dict[str, Cells], side: str) -> Cells:
    """Return the share of one whole lung."""
    lung = np.zeros_like(next(iter(share.values())))
    for name, part in share.items():
        lung = lung + part if name.endswith(side) else lung
    return lung


def _sum(voxels: Float[np.ndarray, "x y z"], per: int) -> Cells:
    columns, depth, rows = voxels.shape
    slabs = voxels.reshape(columns, depth // per, per, rows).sum(axis=2, dtype=np.float32)
    return np.ascontiguousarray(slabs.transpose(1, 2, 0))


def _share(inside: Bool[np.ndarray, "x2 y z"], per: int) -> Cells:
    counts = _sum(inside.astype(np.float32), per)
    share: Cells = counts.reshape(*counts.shape[:2], -1, 2).mean(axis=3) / per
    return share


def _crisp(bone: Columns) -> Columns:
    """Undo part of the blur that thick slices put on the upper and lower edges of bone."""
    sharp: Columns = np.maximum(bone + 1.2 * (bone - ndimage.gaussian_filter1d(bone, 1.0, axis=1)), 0)
    return sharp


def _vessels(soft: Columns, lung: Cells, thickness: float) -> Columns:
    """Return how far the lung stands out from its surroundings; nothing near its edge."""
    inner = ndimage.uniform_filter((lung > 0.9).astype(np.float32), (0, 3, 3)) > 0.99
    out = soft - ndimage.gaussian_filter(soft, (0, 1.6, 6))
    vessels: Columns = (out * np.repeat(inner, 2, axis=2)).clip(-0.15 * thickness, 0.6 * thickness)
    return vessels


def _outward(
    lung: Bool[np.ndarray, "s z x"], x: Float[np.ndarray, " x"], steps: tuple[float, float, float]
) -> Cells:
    """Return the distance to what lies outward: beside, before, behind, above and below; not medially."""
    towards = 1 if x[np.argwhere(lung)[:, 2]].mean() > 0 else -1
    rows = lung[..., ::towards]
    # the lung and all that is medial of it
    covered = np.maximum.accumulate(rows[..., ::-1], axis=2)[..., ::-1]
    distance = ndimage.distance_transform_edt(covered[..., ::towards], steps)
    smooth: Cells = ndimage.gaussian_filter(distance.astype(np.float32), (0.5, 1.0, 1.5))
    return smooth
