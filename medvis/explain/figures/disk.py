"""The Poincaré disk of one study: rings of true distance, densities, the way to the root, the walk on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float, Float64

from medvis.explain.density import DiskScene, Item
from medvis.explain.figures.theme import Theme, dressed, plain, shape
from medvis.geometry import disk
from medvis.geometry.disk import Moebius

HEIGHT = 640
RINGS = (1, 2, 3, 4, 5)
NAMES = {
    "film": "Film",
    "report": "Report",
    "findings": "Findings",
    "impression": "Impression",
    "findings sentence": "Sentence of findings",
    "impression sentence": "Sentence of impression",
}
_JUMP = 3.0  # distance that one press may move the centre, in units of 1/sqrt(c)
_TIGHT = 0.035  # rings closer than this to the last one are drawn without their number


@dataclass(frozen=True)
class View:
    """What of a scene is drawn, and from where.

    Attributes:
        centre: Point of the disk (with the root at its centre) that is moved to the middle.
        selected: Ref of the item that stands out.
        masses: Contours to draw, such as (0.5, 0.95).
        outlined: Refs whose contours or cones are drawn.
        step: Share of the way to the root, 0 at the film and 1 at the root; None draws no walker.
        zoom: Optical magnification about the middle; it moves nothing.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    selected: str = ""
    masses: tuple[float, ...] = (0.5, 0.95)
    outlined: tuple[str, ...] = ()
    step: float | None = None
    zoom: float = 1.0


def disk_figure(scene: DiskScene, view: View, look: Theme) -> go.Figure:
    """Return the disk: drawn radius `tanh(sqrt(c) d/2)` about the root, angles a projection.

    Every item is a point with its ref as custom data. A contour is the slice through the mean; it is dashed
    where the drawing says otherwise than the test in all dimensions.
    """
    move = Moebius.move(torch.tensor(view.centre, dtype=torch.float64))
    figure = go.Figure()
    _rim(figure, look)
    _rings(figure, scene, move, look)
    for item in scene.items:
        if item.ref in view.outlined:
            _spread(figure, scene, item, view, move, look)
    _way(figure, scene, view, move, look)
    _points(figure, scene.items, move, view, look)
    dressed(figure, look, height=HEIGHT)
    reach = 1.06 / view.zoom
    axis = {"visible": False, "range": [-reach, reach], "fixedrange": True}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, scaleanchor="x")
    figure.update_layout(dragmode=False, clickmode="event+select")
    return figure


def strip_figure(scene: DiskScene, view: View, look: Theme) -> go.Figure:
    """Return the same scene unrolled: angle about the root across, distance to the root upward."""
    figure = go.Figure()
    middle = _middle(scene)
    for item in scene.items:
        if item.ref not in view.outlined:
            continue
        dash, colour = _dash(scene, item), look.colours[item.section]
        for mass in view.masses:
            if mass in item.contours:
                x, y = _unrolled(item.contours[mass], middle, scene.curv, closed=True)
                _line(figure, x, y, colour, 2.2 if mass == min(item.contours) else 1.1, dash)
        for edge in item.cone:
            x, y = _unrolled(edge, middle, scene.curv, closed=False)
            _line(figure, x, y, colour, 1.4, dash)
    at = np.array([item.at for item in scene.items])
    x, _ = _unrolled(at, middle, scene.curv, closed=False, cut=False)
    places = np.stack([x, np.array([item.distance for item in scene.items])], 1)
    _marks(figure, scene.items, places, view, look)
    dressed(figure, look, height=HEIGHT)
    top = 1.25 * max(item.distance for item in scene.items)
    figure.update_xaxes(
        title="angle about the root, degrees from the film", range=[-185, 185], dtick=45, gridcolor=look.faint
    )
    figure.update_yaxes(title="distance to the root", range=[0, top], gridcolor=look.faint, zeroline=True)
    figure.update_layout(
        dragmode=False, clickmode="event+select", legend={"y": -0.16}, margin={"l": 56, "b": 40}
    )
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


def _rim(figure: go.Figure, look: Theme) -> None:
    angle = np.linspace(0, 2 * np.pi, 257)
    _line(figure, np.cos(angle), np.sin(angle), look.muted, 1.5)


def _rings(figure: go.Figure, scene: DiskScene, move: Moebius, look: Theme) -> None:
    """Draw circles of equal distance about the root, numbered where there is room."""
    root, angle = move.apply(torch.zeros(1, 2))[0], np.linspace(0, 2 * np.pi, 181)
    low = 1.0
    for number in RINGS:
        (x, y), radius = disk.circle(root, number * math.sqrt(scene.curv))
        _line(figure, float(x) + radius * np.cos(angle), float(y) + radius * np.sin(angle), look.faint, 1)
        bottom = float(y) - radius
        if number == 1 or low - bottom > _TIGHT:
            figure.add_annotation(
                x=float(x), y=bottom, text=f"d = {number}", showarrow=False, bgcolor=look.ground,
                font={"color": look.muted, "size": 13}, borderpad=1,
            )  # fmt: skip
        low = bottom


def _spread(figure: go.Figure, scene: DiskScene, item: Item, view: View, move: Moebius, look: Theme) -> None:
    """Draw an item's contours, or the edges of its cone."""
    dash, colour = _dash(scene, item), look.colours[item.section]
    for mass in view.masses:
        if mass in item.contours:
            x, y = _closed(_moved(item.contours[mass], move)).T
            _line(figure, x, y, colour, 2.4 if mass == min(item.contours) else 1.2, dash)
    for edge in item.cone:
        x, y = _moved(edge, move).T
        _line(figure, x, y, colour, 1.5, dash)


