"""The hyperboloid against the formulas of the papers, their laws, mpmath and geoopt."""

import warnings

import naive
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import at, points, true_distance

from medvis.geometry.lorentz import Lorentz

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # geoopt 0.5 compiles with torch.jit at import
    import geoopt

CURVATURES = (0.1, 1.0, 2.5)


@pytest.mark.parametrize("c", CURVATURES)
def test_the_formulas_of_the_papers(c: float) -> None:
    space, d = Lorentz(c), 5
    x, y, u = points(1, 3, d)
    mu, nu = (naive.lift(each.numpy(), c) for each in (x, y))
    w = naive.from_root(u.numpy(), mu, c)
    z = naive.exp(mu, w, c)
    assert float(space.time(x)) == pytest.approx(mu[0], rel=1e-14)
    assert float(space.inner(x[None], y[None])) == pytest.approx(naive.inner(mu, nu), rel=1e-12)
    assert float(space.inner(x[None], x[None])) == pytest.approx(-1 / c, rel=1e-12)
    np.testing.assert_allclose(space.from_root(x, u).numpy(), w[1:], atol=1e-12)
    np.testing.assert_allclose(space.transport(torch.zeros_like(x), x, u).numpy(), w[1:], atol=1e-12)
    np.testing.assert_allclose(space.to_root(x, torch.from_numpy(w[1:])).numpy(), u.numpy(), atol=1e-12)
    np.testing.assert_allclose(space.exp(x, torch.from_numpy(w[1:])).numpy(), z[1:], atol=1e-12)
    np.testing.assert_allclose(space.wrap(x, u).numpy(), z[1:], atol=1e-12)
    np.testing.assert_allclose(space.log(x, torch.from_numpy(z[1:])).numpy(), w[1:], atol=1e-12)
    np.testing.assert_allclose(space.unwrap(x, torch.from_numpy(z[1:])).numpy(), u.numpy(), atol=1e-12)
    carried = naive.transport(w, mu, nu, c)
    np.testing.assert_allclose(
        space.transport(x, y, torch.from_numpy(w[1:])).numpy(), carried[1:], atol=1e-12
    )
    assert float(space.dist(x[None], y[None])) == pytest.approx(naive.dist(mu, nu, c), rel=1e-12)
    assert float(space.dist_to(x, y)) == pytest.approx(naive.dist(mu, nu, c), rel=1e-12)
    assert float(space.root_dist(x)) == pytest.approx(naive.dist(mu, naive.root(d, c), c), rel=1e-12)
    np.testing.assert_allclose(
        space.exp0(u).numpy(), naive.exp(naive.root(d, c), np.r_[0, u], c)[1:], atol=1e-12
    )
    np.testing.assert_allclose(space.log0(x).numpy(), naive.log(naive.root(d, c), mu, c)[1:], atol=1e-12)


def test_a_right_angle_at_the_root_obeys_the_hyperbolic_pythagoras() -> None:
    space = Lorentz(1.0)
    a, b = torch.tensor([[1.3, 0.0]], dtype=torch.float64), torch.tensor([[0.0, 0.6]], dtype=torch.float64)
    hypotenuse = space.dist(space.exp0(a), space.exp0(b))
    assert float(hypotenuse.cosh()) == pytest.approx(np.cosh(1.3) * np.cosh(0.6), rel=1e-14)


def test_points_on_a_ray_are_as_far_apart_as_their_radii() -> None:
    space = Lorentz(0.5)
    direction = torch.tensor([0.6, 0.8, 0.0])
    x = space.exp0(direction * torch.tensor([[0.5], [1.0], [6.0]]))
    torch.testing.assert_close(space.dist(x, x), torch.tensor([[0.0, 0.5, 5.5], [0.5, 0, 5], [5.5, 5, 0]]))


@given(st.integers(0, 10_000), st.sampled_from(CURVATURES), st.integers(2, 9), st.floats(0.01, 2.0))
def test_the_distance_is_a_metric(seed: int, c: float, d: int, spread: float) -> None:
    space, x = Lorentz(c), points(seed, 4, d, spread)
    between = space.dist(x, x)
    assert bool((between.diagonal() == 0).all())
    torch.testing.assert_close(between, between.T, rtol=1e-10, atol=1e-12)
    assert bool((between + torch.eye(4) > 0).all())
    for k in range(4):
        assert bool((between <= between[:, k : k + 1] + between[k : k + 1] + 1e-9).all())


