"""The film of one visit, with the true place of everything on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from medvis.data import anatomy, beam, exposure, findings
from medvis.data.findings import Finding
from medvis.data.patient import Visit
from medvis.data.slabs import Cells, Slabs
from medvis.data.thorax import LUNGS

_COARSE = (0.38, 0.72)  # the warp's share of the film's rows and columns: no finer than the CT itself
_DEPTH = 6.0  # mm along the beam from which a lesion counts as lying there
_SHARE = 0.25  # or this share of its own greatest depth, if that is less


@dataclass(frozen=True)
class Shot:
    """A film with its truth.

    Attributes:
        pixels: Grey values, bone bright, the patient's right on the viewer's left.
        spacing: Of the detector in mm, rows and columns.
        view: "PA" or "AP".
        masks: True places by name: findings first (with side and lobe), then anatomy.
    """

    pixels: UInt8[np.ndarray, "h w"]
    spacing: tuple[float, float]
    view: str
    masks: dict[str, Bool[np.ndarray, "h w"]]


def shot(slabs: Slabs, visit: Visit, size: int) -> Shot:
    """Take the film of a visit.

    Args:
        slabs: The shared thorax.
        visit: Who, what and how.
        size: Longer side of the film in pixels.
    """
    aspect = beam.aspect(visit.place)
    height, width = (size, round(size / aspect)) if aspect >= 1 else (round(size * aspect), size)
    water = anatomy.water(slabs, visit.body)
    masks: dict[str, Bool[np.ndarray, "h w"]] = {}
    for found in visit.present:
        if found.name in findings.LESIONS:
            water, extent = findings.grown(slabs, water, found)
            masks[_name(found)] = _mask(slabs, visit, extent, height, width)
    masks |= _anatomy(slabs, visit, height, width)
    rows, columns = round(_COARSE[0] * height), round(_COARSE[1] * width)
    path = exposure.resized(beam.warped(slabs, water, visit.place, rows, columns), height, width)
    left, right, _, _ = visit.place.window
    lungs = masks["right lung"] | masks["left lung"]
    rng = np.random.default_rng(visit.seed)
    grey = exposure.film(path, lungs, visit.how, (right - left) / width, rng)
    spacing = (right - left) / width * beam.magnification(visit.stance.view)
    pixels = np.rint(255 * exposure.marked(grey, rng)).astype(np.uint8)
    return Shot(pixels, (spacing, spacing), visit.stance.view, masks)


def box(mask: Bool[np.ndarray, "h w"]) -> tuple[float, float, float, float]:
    """Return the half-open box x0, y0, x1, y1 around a mask; all 0 for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _name(found: Finding) -> str:
    lobe = found.region.removeprefix("lung_").removesuffix(f"_{found.side}").replace("_", " ")
    return " ".join(part for part in (found.name, found.side, lobe) if part)


def _mask(slabs: Slabs, visit: Visit, extent: Cells, height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Return where the film sees a lesion."""
    depth = beam.warped(slabs, extent * slabs.thickness, visit.place, height // 2, width // 2)
    there = (depth > min(_DEPTH, _SHARE * float(depth.max()))) & (depth > 0.5)
    rows, columns = np.arange(height) * there.shape[0] // height, np.arange(width) * there.shape[1] // width
    mask: Bool[np.ndarray, "h w"] = there[rows[:, None], columns]
    return mask


def _anatomy(slabs: Slabs, visit: Visit, height: int, width: int) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Return lungs, lobes, heart, apices and costophrenic angles."""
    seen = {name: beam.outline(visit.place, slabs, name, height, width) for name in (*LUNGS, "heart")}
    out = {"heart": seen["heart"]}
    if any(found.name == "cardiomegaly" for found in visit.present):
        out["cardiomegaly"] = seen["heart"]
    for name in LUNGS:
        lobe, side = name.removeprefix("lung_").rsplit("_", 1)
        out[f"{side} {lobe.replace('_', ' ')}"] = seen[name]
    for side in ("right", "left"):
        lung = np.logical_or.reduce([mask for name, mask in seen.items() if name.endswith(side)])
        out[f"{side} lung"] = lung
        x0, y0, x1, y1 = (round(edge) for edge in box(lung))
        corner = np.zeros_like(lung)
        reach = round(0.3 * (x1 - x0))
        outer = slice(x0, x0 + reach) if side == "right" else slice(x1 - reach, x1)
        lowest = np.flatnonzero(lung[:, outer].any(axis=1))[-1]
        corner[max(0, lowest - reach) : lowest + 1, outer] = True
        out[f"{side} costophrenic angle"] = corner & lung
        top = np.zeros_like(lung)
        top[: y0 + round(0.2 * (y1 - y0))] = True
        out[f"{side} apex"] = top & lung
    return out
