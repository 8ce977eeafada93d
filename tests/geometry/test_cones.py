"""Entailment cones against the papers, the law of cosines and the drawn edge."""

import math

import naive
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import points

from medvis.geometry import cones, disk
from medvis.geometry.lorentz import Lorentz


@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 2.5]))
def test_the_exterior_angle_is_pi_less_the_interior_one(seed: int, c: float) -> None:
    space, (x, y) = Lorentz(c), points(seed, 2, 4)
    a, b, ab = (
        math.sqrt(c) * float(each) for each in (space.root_dist(x), space.root_dist(y), space.dist_to(x, y))
    )
    interior = (math.cosh(a) * math.cosh(ab) - math.cosh(b)) / (math.sinh(a) * math.sinh(ab))
    found = float(cones.exterior_angle(x, y, space))
    assert found == pytest.approx(math.pi - math.acos(max(-1, min(1, interior))), abs=1e-6)
    want = naive.exterior(naive.lift(x.numpy(), c), naive.lift(y.numpy(), c), c)
    assert found == pytest.approx(want, abs=1e-6)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 2.5]))
def test_all_pairs_are_the_pairs(seed: int, c: float) -> None:
    space, x, y = Lorentz(c), points(seed, 4, 3), points(seed + 1, 5, 3)
    one = x[:, None].expand(4, 5, 3)
    pairs = cones.exterior_angle(one, y[None].expand(4, 5, 3), space)
    torch.testing.assert_close(cones.exterior_angles(x, y, space), pairs, rtol=1e-7, atol=1e-7)
    single = cones.exterior_angles(x.float(), y.float(), space)
    torch.testing.assert_close(single.double(), pairs, rtol=1e-4, atol=1e-4)


def test_meru_and_ganea_have_the_same_aperture() -> None:
    p = torch.tensor([[0.5, 0.3], [0.2, 0.1], [-0.7, 0.6]], dtype=torch.float64)
    size = p.norm(dim=-1)
    want = torch.asin(0.1 * (1 - size**2) / size)
    torch.testing.assert_close(cones.half_aperture(disk.from_disk(p, 1.0), Lorentz(1.0)), want)


@given(st.floats(0, 2 * math.pi), st.floats(0.3, 4.0), st.floats(0.05, 5.0))
def test_the_drawn_edge_of_a_cone_is_its_aperture_away(angle: float, radius: float, further: float) -> None:
    space = Lorentz(1.0)
    outward = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    x = space.exp0(outward * radius)
    aperture = float(cones.half_aperture(x, space))
    turned = torch.tensor([math.cos(angle + aperture), math.sin(angle + aperture)], dtype=torch.float64)
    edge = space.wrap(x, turned * further)
    assert float(cones.exterior_angle(x, edge, space)) == pytest.approx(aperture, abs=1e-7)


def test_what_lies_further_out_on_the_ray_is_entailed_and_what_lies_before_is_not() -> None:
    space = Lorentz(1.0)
    ray = space.exp0(torch.tensor([[0.6, 0.8]]) * torch.tensor([[1.0], [2.0], [3.0]]))
    angles = cones.exterior_angles(ray, ray, space)
    torch.testing.assert_close(angles, math.pi * torch.ones(3, 3).tril(-1), atol=1e-4, rtol=0)


def test_cones_narrow_away_from_the_root_and_are_half_spaces_near_it() -> None:
    space = Lorentz(0.5)
    x = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.2828, 0.0], [0.2829, 0.0], [1.0, 0.0], [3.0, 0.0]])
    assert cones.root_zone(x, space).tolist() == [True, True, True, False, False, False]
    aperture = cones.half_aperture(x, space)
    assert aperture[:3].tolist() == [pytest.approx(math.pi / 2)] * 3
    assert bool((aperture[2:].diff() < 0).all())
    assert float(aperture[-1]) == pytest.approx(math.asin(0.2 / (math.sqrt(0.5) * 3)))


def test_the_root_entails_everything() -> None:
    space, y = Lorentz(1.0), points(3, 6, 3)
    root = torch.zeros_like(y)
    assert bool((cones.exterior_angle(root, y, space) <= cones.half_aperture(root, space)).all())
    assert bool((cones.exterior_angles(root[:1], y, space) == 0).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_everywhere(dtype: torch.dtype) -> None:
    space = Lorentz(torch.tensor(0.8, dtype=dtype, requires_grad=True))
    x = torch.tensor([[0.0, 0, 0], [0.2236068, 0, 0], [1, 0, 0], [1, 2, 3], [1e-12, 0, 0], [300, 1, 2]]).to(
        dtype
    )
    x = torch.cat([x, x, x, x]).requires_grad_()
    y = torch.cat([x[:6], x[:6] * 2, -x[:6], x[:6] * (1 + 1e-7)]).detach().requires_grad_()
    total = cones.half_aperture(x, space).sum() + cones.exterior_angle(x, y, space).sum()
    total = total + cones.exterior_angles(x, y, space).sum()
    assert bool(total.isfinite())
    for gradient in torch.autograd.grad(total, (x, y, space.curv)):
        assert bool(gradient.isfinite().all())


def test_gradients_are_those_of_finite_differences() -> None:
    x, y = (each.requires_grad_() for each in (points(1, 3, 3), points(2, 3, 3)))
    curv = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, c: cones.half_aperture(x, Lorentz(c)), (x, curv))
    assert torch.autograd.gradcheck(lambda x, y, c: cones.exterior_angle(x, y, Lorentz(c)), (x, y, curv))
    assert torch.autograd.gradcheck(lambda x, y, c: cones.exterior_angles(x, y, Lorentz(c)), (x, y, curv))


def test_angles_of_near_points_far_out_keep_their_digits() -> None:
    space = Lorentz(1.0)
    x = space.exp0(torch.tensor([0.6, 0.8], dtype=torch.float64) * 7)
    turned = torch.tensor([math.cos(0.3), math.sin(0.3)], dtype=torch.float64)
    outward = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64) @ turned
    found = cones.exterior_angle(x, space.wrap(x, 0.01 * outward), space)
    assert float(found) == pytest.approx(0.3, abs=1e-8)
    assert np.isfinite(float(found))
