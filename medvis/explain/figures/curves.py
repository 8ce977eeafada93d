"""How far from the root each kind of item lies in a run, with one study marked."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from medvis.explain.figures.theme import SIZE, Theme, dressed, shape

_BINS = 48
_ROW = 62  # pixels of one kind
NAMES = {
    "film": "films",
    "report": "reports",
    "findings": "findings",
    "impression": "impressions",
    "sentence": "sentences",
    "prompt": "labels",
}


def root_distances(
    distances: Mapping[str, Float[np.ndarray, " n"]], here: Mapping[str, Sequence[float]], look: Theme
) -> go.Figure:
    """Return one histogram a kind over a common axis, each scaled to its own highest bar.

    Args:
        distances: Kind -> distance to the root of every item of the run.
        here: Kind -> distances of the study that is marked.
        look: Palette.
    """
    kinds = [kind for kind in NAMES if len(distances.get(kind, ()))]
    every = np.concatenate([distances[kind] for kind in kinds])
    edges = np.linspace(min(0.0, float(every.min())), 1.02 * float(every.max()) or 1.0, _BINS + 1)
    figure = make_subplots(rows=len(kinds), shared_xaxes=True, vertical_spacing=0.02)
    for row, kind in enumerate(kinds, start=1):
        colour = look.colours.get(kind, look.muted)
        count, _ = np.histogram(distances[kind], edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=count / max(1, count.max()), width=np.diff(edges),
            marker={"color": colour, "opacity": 0.55, "line": {"width": 0}}, showlegend=False,
            customdata=count, hovertemplate="d %{x:.2f}: %{customdata} " + NAMES[kind] + "<extra></extra>",
            row=row, col=1,
        )  # fmt: skip
        mine = list(here.get(kind, ()))
        figure.add_scatter(
            x=mine, y=[1.12] * len(mine), mode="markers", showlegend=False, row=row, col=1,
            marker={
                "symbol": "line-ns" if kind == "sentence" else shape(kind), "size": 10, "color": look.text,
                "line": {"width": 1.5, "color": look.text},
            },
            hovertemplate="this study: d %{x:.3f}<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(
            range=[0, 1.3], showticklabels=False, showgrid=False, zeroline=False, row=row, col=1
        )
        figure.add_annotation(
            text=f"{NAMES[kind]}<br>n = {len(distances[kind]):,}", showarrow=False, xref="paper", x=-0.008,
            xanchor="right", yref=f"y{row if row > 1 else ''} domain", y=0.5, align="right",
            font={"color": look.text, "size": SIZE},
        )  # fmt: skip
    dressed(figure, look, height=70 + _ROW * len(kinds))
    figure.update_xaxes(gridcolor=look.faint, range=[float(edges[0]), float(edges[-1])], fixedrange=True)
    title = {"text": "distance to the root", "font": {"size": SIZE}}
    figure.update_xaxes(title=title, row=len(kinds), col=1)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(dragmode=False, bargap=0, margin={"l": 104, "b": 40, "t": 8, "r": 8})
    return figure
