"""The drawings: rings and points where they belong, moves that keep distances, texts that stay text."""

import dataclasses
import math

import by_hand
import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medvis.explain.figures.curves import root_distances
from medvis.explain.figures.disk import MARGIN, disk_figure, recentred
from medvis.explain.figures.marks import View, card
from medvis.explain.figures.strip import strip_figure, unrolled
from medvis.explain.figures.theme import DARK, LIGHT, plain, shape, theme
from medvis.explain.scene import DiskScene, Item
from medvis.explain.truth import Truth
from medvis.geometry import disk
from medvis.geometry.lorentz import Lorentz
from medvis.types import Mode

ROOT = math.sqrt(by_hand.CURV)
PLANE = Lorentz(by_hand.CURV)
POINTS = {"film0": (1.4, 0.3), "report": (0.9, 0.6), "f0": (1.1, 3.0), "f1": (0.5, 5.0)}
KINDS = {"film0": "film", "report": "report", "f0": "sentence", "f1": "sentence"}


def item(ref: str, distance: float, angle: float) -> Item:
    radius = math.tanh(ROOT * distance / 2)
    at = (radius * math.cos(angle), radius * math.sin(angle))
    mean = disk.from_disk(torch.tensor([at], dtype=torch.float64), by_hand.CURV)[0]
    spread = 0.02 * torch.eye(2, dtype=torch.float64)
    outlines = {mass: disk.credible_outline(mean, spread, by_hand.CURV, mass).numpy() for mass in (0.5, 0.95)}
    return Item(
        ref, KINDS[ref], f"the text of {ref}", at, distance, Mode.GLOBAL, 0.9, outlines, sigma=0.14,
        reach=1.0, negated=ref == "f1",
    )  # fmt: skip


def scene() -> DiskScene:
    items = tuple(item(ref, *POINTS[ref]) for ref in POINTS)
    truths = (
        Truth("film0", "report", Mode.GLOBAL, True, True, 1.0, 0.1, 2.0, 0.9),
        Truth("film0", "f0", Mode.GLOBAL, False, True, 9.0, 0.1, 2.0, 0.1),
    )
    return DiskScene("s", "film0", items, truths, by_hand.CURV, 128, 0.5, 0.4, "all places of the run")


def drawn_at(figure: go.Figure) -> dict[str, tuple[float, float]]:
    """Return where each item is drawn, by its custom data."""
    return {
        ref[0]: (x, y)
        for trace in figure.data if trace.customdata is not None
        for ref, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
    }  # fmt: skip


def on_plane(points: np.ndarray) -> torch.Tensor:
    return disk.from_disk(torch.from_numpy(np.asarray(points, np.float64)), by_hand.CURV)


def root_at(centre: tuple[float, float]) -> torch.Tensor:
    return torch.tensor([[-centre[0], -centre[1]]], dtype=torch.float64)


def rings(figure: go.Figure) -> list[np.ndarray]:
    return [np.stack([one.x, one.y], 1) for one in figure.data if one.line.color == DARK.faint]


@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.5, -0.3)])
def test_ring_k_is_everywhere_at_distance_k_from_the_root(centre: tuple[float, float]) -> None:
    root = disk.from_disk(root_at(centre), by_hand.CURV)
    found = rings(disk_figure(scene(), View(centre=centre), DARK))
    assert len(found) == 5
    for number, ring in enumerate(found, start=1):
        assert PLANE.dist(root, on_plane(ring)).numpy() == pytest.approx(number, rel=1e-9)
    if centre == (0.0, 0.0):
        assert np.hypot(*found[1].T) == pytest.approx(math.tanh(ROOT))