def _way(figure: go.Figure, scene: DiskScene, view: View, move: Moebius, look: Theme) -> None:
    """Draw the geodesic from the film to the root, the walker on it, and the root itself."""
    root = torch.zeros(2, dtype=torch.float64)
    start = scene.item(scene.film) or scene.items[0]
    way = disk.geodesic(torch.tensor(start.at, dtype=torch.float64), root, 51)
    x, y = _moved(way.numpy(), move).T
    _line(figure, x, y, look.muted, 1.5, "dot")
    if view.step is not None:
        at = round(view.step * 50)
        figure.add_scatter(
            x=[x[at]], y=[y[at]], mode="markers", hoverinfo="skip", showlegend=False,
            marker={"symbol": "circle-open", "size": 16, "color": look.accent, "line": {"width": 3}},
        )  # fmt: skip
    figure.add_scatter(
        x=[x[-1]], y=[y[-1]], mode="markers+text", text=["ROOT"], textposition="bottom right",
        hoverinfo="text", hovertext=["ROOT: the most general place, distance 0"], showlegend=False,
        textfont={"color": look.text},
        marker={"symbol": "cross-thin", "size": 15, "line": {"width": 2.5, "color": look.text}},
    )  # fmt: skip


def _points(figure: go.Figure, items: Sequence[Item], move: Moebius, view: View, look: Theme) -> None:
    _marks(figure, items, _moved(np.array([item.at for item in items]), move), view, look)


def _marks(
    figure: go.Figure, items: Sequence[Item], places: Float[np.ndarray, "n 2"], view: View, look: Theme
) -> None:
    """Draw every item as a point that can be hovered and clicked, one trace a kind for the legend."""
    kinds = [item.section + (" sentence" if item.kind == "sentence" else "") for item in items]
    for kind, name in NAMES.items():
        rows = [row for row, found in enumerate(kinds) if found == kind]
        if not rows:
            continue
        mine = [items[row] for row in rows]
        figure.add_scatter(
            x=places[rows, 0], y=places[rows, 1], mode="markers+text", name=name,
            text=[_name(one) if _named(one, view) else "" for one in mine], textposition="top center",
            customdata=[[one.ref] for one in mine], hoverinfo="text", hovertext=[_card(one) for one in mine],
            marker={
                "symbol": [shape(one.section, negated=one.negated, uncertain=one.uncertain) for one in mine],
                "size": [_size(one, view) for one in mine],
                "color": look.colours[mine[0].section],
                "opacity": 1,
                "line": {
                    "width": [3 if one.ref == view.selected else 1.5 if one.negated else 1 for one in mine],
                    "color": [
                        look.accent if one.ref == view.selected
                        else look.colours[one.section] if one.negated else look.ground for one in mine
                    ],
                },
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}, "textfont": {"color": look.text}},
        )  # fmt: skip


def _size(item: Item, view: View) -> int:
    if item.ref == view.selected:
        return 18
    return 9 if item.kind == "sentence" else 14


def _name(item: Item) -> str:
    return item.ref if item.kind == "sentence" else NAMES[item.kind].lower()


def _named(item: Item, view: View) -> bool:
    return item.kind in {"film", "report"} or item.ref == view.selected


def _card(item: Item) -> str:
    """Return the hover card of an item."""
    flags = [word for word, held in (("denied", item.negated), ("hedged", item.uncertain)) if held]
    lines = [
        plain(f"{item.ref}: {item.text}"),
        f"distance to the root {item.distance:.3f}",
        *([f"mean σ {item.sigma:.3f}"] if item.sigma is not None else []),
        f"place: {item.mode.value}; angle kept {item.fidelity:.0%}",
        *([", ".join(flags)] if flags else []),
    ]
    return "<br>".join(lines)


def _dash(scene: DiskScene, item: Item) -> str:
    found = scene.truth(item.ref)
    return "dash" if found is not None and found.disagrees else "solid"


def _line(
    figure: go.Figure,
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    colour: str,
    width: float,
    dash: str = "solid",
) -> None:
    figure.add_scatter(
        x=x, y=y, mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": colour, "width": width, "dash": dash},
    )  # fmt: skip


def _moved(points: Float[np.ndarray, "n 2"], move: Moebius) -> Float64[np.ndarray, "n 2"]:
    moved: Float64[np.ndarray, "n 2"] = move.apply(torch.from_numpy(np.asarray(points, np.float64))).numpy()
    return moved


def _closed(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
    return np.concatenate([points, points[:1]])


def _middle(scene: DiskScene) -> float:
    """Return the angle that lies in the middle of the strip: the film's, else the first item's."""
    item = scene.item(scene.film) or scene.items[0]
    return math.atan2(item.at[1], item.at[0])


def _unrolled(
    points: Float[np.ndarray, "n 2"], middle: float, curv: float, *, closed: bool, cut: bool = True
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """Return angle from the middle in degrees and distance to the root; a line is cut where it wraps."""
    line = _closed(points) if closed else points
    angle = np.degrees((np.arctan2(line[:, 1], line[:, 0]) - middle + np.pi) % (2 * np.pi) - np.pi)
    distance = 2 * np.arctanh(np.minimum(np.hypot(line[:, 0], line[:, 1]), 1 - 1e-15)) / math.sqrt(curv)
    if not cut:
        return angle, distance
    breaks = np.nonzero(np.abs(np.diff(angle)) > 180)[0] + 1
    return np.insert(angle, breaks, np.nan), np.insert(distance, breaks, np.nan)
