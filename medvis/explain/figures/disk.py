"""The Poincaré disk of one study: rings of true distance, densities, the way to the root."""

import math

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float, Float64

from medvis.explain.figures.marks import View, closed, dash, halo, legend, line, points, widths
from medvis.explain.figures.theme import Theme, dressed
from medvis.explain.scene import DiskScene, Item
from medvis.geometry import disk
from medvis.geometry.disk import Moebius

HEIGHT = 660
RINGS = (1, 2, 3, 4, 5)
MARGIN = 1.04  # half the window at zoom 1, in radii of the disk
_JUMP = 3.0  # distance that one press may move the centre, in units of 1/sqrt(c)
_TIGHT = 0.07  # of the window: rings closer than this to the last one are drawn without their number


def disk_figure(scene: DiskScene, view: View, look: Theme) -> go.Figure:
    """Return the disk: drawn radius `tanh(sqrt(c) d/2)` about the root, angles a projection.

    Every item is a point with its ref as custom data. A contour is the slice through the mean; it is dashed
    where the drawing says otherwise than the test in all dimensions. Recentring is an isometry, so rings
    stay circles about the root.
    """
    move = Moebius.move(torch.tensor(view.centre, dtype=torch.float64))
    places = _moved(np.array([item.at for item in scene.items]), move)
    root = _moved(np.zeros((1, 2)), move)[0]
    window = _window(scene, view, places)
    figure = go.Figure()
    angle = np.linspace(0, 2 * np.pi, 361)
    line(figure, np.stack([np.cos(angle), np.sin(angle)], 1), look.muted, 1.5)
    _rings(figure, scene, np.concatenate([places, root[None]]), window, look)
    for item in scene.items:
        if item.ref in view.outlined:
            _spread(figure, scene, item, view, move, look)
    _way(figure, scene, view, move, look)
    _root(figure, root, window, look)
    points(figure, scene, places, view, look)
    legend(figure, scene, view, look)
    dressed(figure, look, height=HEIGHT)
    (x, y), reach = window
    axis = {"visible": False, "fixedrange": True}
    figure.update_xaxes(**axis, range=[x - reach, x + reach])
    figure.update_yaxes(**axis, range=[y - reach, y + reach], scaleanchor="x")
    figure.update_layout(dragmode=False, clickmode="event+select")
    return figure


def recentred(centre: tuple[float, float], goal: tuple[float, float]) -> tuple[float, float]:
    """Return the next centre on the geodesic to a goal, at most 3 units on: a far jump loses the way."""
    start, end = (torch.tensor(point, dtype=torch.float64) for point in (centre, goal))
    there = Moebius.move(start)
    way = there.apply(end[None])[0]
    radius = float(way.norm())
    if radius == 0:
        return centre
    shorter = min(radius, math.tanh(_JUMP / 2))
    x, y = there.inverse().apply((way * (shorter / radius))[None])[0].tolist()
    return round(x, 6), round(y, 6)


Window = tuple[tuple[float, float], float]
"""Middle and half the side of what is visible, in radii of the disk."""


def _window(scene: DiskScene, view: View, places: Float[np.ndarray, "n 2"]) -> Window:
    """Return a window that always holds the selected item, and the whole disk at zoom 1."""
    refs = [item.ref for item in scene.items]
    at = places[refs.index(view.selected)] if view.selected in refs else np.zeros(2)
    x, y = at * (1 - 1 / view.zoom)
    return (float(x), float(y)), MARGIN / view.zoom


def _rings(
    figure: go.Figure, scene: DiskScene, taken: Float[np.ndarray, "n 2"], window: Window, look: Theme
) -> None:
    """Draw circles of equal distance about the root (the last of `taken`), numbered where there is room."""
    root, angle = torch.from_numpy(taken[-1]), np.linspace(0, 2 * np.pi, 181)
    (left, low), reach = window
    before = -math.inf
    for number in RINGS:
        middle, radius = disk.circle(root, number * math.sqrt(scene.curv))
        ring = middle.numpy() + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
        line(figure, ring, look.faint, 1.0)
        seen = ring[(np.abs(ring - (left, low)) < 0.94 * reach).all(1)]
        if radius - before < _TIGHT * reach:
            before = math.inf
        if not len(seen) or before == math.inf:
            continue
        before = radius
        # The number stands where the ring is farthest from everything else, low down if all else is equal.
        free = np.linalg.norm(seen[:, None] - taken, axis=-1).min(1).clip(max=0.4 * reach)
        x, y = seen[np.argmax(free - 0.05 * seen[:, 1])]
        figure.add_annotation(
            x=x, y=y, text=f"d = {number}", showarrow=False, bgcolor=look.ground, borderpad=1,
            font={"color": look.muted, "size": 13},
        )  # fmt: skip


def _spread(figure: go.Figure, scene: DiskScene, item: Item, view: View, move: Moebius, look: Theme) -> None:
    """Draw an item's contours, or the edges of its cone."""
    colour, broken = look.colours[item.section], dash(scene, item)
    for mass, width in widths(view.masses).items():
        if mass in item.contours:
            line(figure, closed(_moved(item.contours[mass], move)), colour, width, broken)
    for edge in item.cone:
        line(figure, _moved(edge, move), colour, 1.5, broken)


def _way(figure: go.Figure, scene: DiskScene, view: View, move: Moebius, look: Theme) -> None:
    """Draw the geodesic from the film to the root, and the walker on it."""
    start = scene.item(scene.film) or scene.items[0]
    way = disk.geodesic(torch.tensor(start.at, dtype=torch.float64), torch.zeros(2), 51).numpy()
    moved = _moved(way, move)
    line(figure, moved, look.muted, 1.5, "dot")
    if view.step is not None:
        x, y = moved[round(view.step * 50)]
        halo(figure, x, y, look, size=14)


def _root(figure: go.Figure, root: Float[np.ndarray, " two"], window: Window, look: Theme) -> None:
    """Draw the root; where it lies outside the window, an arrow at its edge points to it."""
    (x, y), reach = window
    away = root - (x, y)
    if np.abs(away).max() < 0.97 * reach:
        figure.add_scatter(
            x=[root[0]], y=[root[1]], mode="markers+text", text=["ROOT"], textposition="bottom right",
            hoverinfo="text", hovertext=["ROOT: the most general place, distance 0"], showlegend=False,
            textfont={"color": look.text},
            marker={"symbol": "cross-thin", "size": 15, "line": {"width": 2.5, "color": look.text}},
        )  # fmt: skip
        return
    edge = np.array((x, y)) + away * (0.97 * reach / np.abs(away).max())
    ahead = away / np.linalg.norm(away)
    figure.add_annotation(
        x=edge[0], y=edge[1], ax=-52 * ahead[0], ay=52 * ahead[1], text="ROOT", arrowhead=2, arrowwidth=2,
        arrowcolor=look.text, font={"color": look.text}, bgcolor=look.ground,
    )  # fmt: skip


def _moved(places: Float[np.ndarray, "n 2"], move: Moebius) -> Float64[np.ndarray, "n 2"]:
    moved: Float64[np.ndarray, "n 2"] = move.apply(torch.from_numpy(np.asarray(places, np.float64))).numpy()
    return moved
