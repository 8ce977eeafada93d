"""What the drawings of a study share: its items as points to hover and click, its lines, its legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from medvis.explain.figures.theme import Theme, plain, shape
from medvis.explain.scene import DiskScene, Item

NAMES = {
    "film": "film",
    "report": "report",
    "findings": "findings",
    "impression": "impression",
    "findings sentence": "sentence of findings",
    "impression sentence": "sentence of impression",
}
_BESIDE = {"film": "top left", "report": "top right"}


@dataclass(frozen=True)
class View:
    """What of a scene is drawn, and from where.

    Attributes:
        centre: Point of the disk (with the root at its centre) that is moved to the middle.
        selected: Ref of the item that stands out.
        masses: Contours to draw, such as (0.5, 0.95).
        outlined: Refs whose contours or cones are drawn.
        step: Share of the way to the root, 0 at the film and 1 at the root; None draws no walker.
        zoom: Optical magnification towards the selected item; it changes no distance.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    selected: str = ""
    masses: tuple[float, ...] = (0.5, 0.95)
    outlined: tuple[str, ...] = ()
    step: float | None = None
    zoom: float = 1.0


def points(
    figure: go.Figure, scene: DiskScene, places: Float[np.ndarray, "n 2"], view: View, look: Theme
) -> None:
    """Draw every item as a point with its ref as custom data, sentences below the rest."""
    refs = [item.ref for item in scene.items]
    if view.selected in refs:
        x, y = places[refs.index(view.selected)]
        halo(figure, x, y, look)
    for kind in reversed(NAMES):
        rows = [row for row, item in enumerate(scene.items) if _kind(item) == kind]
        if not rows:
            continue
        mine = [scene.items[row] for row in rows]
        figure.add_scatter(
            x=places[rows, 0], y=places[rows, 1], mode="markers+text", showlegend=False,
            text=[_name(one, view) for one in mine],
            textposition=[_BESIDE.get(one.kind, "middle right") for one in mine],
            textfont={"color": look.text}, customdata=[[one.ref] for one in mine],
            hoverinfo="text", hovertext=[card(one) for one in mine],
            marker={
                "symbol": [shape(one.section, negated=one.negated, uncertain=one.uncertain) for one in mine],
                "size": _size(mine[0]), "color": look.colours[mine[0].section], "opacity": 1,
                "line": {"width": 1.5, "color": [_edge(one, look) for one in mine]},
            },
            # A clicked point must not make the others fade: the halo says what is selected.
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}, "textfont": {"color": look.text}},
        )  # fmt: skip


def halo(figure: go.Figure, x: float, y: float, look: Theme, *, size: int = 26) -> None:
    """Draw an open ring in the accent's colour; it catches no pointer."""
    figure.add_scatter(
        x=[x], y=[y], mode="markers", hoverinfo="skip", showlegend=False,
        marker={"symbol": "circle-open", "size": size, "color": look.accent, "line": {"width": 2.5}},
    )  # fmt: skip


def line(
    figure: go.Figure,
    places: Float[np.ndarray, "n 2"],
    colour: str,
    width: float,
    dash: str = "solid",
) -> None:
    """Draw a line that catches no pointer."""
    figure.add_scatter(
        x=places[:, 0], y=places[:, 1], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": colour, "width": width, "dash": dash},
    )  # fmt: skip


def legend(figure: go.Figure, scene: DiskScene, view: View, look: Theme) -> None:
    """Name the shapes, and what hollow, dotted and dashed mean where they occur."""
    held = {_kind(item): item for item in scene.items}
    for kind, name in NAMES.items():
        if kind in held:
            one = held[kind]
            _entry(figure, name, shape(one.section), look.colours[one.section], _size(one), look)
    if any(item.negated for item in scene.items):
        _entry(figure, "hollow: denied", "circle-open", look.muted, 10, look)
    if any(item.uncertain for item in scene.items):
        _entry(figure, "dotted: hedged", "circle-open-dot", look.muted, 10, look)
    if any(dash(scene, item) == "dash" for item in scene.items if item.ref in view.outlined):
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="dashed: drawing and test disagree",
            line={"color": look.muted, "width": 2, "dash": "dash"},
        )  # fmt: skip


def dash(scene: DiskScene, item: Item) -> str:
    """Return how an item's outline is drawn: dashed where drawing and truth disagree."""
    found = scene.truth(item.ref)
    return "dash" if found is not None and found.disagrees else "solid"


def card(item: Item) -> str:
    """Return an item's hover card; its text is shown as it stands."""
    flags = [word for word, held in (("denied", item.negated), ("hedged", item.uncertain)) if held]
    lines = [
        plain(f"{item.ref}: {item.text}"),
        f"distance to the root {item.distance:.3f}",
        *([f"mean σ {item.sigma:.3f}"] if item.sigma is not None else []),
        f"place: {item.mode.value}; angle kept {item.fidelity:.0%}",
        *([", ".join(flags)] if flags else []),
    ]
    return "<br>".join(lines)


def closed(outline: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
    """Return an outline with its first corner once more at the end."""
    return np.concatenate([outline, outline[:1]])


def widths(masses: Sequence[float]) -> dict[float, float]:
    """Return the width of each contour in pixels: the innermost is the boldest."""
    return {mass: 2.4 if mass == min(masses) else 1.2 for mass in masses}


def _kind(item: Item) -> str:
    return item.section + (" sentence" if item.kind == "sentence" else "")


def _size(item: Item) -> int:
    return 10 if item.kind == "sentence" else 15


def _edge(item: Item, look: Theme) -> str:
    return look.colours[item.section] if item.negated else look.ground


def _name(item: Item, view: View) -> str:
    if item.kind not in {"film", "report"} and item.ref != view.selected:
        return ""
    return item.ref if item.kind == "sentence" else item.kind


def _entry(figure: go.Figure, name: str, symbol: str, colour: str, size: int, look: Theme) -> None:
    edge = colour if "open" in symbol else look.ground
    figure.add_scatter(
        x=[None], y=[None], mode="markers", name=name,
        marker={"symbol": symbol, "color": colour, "size": size, "line": {"width": 1.5, "color": edge}},
    )  # fmt: skip
