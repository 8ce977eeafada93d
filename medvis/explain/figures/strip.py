"""The disk unrolled: angle about the root across, distance to the root upward; no crowding at a rim."""

import math

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Float64

from medvis.explain.figures.marks import View, closed, dash, halo, legend, line, points, widths
from medvis.explain.figures.theme import SIZE, Theme, dressed
from medvis.explain.scene import DiskScene

HEIGHT = 600


def strip_figure(scene: DiskScene, view: View, look: Theme) -> go.Figure:
    """Return the study with its true distances upward; the film's angle, or the first item's, is 0."""
    figure = go.Figure()
    start = scene.item(scene.film) or scene.items[0]
    middle = math.atan2(start.at[1], start.at[0])
    for item in scene.items:
        if item.ref not in view.outlined:
            continue
        colour, broken = look.colours[item.section], dash(scene, item)
        for mass, width in widths(view.masses).items():
            if mass in item.contours:
                line(figure, unrolled(closed(item.contours[mass]), middle, scene.curv), colour, width, broken)
        for edge in item.cone:
            line(figure, unrolled(edge, middle, scene.curv), colour, 1.5, broken)
    down = np.array([[0.0, start.distance], [0.0, 0.0]])
    line(figure, down, look.muted, 1.5, "dot")
    if view.step is not None:
        halo(figure, 0.0, start.distance * (1 - view.step), look, size=16)
    at = [_angle_distance(np.array([item.at]), middle, scene.curv)[0] for item in scene.items]
    places = np.array([[angle, item.distance] for (angle, _), item in zip(at, scene.items, strict=True)])
    points(figure, scene, places, view, look)
    legend(figure, scene, view, look)
    dressed(figure, look, height=HEIGHT)
    top = 1.3 * max(item.distance for item in scene.items)
    wide = min(185.0, max(45.0, 1.6 * float(np.abs(places[:, 0]).max())))
    figure.update_xaxes(
        title={"text": "angle about the root, degrees from the film", "standoff": 4, "font": {"size": SIZE}},
        range=[-wide, wide], dtick=45 if wide > 90 else 15, gridcolor=look.faint, zeroline=False,
        fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(
        title={"text": "distance to the root", "font": {"size": SIZE}}, range=[0, top], gridcolor=look.faint,
        zerolinecolor=look.muted, fixedrange=True,
    )  # fmt: skip
    figure.update_layout(
        dragmode=False, clickmode="event+select", legend={"y": -0.17}, margin={"l": 60, "b": 44}
    )
    return figure


def unrolled(places: Float[np.ndarray, "n 2"], middle: float, curv: float) -> Float64[np.ndarray, "m 2"]:
    """Return a line of the disk as degrees from `middle` and distance to the root, cut where it wraps.

    Args:
        places: On the unit disk with the root at the centre.
        middle: Angle that becomes 0, in radians.
        curv: Curvature of the run is `-curv`.
    """
    rows = _angle_distance(places, middle, curv)
    breaks = np.nonzero(np.abs(np.diff(rows[:, 0])) > 180)[0] + 1
    return np.insert(rows, breaks, np.nan, axis=0)


def _angle_distance(
    places: Float[np.ndarray, "n 2"], middle: float, curv: float
) -> Float64[np.ndarray, "n 2"]:
    turned = (np.arctan2(places[:, 1], places[:, 0]) - middle + np.pi) % (2 * np.pi) - np.pi
    radius = np.minimum(np.hypot(places[:, 0], places[:, 1]), 1 - 1e-15)
    return np.stack([np.degrees(turned), 2 * np.arctanh(radius) / math.sqrt(curv)], 1)
