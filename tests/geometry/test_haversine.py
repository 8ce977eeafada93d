"""Distances against 50 digits, near and far, with and without a gradient."""

import mpmath
import pytest
import torch
from naive import at, true_distance

from medvis.geometry.haversine import arc_ratio, asinh_ratio, log_sinh_ratio, sinh_ratio
from medvis.geometry.lorentz import Lorentz


@pytest.mark.parametrize("path", ["tiles", "gradient", "beside"])
@pytest.mark.parametrize("radius", [0.1, 1.0, 4.0, 7.0, 10.0])
def test_float32_distances_are_right_to_1e_6(radius: float, path: str) -> None:
    for c, d in ((1.0, 128), (0.3, 3)):
        space = Lorentz(c)
        for seed, apart in enumerate((None, 3.0, 0.5, 0.1, 0.01, 0.001)):
            x, y = (each.float() for each in at(radius, apart, d, seed, space))
            if path == "tiles":
                found = space.dist(x[None], y[None])[0, 0]
            elif path == "gradient":
                found = space.dist(x[None].requires_grad_(), y[None])[0, 0]
            else:
                found = space.dist_to(x, y)
            true = true_distance(x, y, c)
            assert abs(mpmath.mpf(found.item()) - true) <= 1e-6 * true, (c, d, apart, float(true))


def test_float64_distances_are_right_to_1e_11() -> None:
    space = Lorentz(0.3)
    for radius in (0.1, 1.0, 4.0, 7.0):
        for seed, apart in enumerate((None, 0.1, 0.01, 0.001)):
            x, y = at(radius, apart, 16, seed, space)
            true = true_distance(x, y, 0.3)
            assert abs(mpmath.mpf(space.dist(x[None], y[None]).item()) - true) <= 1e-11 * true


def test_few_near_pairs_and_tiles_full_of_them_agree() -> None:
    space = Lorentz(1.0)
    generator = torch.Generator().manual_seed(3)
    gallery = torch.randn(5000, 8, generator=generator)
    query = torch.cat([gallery[:3] * (1 + 1e-4), torch.randn(70, 8, generator=generator)])
    bundle = torch.ones(1, 8) + 0.01 * torch.randn(300, 8, generator=generator)
    for x, y in ((query, gallery), (bundle, bundle)):
        exact = space.dist(x.double(), y.double())
        torch.testing.assert_close(space.dist(x, y).double(), exact, rtol=1e-6, atol=0)


def test_coincident_points_have_distance_and_gradient_zero() -> None:
    for radius in (0.0, 0.1, 1.0, 5.0, 10.0):
        for dtype in (torch.float32, torch.float64):
            space = Lorentz(1.0)
            x = space.exp0(torch.tensor([[0.6, 0.8, 0.0]], dtype=dtype) * radius).requires_grad_()
            for found in (space.dist(x, x.detach()), space.dist(x, x), space.dist_to(x, x.detach())):
                assert float(found.detach()) == 0
                (gradient,) = torch.autograd.grad(found.sum(), x)
                assert bool((gradient == 0).all())


@pytest.mark.parametrize("x", [1e-9, 1e-3, 0.031, 0.032, 0.099, 0.101, 1.0, 5.0])
def test_ratios_are_exact_on_both_sides_of_their_series(x: float) -> None:
    square = torch.tensor(x * x, dtype=torch.float64)
    with mpmath.workdps(40):
        true = mpmath.mpf(float(square))
        r = mpmath.sqrt(true)
        far = mpmath.acosh(1 + true)
        cases = (
            (sinh_ratio, mpmath.sinh(r) / r),
            (asinh_ratio, mpmath.asinh(r) / r),
            (arc_ratio, far / mpmath.sinh(far)),
        )
        for ask, want in cases:
            assert abs(ask(square).item() - want) < 1e-15 * want, ask.__name__
        found, want = log_sinh_ratio(square).item(), mpmath.log(mpmath.sinh(r) / r)
        assert abs(found - want) < 1e-15 + 1e-12 * want


def test_log_sinh_ratio_does_not_overflow() -> None:
    assert float(log_sinh_ratio(torch.tensor(1e6))) == pytest.approx(1000 - 7.6009, abs=1e-3)