@given(st.integers(0, 10_000), st.sampled_from(CURVATURES), st.floats(1e-4, 6.0))
def test_log_undoes_exp_anywhere(seed: int, c: float, size: float) -> None:
    space = Lorentz(c)
    x, v = points(seed, 2, 4)
    v = v * size / v.norm()
    z = space.wrap(x, v)
    torch.testing.assert_close(space.unwrap(x, z), v, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(space.log(x, z), space.from_root(x, v), rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(space.log0(space.exp0(v)), v, rtol=1e-10, atol=1e-12)
    assert float(space.dist_to(x, z)) == pytest.approx(size, rel=1e-8)


@given(st.integers(0, 10_000), st.sampled_from(CURVATURES))
def test_transport_keeps_lengths_and_angles_and_comes_back(seed: int, c: float) -> None:
    space = Lorentz(c)
    x, y, u, v = points(seed, 4, 5)
    there = [space.transport(x, y, each) for each in (u, v)]
    for one, two in ((u, u), (u, v)):
        before = (space.to_root(x, one) * space.to_root(x, two)).sum()
        after = [space.to_root(y, space.transport(x, y, each)) for each in (one, two)]
        torch.testing.assert_close((after[0] * after[1]).sum(), before, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(space.transport(y, x, there[0]), u, rtol=1e-9, atol=1e-10)


@given(st.integers(0, 10_000), st.sampled_from(CURVATURES))
def test_a_boost_keeps_distances_and_takes_its_point_to_the_root(seed: int, c: float) -> None:
    space, x = Lorentz(c), points(seed, 5, 3)
    matrix = space.boost(x[0])
    moved = space.apply(matrix, x)
    assert float(moved[0].norm()) < 1e-9
    torch.testing.assert_close(space.dist(moved, moved), space.dist(x, x), rtol=1e-7, atol=1e-8)
    signs = torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))
    torch.testing.assert_close(matrix.T @ signs @ matrix, signs, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        space.log0(moved[1:]), space.unwrap(x[:1].expand(4, -1), x[1:]), rtol=1e-7, atol=1e-8
    )


@given(st.integers(0, 10_000), st.floats(0.1, 6.0))
def test_the_logarithm_never_stretches(seed: int, spread: float) -> None:
    space = Lorentz(1.0)
    x, y = points(seed, 40, 2, spread).split(20)
    gap = (space.log0(x) - space.log0(y)).norm(dim=-1)
    assert bool((gap <= space.dist_to(x, y) * (1 + 1e-12)).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_at_the_root_and_for_copies(dtype: torch.dtype) -> None:
    curv = torch.tensor(0.7, dtype=dtype, requires_grad=True)
    space = Lorentz(curv)
    x = torch.cat([torch.zeros(1, 3), torch.randn(4, 3, generator=torch.Generator().manual_seed(0))]).to(
        dtype
    )
    x = torch.cat([x, x, -x, x * (1 + 1e-6)]).requires_grad_()
    y = x.detach().roll(5, 0).requires_grad_()
    u = x.detach().flip(0).requires_grad_()
    total = space.dist(x, y).sum() + space.dist_to(x, y).sum() + space.root_dist(x).sum()
    for found in (space.exp(x, u), space.log(x, y), space.exp0(x), space.log0(x), space.transport(x, y, u)):
        assert bool(found.isfinite().all())
        total = total + found.square().sum()
    total = total + space.wrap(x, u).sum() + space.unwrap(x, y).sum()
    for gradient in torch.autograd.grad(total, (x, y, u, curv)):
        assert bool(gradient.isfinite().all())


def test_gradients_are_those_of_finite_differences() -> None:
    x, y, u = points(2, 3, 3)[:, None].expand(3, 2, 3).clone()
    y = y + torch.tensor([[0.0], [0.3]], dtype=torch.float64)
    inputs = [each.clone().requires_grad_() for each in (x, y, u)]
    curv = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    for ask in (
        lambda x, y, _, c: Lorentz(c).dist(x, y),
        lambda x, y, _, c: Lorentz(c).dist_to(x, y),
        lambda x, y, _, c: Lorentz(c).log(x, y),
        lambda x, _, u, c: Lorentz(c).exp(x, u),
        lambda x, y, u, c: Lorentz(c).transport(x, y, u),
        lambda x, y, _, c: Lorentz(c).unwrap(x, y),
        lambda x, _y, _u, c: Lorentz(c).root_dist(x),
    ):
        assert torch.autograd.gradcheck(ask, (*inputs, curv))


def test_the_gradient_away_from_the_root_is_the_direction_back() -> None:
    x = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(Lorentz(1.0).dist(x, y).sum(), x)
    torch.testing.assert_close(gradient, -y / 5)


def test_the_frechet_mean_is_where_the_logarithms_cancel() -> None:
    for c, spread in ((0.5, 0.7), (1.0, 20.0)):
        space, x = Lorentz(c), points(5, 30, 4, spread)
        weights = torch.rand(30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        mean = space.frechet_mean(x, weights)
        pull = weights @ space.unwrap(mean.expand_as(x), x) / weights.sum()
        assert float(pull.norm()) < 1e-7


def test_the_frechet_mean_of_two_points_is_halfway() -> None:
    space, x = Lorentz(1.0), points(6, 2, 3, 3.0)
    halfway = space.exp(x[0], space.log(x[0], x[1]) / 2)
    torch.testing.assert_close(space.frechet_mean(x), halfway, rtol=1e-8, atol=1e-8)
    alone = space.frechet_mean(x, torch.tensor([1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(alone, x[0], rtol=1e-8, atol=1e-8)


def test_geoopt_agrees_and_is_less_exact_for_near_pairs() -> None:
    c, space = 0.4, Lorentz(0.4)
    manifold = geoopt.Lorentz(k=1 / c).to(torch.float64)  # its k is float32 until moved
    x, y = points(7, 2, 6)
    u = points(8, 1, 6)[0]

    def full(s: torch.Tensor) -> torch.Tensor:
        return torch.cat([space.time(s)[..., None], s], -1)

    tangent = torch.cat([torch.zeros(1, dtype=torch.float64), u])
    root = full(torch.zeros_like(x))
    assert float(manifold.dist(full(x), full(y))) == pytest.approx(float(space.dist_to(x, y)), rel=1e-6)
    torch.testing.assert_close(manifold.expmap(root, tangent)[1:], space.exp0(u), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(manifold.logmap(full(x), full(y))[1:], space.log(x, y), rtol=1e-5, atol=1e-6)
    carried = manifold.transp(root, full(x), tangent)[1:]
    torch.testing.assert_close(carried, space.from_root(x, u), rtol=1e-6, atol=1e-6)

    near, far = (each.float() for each in at(4.0, 0.01, 6, 0, Lorentz(1.0)))
    true = float(true_distance(near, far, 1.0))
    flat = geoopt.Lorentz(k=1.0)
    single = [torch.cat([(1 + s.square().sum()).sqrt()[None], s]) for s in (near, far)]
    assert abs(float(flat.dist(*single)) - true) > 0.01 * true
    assert float(Lorentz(1.0).dist_to(near, far)) == pytest.approx(true, rel=1e-6)


def test_a_riemannian_optimizer_finds_the_frechet_mean() -> None:
    space, x = Lorentz(1.0), points(9, 12, 3)
    manifold = geoopt.Lorentz(k=1.0).to(torch.float64)
    start = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    found = geoopt.ManifoldParameter(start, manifold=manifold)
    optimizer = geoopt.optim.RiemannianAdam([found], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        space.dist_to(found[1:].expand_as(x), x).square().mean().backward()
        optimizer.step()
    assert float(space.dist_to(found.detach()[1:], space.frechet_mean(x))) < 0.02


def test_a_curvature_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Lorentz(0.0)


@pytest.mark.parametrize("weights", [torch.zeros(3), torch.tensor([1.0, -1.0, 1.0])])
def test_a_mean_without_weight_is_refused(weights: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="weight above 0"):
        Lorentz(1.0).frechet_mean(torch.eye(3), weights)
