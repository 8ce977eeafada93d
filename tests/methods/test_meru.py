"""MERU against its formulas, written naively in float64."""

import math

import pytest
import torch
from small_methods import all_apart, build, drawn, encoded

from medvis.types import Density, Mode, Placed


def points(*polar: tuple[float, float]) -> Placed:
    """Points of the first two dimensions by radius and angle, at curvature 1."""
    rows = [[math.sinh(r) * math.cos(a), math.sinh(r) * math.sin(a)] + [0.0] * 14 for r, a in polar]
    return Placed("text", Density(torch.tensor(rows)), Mode.POINT)


def test_meru_loss() -> None:
    method, image, text = build("meru"), encoded("image", 6, 0), encoded("text", 6, 1)
    x, y = method.place(text).whole.mean.double(), method.place(image).whole.mean.double()
    x0, y0 = (1 + x.square().sum(1)).sqrt(), (1 + y.square().sum(1)).sqrt()
    inner = x @ y.T - torch.outer(x0, y0)  # text, image
    logits = -torch.acosh(-inner).T / 0.07
    contrast = -(logits.log_softmax(1).diagonal() + logits.log_softmax(0).diagonal()).mean() / 2
    own = inner.diagonal()
    cosine = (y0 + x0 * own) / (x.norm(dim=1) * (own.square() - 1).sqrt())
    outside = (torch.acos(cosine) - torch.asin(0.2 / x.norm(dim=1))).clamp(min=0)
    loss = method.loss(image, text, all_apart(6), drawn())
    torch.testing.assert_close(loss.terms["contrast"].double(), contrast, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(loss.terms["entail"].double(), 0.2 * outside.mean(), rtol=1e-5, atol=1e-6)


def test_what_lies_behind_a_point_is_entailed_and_what_lies_before_it_is_not() -> None:
    method = build("meru")
    general, special = points((1.0, 0.0)), points((2.0, 0.0), (2.0, 0.02), (0.5, 0.0), (2.0, math.pi))
    found = method.relation(general, special)[0]
    assert found[0] == 1
    assert found[1] == 1
    aperture = math.asin(0.2 / math.sinh(1))
    assert found[2].item() == pytest.approx(aperture / math.pi, rel=1e-4)
    assert found[3].item() == pytest.approx(aperture / math.pi, rel=1e-4)


def test_relation_has_no_step_at_the_edge_of_the_cone() -> None:
    method = build("meru")
    angles = torch.linspace(0, 0.6, 4000)
    found = method.relation(points((1.0, 0.0)), points(*[(2.0, float(a)) for a in angles]))[0]
    assert (found.diff() <= 1e-6).all(), "farther to the side is never more entailed"
    assert found.diff().abs().max() < 0.005
    assert found[0] == 1
    assert found[-1] < 0.6


def test_films_move_into_their_reports_cones() -> None:
    method, image, text = build("meru", entail_weight=5.0), encoded("image", 8, 0), encoded("text", 8, 1)
    before = method.relation(method.place(text), method.place(image)).diagonal().mean()
    optimizer = torch.optim.Adam(method.parameters(), lr=5e-3)
    for _ in range(80):
        optimizer.zero_grad()
        method.loss(image, text, all_apart(8), drawn()).total.backward()
        optimizer.step()
    after = method.relation(method.place(text), method.place(image)).diagonal().mean()
    assert after > 0.9 > before
