"""Arithmetic of several papers against closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_methods import all_apart, drawn

from medvis.geometry.lorentz import Lorentz
from medvis.methods import shared
from medvis.types import Density


def test_contrast_is_the_log_of_the_softmax_over_what_is_apart() -> None:
    logits = torch.tensor([[2.0, 1.0, 5.0], [0.0, 1.0, 3.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    apart = all_apart(3)
    apart[0, 2] = apart[2, 0] = False  # 0 and 2 have the same text
    first = -math.log(math.exp(2) / (math.exp(2) + math.exp(1)))
    second = -math.log(math.exp(1) / (1 + math.exp(1) + math.exp(3)))
    third = -math.log(1 / 2)
    assert shared.info_nce(logits, apart).item() == pytest.approx((first + second + third) / 3)


def test_both_ways_is_the_mean_of_rows_and_columns() -> None:
    logits, apart = torch.randn(4, 4, generator=drawn()), all_apart(4)
    want = (shared.info_nce(logits, apart) + shared.info_nce(logits.T, apart)) / 2
    torch.testing.assert_close(shared.both_ways(logits, apart), want)


def test_a_masked_pair_has_no_gradient() -> None:
    logits = torch.randn(3, 3, generator=drawn()).requires_grad_()
    apart = all_apart(3)
    apart[0, 2] = False
    shared.info_nce(logits, apart).backward()
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0
    assert logits.grad[0, 1] != 0


@given(st.floats(-3, 3), st.sampled_from([-1.0, 1.0]))
def test_bounds_let_the_gradient_through_only_where_it_leads_inside(start: float, slope: float) -> None:
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    y = shared.bounded(x, -1.0, 2.0)
    (slope * y).backward()
    assert y.item() == min(max(start, -1.0), 2.0)
    descends_to_inside = (start > 2 and slope > 0) or (start < -1 and slope < 0)
    assert x.grad is not None
    assert x.grad.item() == (slope if -1 <= start <= 2 or descends_to_inside else 0.0)


def test_what_crossed_a_bound_comes_back() -> None:
    x = torch.tensor(9.0, requires_grad=True)
    step = torch.optim.SGD([x], lr=0.5)
    for _ in range(40):
        step.zero_grad()
        (shared.bounded(x, 0.0, 1.0) - 0.5).square().backward()
        step.step()
    assert x.item() == pytest.approx(0.5, abs=0.01)


def test_tangent_vectors_start_at_length_one() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        lengths = shared.TangentHead(256, 128)(torch.randn(200, 256, generator=drawn(1)) * 7).norm(dim=-1)
    assert float(lengths.mean()) == pytest.approx(1, abs=0.05)


def test_curvature_and_scale_start_where_told_and_stay_in_bounds() -> None:
    curvature, scale = shared.Curvature(2.0, 0.1, 10.0), shared.Scale(0.07, 100.0)
    assert curvature.space().curv.item() == pytest.approx(2)
    assert scale.value().item() == pytest.approx(1 / 0.07)
    with torch.no_grad():
        curvature.log_curv.fill_(9.0)
        scale.log_scale.fill_(9.0)
    assert curvature.space().curv.item() == pytest.approx(10)
    assert scale.value().item() == pytest.approx(100)
    scale.value().backward()
    assert scale.log_scale.grad is not None
    assert scale.log_scale.grad > 0, "a loss that wants it smaller must be able to bring it back"


def concentric(ratio: float, dims: int = 64) -> tuple[Density, Density, float]:
    """A density inside one with the same mean, and their divergence by hand."""
    mean = Lorentz(1.0).exp0(torch.randn(12, dims, generator=drawn()) * 0.1)
    outer = torch.full((12, dims), math.log(1 / math.sqrt(dims)))
    return (
        Density(mean, outer + math.log(ratio)),
        Density(mean, outer),
        dims / 2 * (ratio**2 - 1 - 2 * math.log(ratio)),
    )


@pytest.mark.parametrize(("ratio", "inside"), [(0.5, True), (0.9, True), (0.3, False)])
def test_a_concentric_density_is_inside_while_it_is_at_least_half_as_wide(ratio: float, inside: bool) -> None:
    special, general, by_hand = concentric(ratio)
    found = shared.contained(special, general, Lorentz(1.0), drawn(), samples=400)
    # With one mean the volume terms cancel sample by sample, so the flat formula is exact.
    assert ((found.kl - by_hand).abs() < 4 * found.standard_error).all()
    assert found.threshold == pytest.approx(0.35 * 64)
    assert (found.inside == inside).all()


def test_containment_is_not_symmetric() -> None:
    special, general, _ = concentric(0.5)
    assert shared.contained(special, general, Lorentz(1.0), drawn()).inside.all()
    assert not shared.contained(general, special, Lorentz(1.0), drawn()).inside.any()


def test_two_standard_errors_speak_against_containment() -> None:
    special, general, by_hand = concentric(0.49)
    assert by_hand < 0.35 * 64
    found = shared.contained(special, general, Lorentz(1.0), drawn(), samples=32)
    doubtful = (found.kl <= found.threshold) & (found.kl + 2 * found.standard_error > found.threshold)
    assert doubtful.any()
    assert not found.inside[doubtful].any()


def test_what_lies_far_away_is_not_inside() -> None:
    special, general, _ = concentric(0.5)
    space = Lorentz(torch.tensor(1.0))
    away = Density(space.exp0(torch.ones(12, 64) * 0.5), special.log_scale)
    found = shared.contained(away, general, space, drawn())
    assert not found.inside.any()
    assert (found.coverage < 0.01).all()