@settings(max_examples=8)
@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.6, 0.6))
def test_recentring_keeps_every_distance_and_every_contour(x: float, y: float) -> None:
    view = View(centre=(x, y), outlined=("film0", "report"))
    home, away = (
        disk_figure(scene(), dataclasses.replace(view, centre=(0.0, 0.0)), DARK),
        disk_figure(scene(), view, DARK),
    )
    before, after = (on_plane(list(drawn_at(figure).values())) for figure in (home, away))
    assert PLANE.dist(after, after).numpy() == pytest.approx(PLANE.dist(before, before).numpy(), abs=1e-9)
    root = disk.from_disk(root_at((x, y)), by_hand.CURV)
    for ref, place in drawn_at(away).items():
        assert float(PLANE.dist(root, on_plane([place]))) == pytest.approx(POINTS[ref][0], abs=1e-9)
    outlines = [one for one in away.data if one.line.width == 2.4]
    assert len(outlines) == 2
    centres = on_plane([drawn_at(away)["film0"], drawn_at(away)["report"]])
    radius = math.sqrt(0.02) * math.sqrt(2 * math.log(2))
    for outline, middle in zip(outlines, centres, strict=True):
        around = on_plane(np.stack([outline.x, outline.y], 1))
        assert PLANE.dist(middle[None], around).numpy() == pytest.approx(radius, rel=1e-7)


def test_a_press_moves_at_most_three_units_and_arrives(generator: torch.Generator) -> None:
    plane = Lorentz(1.0)
    far = (math.tanh(4.0) * 0.6, math.tanh(4.0) * 0.8)  # 8 units from the root
    centre, steps = (0.0, 0.0), []
    for _ in range(5):
        nearer = recentred(centre, far)
        both = disk.from_disk(torch.tensor([centre, nearer], dtype=torch.float64), 1.0)
        steps.append(float(plane.dist_to(both[0], both[1])))
        centre = nearer
    assert steps[:2] == pytest.approx([3, 3], abs=1e-3)
    assert steps[2] == pytest.approx(2, abs=1e-2)
    assert centre == pytest.approx(far, abs=1e-6)
    assert recentred(far, far) == far


def test_every_item_is_one_point_that_can_be_clicked() -> None:
    for figure in (disk_figure(scene(), View(), DARK), strip_figure(scene(), View(), DARK)):
        assert sorted(drawn_at(figure)) == sorted(POINTS)
        clickable = [one for one in figure.data if one.customdata is not None]
        assert all(one.hoverinfo == "text" for one in clickable)
        lines = [one for one in figure.data if one.mode == "lines" and one.showlegend is False]
        assert all(one.hoverinfo == "skip" for one in lines)


@pytest.mark.parametrize("hostile", ["<b>bold</b> & <a href='x'>y</a>", "a < b > c &amp; d"])
def test_report_text_is_never_markup_in_a_hover_card(hostile: str) -> None:
    told = card(dataclasses.replace(scene().items[0], text=hostile))
    for tag in ("<b>", "<a", "</", "< b"):
        assert tag not in told
    assert "&lt;" in told
    assert plain("x" * 400, 40, 3).count("<br>") == 2
    assert plain("word " * 200, 40, 3).endswith("…")


def test_only_what_the_drawing_gets_wrong_is_dashed() -> None:
    view = View(outlined=tuple(POINTS), masses=(0.95,))
    for figure in (disk_figure(scene(), view, DARK), strip_figure(scene(), view, DARK)):
        dashes = [one.line.dash for one in figure.data if one.mode == "lines" and one.line.width == 2.4]
        assert sorted(dashes) == ["dash", "solid", "solid", "solid"]
        assert any(one.name == "dashed: drawing and test disagree" for one in figure.data)
    quiet = disk_figure(scene(), View(outlined=("film0", "report")), DARK)
    assert not any(one.name == "dashed: drawing and test disagree" for one in quiet.data)


