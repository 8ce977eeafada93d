"""The walk to the root: even steps, entailing texts only, the root where it is nearer, repeats once."""

import math
from pathlib import Path

import by_hand
import pytest
import torch

from medvis.explain import hierarchy
from medvis.explain.hierarchy import NOTHING, ROOT, STEPS, dropped, path
from medvis.geometry import cones, gaussian
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density

SPACE = Lorentz(by_hand.CURV)


def at(*tangent: float) -> torch.Tensor:
    return SPACE.exp0(torch.tensor([tangent], dtype=torch.float64))


def cloud(n: int, d: int, generator: torch.Generator, scale: float | None) -> Density:
    mean = SPACE.exp0(0.5 * torch.randn(n, d, generator=generator, dtype=torch.float64))
    spread = (
        None if scale is None else math.log(scale) + 0.3 * torch.randn(n, d, generator=generator).double()
    )
    return Density(mean, spread)


def test_steps_are_even_on_the_geodesic_to_the_root() -> None:
    found = path(at(0.6, 0.8, 0)[0], Density(at(0, 0, 5.0)), SPACE)
    assert len(found.points) == STEPS == 50
    assert found.distances == pytest.approx([1 - step / 49 for step in range(50)])
    assert torch.nn.functional.normalize(found.points[:-1], dim=1) == pytest.approx(
        torch.tensor([0.6, 0.8, 0], dtype=torch.float64).expand(49, 3), abs=1e-12
    )


def test_a_text_on_the_way_entails_what_lies_behind_it_and_nothing_nearer() -> None:
    found = path(at(2.0, 0, 0)[0], Density(at(1.2, 0, 0)), SPACE)
    for distance, row, count in zip(found.distances, found.best, found.entailing, strict=True):
        if distance >= 1.2:
            assert (row, count) == (0, 1)
        else:
            assert (row, count) == (ROOT if distance == 0 else NOTHING, 0)


def test_the_root_is_the_answer_where_it_is_nearer_than_any_entailing_text() -> None:
    wide = torch.full((1, 3), math.log(0.6), dtype=torch.float64)
    found = path(at(1.0, 0, 0)[0], Density(at(0.6, 0, 0), wide), SPACE)
    assert found.entailing == (1,) * 50
    for distance, row in zip(found.distances, found.best, strict=True):
        assert row == (0 if abs(distance - 0.6) < distance else ROOT)


@pytest.mark.parametrize("scale", [0.25, None])
def test_every_answer_is_the_nearest_of_those_that_entail_the_point(
    scale: float | None, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hierarchy, "_CHUNK", 70)
    texts = cloud(300, 6, generator, scale)
    start = 1.1 * texts.mean[3]
    cone = 0.4
    found = path(start, texts, SPACE, cone)
    for point, best, count in zip(found.points, found.best, found.entailing, strict=True):
        if texts.log_scale is None:
            held = cones.exterior_angles(texts.mean, point[None], SPACE)[:, 0] <= cones.half_aperture(
                texts.mean, SPACE, cone
            )
        else:
            v = SPACE.unwrap(texts.mean, point.expand_as(texts.mean)) / texts.log_scale.exp()
            held = v.square().sum(1) <= gaussian.chi_square(0.95, 6)
        assert count == int(held.sum())
        away = SPACE.dist(point[None], texts.mean)[0].masked_fill(~held, math.inf)
        home = float(SPACE.root_dist(point))
        if float(away.min()) < home:
            assert best == int(away.argmin())
        else:
            assert best == (ROOT if count or home == 0 else NOTHING)
    assert len(set(found.best)) > 1


def test_the_same_walk_comes_out_each_time(generator: torch.Generator) -> None:
    texts = cloud(200, 8, generator, 0.4)
    first, second = (path(texts.mean[3], texts, SPACE) for _ in range(2))
    assert (first.best, first.entailing, first.distances) == (second.best, second.entailing, second.distances)


def test_a_walk_tells_each_text_once_with_the_words_that_drop(tmp_path: Path) -> None:
    wide = (0.5,) * 3
    tangents = {
        ("s", "film0"): (2.2, 0.1, 0), ("s", "f0"): (2.0, 0, 0), ("s", "impression"): (1.4, 0, 0),
        ("s", "i0"): (1.4, 0, 0), ("", "effusion"): (0.8, 0, 0),
    }  # fmt: skip
    opened = by_hand.session(tmp_path, [by_hand.study("s")], tangents, dict.fromkeys(tangents, wide))
    texts = hierarchy.library(opened)
    assert sorted(texts.ref) == ["effusion", "f0", "impression"]  # i0 is the impression's very wording
    rows = opened.store.rows(study="s")
    found = hierarchy.walk(opened, texts, rows.mean[rows.ref.index("film0")])
    assert [stop.text for stop in found.stops] == [
        "Small left effusion.", "Left effusion.", "effusion", "ROOT, which entails everything"
    ]  # fmt: skip
    assert [stop.dropped for stop in found.stops] == [(), ("Small",), ("Left",), ()]
    assert [stop.kind for stop in found.stops] == ["text", "text", "text", "root"]
    assert list(found.at) == sorted(found.at)
    assert [found.at.index(number) for number in range(4)] == [stop.first for stop in found.stops]
    assert found.stops[2].text_distance == pytest.approx(0.8)
    assert found.pool == 3
    assert "95 % region" in found.rule


def test_restricted_texts_are_counted_and_never_told(tmp_path: Path) -> None:
    secret = by_hand.study("r", findings="Secret words here.", show="restricted")
    tangents = {
        ("r", "film0"): (1.5, 0, 0), ("r", "f0"): (1.0, 0, 0), ("s", "f0"): (0.9, 0.1, 0),
    }  # fmt: skip
    scales = dict.fromkeys(tangents, (0.9,) * 3)
    opened = by_hand.session(tmp_path, [by_hand.study("s"), secret], tangents, scales)
    texts = hierarchy.library(opened)
    assert (texts.study, texts.hidden) == (("s",), 1)
    found = hierarchy.walk(opened, texts, opened.store.rows(study="r").mean[0])
    assert not any("Secret" in stop.text for stop in found.stops)
    assert found.hidden == 1


def test_an_empty_library_says_that_nothing_entails(tmp_path: Path) -> None:
    opened = by_hand.session(tmp_path, [by_hand.study("s")], {("s", "film0"): (1.0, 0, 0)})
    found = hierarchy.walk(opened, hierarchy.library(opened), opened.store.rows().mean[0])
    assert [stop.kind for stop in found.stops] == ["nothing", "root"]
    assert found.stops[0].text == "Nothing entails this point"


def test_words_drop_only_between_texts_that_share_one() -> None:
    assert dropped("Small left pleural effusion.", "Left effusion") == ("Small", "pleural")
    assert dropped("Clear lungs", "Normal heart") == ()
    assert dropped("Left effusion", "left effusion, small") == ()
