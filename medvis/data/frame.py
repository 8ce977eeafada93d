"""Resize and crop a film for a model, and back: pixel <-> patch, and what the model never saw."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Frame:
    """Where a film lies in a square model input.

    Coordinates are continuous, x to the right and y down; pixel i covers [i, i + 1), so its centre is at
    i + 0.5. Both axes have one scale: nothing is ever stretched.

    Attributes:
        height: Rows of the film.
        width: Columns of the film.
        size: Side of the model input in model pixels.
        scale: Model pixels per film pixel.
        offset_y: Model row of the film's upper edge; negative where it is cropped.
        offset_x: Model column of the film's left edge; negative where it is cropped.
    """

    height: int
    width: int
    size: int
    scale: float
    offset_y: float
    offset_x: float

    def to_model(self, xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Return the model coordinates of points given in film pixels, as float64."""
        return xy.astype(np.float64) * self.scale + (self.offset_x, self.offset_y)

    def to_image(self, xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Return the film coordinates of points given in model pixels, as float64."""
        return (xy.astype(np.float64) - (self.offset_x, self.offset_y)) / self.scale

    def cell_box(self, row: int, col: int, grid: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return the part of the film that a grid cell shows, as x0, y0, x1, y1 in film pixels.

        A cell that shows padding only has an empty box at the film's edge.

        Args:
            row: Row of the cell.
            col: Column of the cell.
            grid: Rows and columns of the model's grid.
        """
        ys, xs = self._edges(grid)
        return float(xs[col]), float(ys[row]), float(xs[col + 1]), float(ys[row + 1])

    def seen_cells(self, grid: tuple[int, int]) -> Bool[np.ndarray, "gh gw"]:
        """Return which cells of the model's grid show any film; the others are padding."""
        ys, xs = self._edges(grid)
        tall, wide = np.diff(ys) > 0, np.diff(xs) > 0
        return np.logical_and(tall[:, None], wide)

    def box_to_cells(
        self, box: tuple[float, float, float, float], grid: tuple[int, int]
    ) -> Float[np.ndarray, "gh gw"]:
        """Return which share of each cell a box covers, in [0, 1].

        The share is of the whole cell, padding included.

        Args:
            box: x0, y0, x1, y1 in film pixels, half-open.
            grid: Rows and columns of the model's grid.
        """
        low, high = self.to_model(np.array([box[:2], box[2:]], np.float64))
        share = []
        for axis, cells in ((1, grid[0]), (0, grid[1])):
            edges = np.arange(cells + 1) * (self.size / cells)
            overlap = np.minimum(edges[1:], high[axis]) - np.maximum(edges[:-1], low[axis])
            share.append(np.clip(overlap * cells / self.size, 0, 1))
        covered: Float[np.ndarray, "gh gw"] = np.outer(*share).astype(np.float32)
        return covered

    def patches_to_image(
        self,
        cells: Float[np.ndarray, "gh gw"],
        height: int | None = None,
        width: int | None = None,
        *,
        smooth: bool = False,
    ) -> Float[np.ndarray, "h w"]:
        """Lay a map of the model's grid over the film; NaN where the model saw nothing.

        Args:
            cells: One value a cell; NaN where a cell has none.
            height: Rows of the result, the film's own by default.
            width: Columns of the result, the film's own by default.
            smooth: Interpolate between the cells' centres instead of drawing each cell flat.
        """
        y, inside_y = self._centres(self.height, height, self.offset_y)
        x, inside_x = self._centres(self.width, width, self.offset_x)
        if smooth:
            rows, columns = (_blend(at / self.size, n) for at, n in zip((y, x), cells.shape, strict=True))
            known = np.isfinite(cells)
            weight = rows @ known @ columns.T
            total = rows @ np.where(known, cells, 0) @ columns.T
            values = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 1e-6)
        else:
            rows, columns = (
                np.clip((at / self.size * n).astype(np.intp), 0, n - 1)
                for at, n in zip((y, x), cells.shape, strict=True)
            )
            values = cells[np.ix_(rows, columns)]
        return np.where(np.outer(inside_y, inside_x), values, np.nan).astype(np.float32)

    def _edges(self, grid: tuple[int, int]) -> tuple[Float[np.ndarray, " y"], Float[np.ndarray, " x"]]:
        """Return the cells' edges in film pixels, kept inside the film."""
        ys = (np.arange(grid[0] + 1) * (self.size / grid[0]) - self.offset_y) / self.scale
        xs = (np.arange(grid[1] + 1) * (self.size / grid[1]) - self.offset_x) / self.scale
        return _settle(ys, self.height), _settle(xs, self.width)

    def _centres(
        self, extent: int, wanted: int | None, offset: float
    ) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Return where pixel centres of a film drawn with `wanted` pixels lie in the model input."""
        wanted = wanted or extent
        at = (np.arange(wanted) + 0.5) * (extent / wanted) * self.scale + offset
        return at, (at >= 0) & (at < self.size)


def fit(
    pixels: Float[np.ndarray, "h w"], size: int, *, crop: Literal["letterbox", "centre"] = "letterbox"
) -> tuple[Float[Tensor, "1 s s"], Float[Tensor, "1 s s"], Frame]:
    """Return a film as a square model input, which share of each pixel is film, and the way back.

    The resize is an antialiased bilinear one with half-pixel centres. Padding is 0 and, like the film's
    edge, is weighted out of the average, so that no dark rim appears.

    Args:
        pixels: Grey values.
        size: Side of the model input.
        crop: "letterbox" shows the whole film with padding, "centre" its largest central square.
    """
    height, width = pixels.shape
    side = max(height, width) if crop == "letterbox" else min(height, width)
    top, left = _margin(side - height), _margin(side - width)
    scale = size / side
    frame = Frame(height, width, size, scale, top * scale, left * scale)
    film = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))
    if crop == "centre":
        shown = _resized(film[-top : side - top, -left : side - left], size, size)
        return shown[None], torch.ones(1, size, size), frame
    # Bilinear weights are a product of one row and one column: first along the side that has no padding.
    if height < width:
        shown = _resized(_padded(_resized(film, height, size), top, side), size, size)
        seen = _share(top, height, side, size)[:, None].expand(size, size)
    else:
        shown = _resized(_padded(_resized(film, size, width).T, left, side).T, size, size)
        seen = _share(left, width, side, size).expand(size, size)
    shown = torch.where(seen > 0, shown / seen.clamp_min(1e-4), 0.0)
    return shown[None], seen[None].contiguous(), frame


def _margin(spare: int) -> int:
    """Return half of the spare pixels, rounded towards zero on either side of it."""
    return int(spare / 2)


def _padded(film: Float[Tensor, "h w"], before: int, side: int) -> Float[Tensor, "n w"]:
    """Return a film with empty rows around it, `side` of them in all."""
    return functional.pad(film, (0, 0, before, side - before - film.shape[0]))


def _share(before: int, extent: int, side: int, size: int) -> Float[Tensor, " s"]:
    """Return which share of each model row (or column) is film."""
    # Two columns: torch 2.13 resizes an image of one column to zeros.
    line = _resized(_padded(torch.ones(extent, 2), before, side), size, 2)[:, 0].clamp(0, 1)
    return torch.where(line > 1e-4, line, 0.0)


def _resized(film: Float[Tensor, "h w"], height: int, width: int) -> Float[Tensor, "a b"]:
    resized: Tensor = functional.interpolate(
        film[None, None], (height, width), mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0, 0]


def _settle(edges: Float[np.ndarray, " n"], extent: int) -> Float[np.ndarray, " n"]:
    """Keep edges inside the film; one within a millionth of a pixel of its border is on it."""
    edges = np.where(np.abs(edges) < 1e-6, 0.0, edges)
    edges = np.where(np.abs(edges - extent) < 1e-6, float(extent), edges)
    return edges.clip(0.0, float(extent))


def _blend(at: Float[np.ndarray, " n"], cells: int) -> Float[np.ndarray, "n g"]:
    """Return how much each cell gives to each place, places in [0, 1] and half-pixel centres."""
    where = np.clip(at * cells - 0.5, 0, cells - 1)
    return (1 - np.abs(where[:, None] - np.arange(cells))).clip(0)