def test_denied_is_hollow_and_hedged_is_dotted_with_a_legend() -> None:
    assert shape("findings", negated=True) == "triangle-up-open"
    assert shape("impression", uncertain=True) == "square-dot"
    figure = disk_figure(scene(), View(), DARK)
    (sentences,) = [
        one for one in figure.data if one.customdata is not None and ["f1"] in list(one.customdata)
    ]
    assert dict(zip([ref[0] for ref in sentences.customdata], sentences.marker.symbol, strict=True)) == {
        "f0": "triangle-up", "f1": "triangle-up-open"
    }  # fmt: skip
    assert [one.name for one in figure.data if one.showlegend is not False] == [
        "film", "report", "sentence of findings", "hollow: denied"
    ]  # fmt: skip


@pytest.mark.parametrize("zoom", [1.0, 2.0, 4.0])
def test_the_window_holds_the_selected_item_and_points_to_the_root(zoom: float) -> None:
    figure = disk_figure(scene(), View(selected="film0", zoom=zoom), DARK)
    (left, right), (low, high) = figure.layout.xaxis.range, figure.layout.yaxis.range
    x, y = drawn_at(figure)["film0"]
    assert left < x < right
    assert low < y < high
    assert right - left == pytest.approx(high - low)
    assert right - left == pytest.approx(2 * MARGIN / zoom)
    assert figure.layout.yaxis.scaleanchor == "x"
    shown = [one for one in figure.data if one.text is not None and "ROOT" in one.text]
    arrows = [one for one in figure.layout.annotations if one.text == "ROOT"]
    inside = left < 0 < right and low < 0 < high
    assert (len(shown), len(arrows)) == ((1, 0) if inside else (0, 1))


def test_the_walker_stands_at_its_true_distance() -> None:
    figure = disk_figure(scene(), View(step=0.5), DARK)
    (walker,) = [one for one in figure.data if one.marker.symbol == "circle-open" and one.marker.size == 14]
    away = 2 * math.atanh(math.hypot(walker.x[0], walker.y[0])) / ROOT
    assert away == pytest.approx(0.7, rel=0.03)


def test_the_strip_shows_true_distances_and_cuts_lines_that_wrap() -> None:
    figure = strip_figure(scene(), View(outlined=tuple(POINTS)), DARK)
    for ref, (angle, distance) in drawn_at(figure).items():
        assert distance == pytest.approx(POINTS[ref][0])
        turn = math.degrees(POINTS[ref][1] - POINTS["film0"][1])
        assert angle == pytest.approx((turn + 180) % 360 - 180)
    around = np.linspace(0, 2 * np.pi, 100)
    line = unrolled(0.5 * np.stack([np.cos(around), np.sin(around)], 1), 0.3, by_hand.CURV)
    assert np.isnan(line).any()
    assert np.nanmax(np.abs(np.diff(line[:, 0]))) < 10
    assert line[~np.isnan(line[:, 1]), 1] == pytest.approx(2 * math.atanh(0.5) / ROOT)


def test_histograms_count_every_item_and_mark_the_study(generator: torch.Generator) -> None:
    distances = {
        "film": torch.rand(130, generator=generator).double().numpy(), "sentence": np.array([0.2, 0.9, 0.9])
    }  # fmt: skip
    figure = root_distances(distances, {"film": [0.4]}, DARK)
    bars = [one for one in figure.data if one.type == "bar"]
    assert [int(sum(one.customdata)) for one in bars] == [130, 3]
    assert [list(one.x) for one in figure.data if one.type == "scatter"] == [[0.4], []]
    for bar, values in zip(bars, distances.values(), strict=True):
        edge = (bar.x - bar.width / 2)[np.nonzero(bar.customdata)[0][0]]
        assert edge <= values.min() <= edge + bar.width[0]


@pytest.mark.parametrize("look", [DARK, LIGHT])
def test_words_can_be_read_on_their_ground(look: object) -> None:
    assert theme(dark=look is DARK) is look
    for words in (look.text, look.muted):
        for ground in (look.ground, look.panel):
            assert contrast(words, ground) >= 4.5
    for colour in look.colours.values():
        assert contrast(colour, look.ground) >= 3  # graphics


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
