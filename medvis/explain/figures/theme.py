"""Colours, shapes and fonts of every figure: dark for the reading room, light for beamers and print."""

import html
import textwrap
from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class Theme:
    """A palette; text on the ground has a contrast of at least 4.5:1.

    Attributes:
        ground: Behind the figure.
        panel: Behind cards and labels.
        text: Words that must be read.
        muted: Words beside the point.
        faint: Lines without words.
        accent: What is selected.
        colours: Kind of item -> colour, always with its shape.
    """

    ground: str
    panel: str
    text: str
    muted: str
    faint: str
    accent: str
    colours: dict[str, str]


# Smallest pairwise CIELAB distance of film, findings and impression: 48, and 41 under protanopia.
_HUES = {"film": "#56B4E9", "findings": "#E69F00", "impression": "#009E73"}
DARK = Theme(
    ground="#0E1116",
    panel="#161B22",
    text="#C9D1D9",
    muted="#8B949E",
    faint="#30363D",
    accent="#FFB000",
    colours={**_HUES, "report": "#F0F6FC", "prompt": "#F0F6FC"},
)
LIGHT = Theme(
    ground="#FFFFFF",
    panel="#F6F8FA",
    text="#1F2328",
    muted="#59636E",
    faint="#D1D9E0",
    accent="#B35900",
    colours={
        "film": "#0072B2",
        "findings": "#B36B00",
        "impression": "#007A5A",
        "report": "#1F2328",
        "prompt": "#1F2328",
    },
)
SHAPES = {
    "film": "circle",
    "report": "star",
    "findings": "triangle-up",
    "impression": "square",
    "prompt": "diamond",
}
SIZE = 14  # of the smallest words, pixels


def theme(*, dark: bool) -> Theme:
    """Return the palette for a dark or a light page."""
    return DARK if dark else LIGHT


def shape(section: str, *, negated: bool = False, uncertain: bool = False) -> str:
    """Return the marker of an item: hollow if its finding is denied, dotted if it is hedged."""
    return SHAPES[section] + ("-open" if negated else "") + ("-dot" if uncertain else "")


def plain(text: str, width: int = 46, lines: int = 6) -> str:
    """Return text as lines of a hover card that a figure shows as they stand, never as markup."""
    rows = textwrap.wrap(" ".join(text.split()), width)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], f"{rows[lines - 1][: width - 1].rstrip()}…"]
    return "<br>".join(html.escape(row, quote=False) for row in rows)


def dressed(figure: go.Figure, look: Theme, *, height: int, title: str = "") -> go.Figure:
    """Return the figure in a theme: fonts, grounds, hover cards, legend below, nothing that jumps."""
    figure.update_layout(
        height=height,
        paper_bgcolor=look.ground,
        plot_bgcolor=look.ground,
        font={"color": look.text, "size": SIZE, "family": "Source Sans, sans-serif"},
        title={"text": plain(title, 90), "font": {"size": SIZE + 1}, "x": 0, "xanchor": "left"},
        hoverlabel={
            "bgcolor": look.panel,
            "bordercolor": look.muted,
            "align": "left",
            "font": {"color": look.text, "size": SIZE},
        },
        legend={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": look.muted, "activecolor": look.text},
        margin={"l": 8, "r": 8, "t": 36 if title else 28, "b": 8},
        hovermode="closest",
        uirevision="kept",
    )
    return figure
