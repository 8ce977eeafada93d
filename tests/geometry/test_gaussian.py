"""Wrapped Gaussians against the paper's formulas, integrals and counted samples."""

import math

import naive
import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import points

from medvis.geometry import disk, gaussian
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density


def densities(seed: int, count: int, d: int, spread: float = 0.4, sigma: float = 0.3) -> Density:
    generator = torch.Generator().manual_seed(seed)
    mean, log_scale = torch.randn(2, count, d, generator=generator, dtype=torch.float64)
    return Density(mean * spread, 0.3 * log_scale + math.log(sigma))


def rows(density: Density, dtype: torch.dtype) -> Density:
    assert density.log_scale is not None
    return Density(density.mean.to(dtype).requires_grad_(), density.log_scale.to(dtype).requires_grad_())


def by_hand(first: Density, second: Density, c: float, count: int = 200_000) -> tuple[float, float]:
    """KL and its standard error as the paper writes it, from the naive formulas."""
    assert first.log_scale is not None
    assert second.log_scale is not None
    mu, nu = (naive.lift(each.mean.numpy(), c) for each in (first, second))
    one, two = (np.diag(np.exp(2 * each.log_scale.numpy())) for each in (first, second))
    v = np.random.default_rng(0).multivariate_normal(np.zeros(len(mu) - 1), one, count)
    base = np.broadcast_to(mu, (count, len(mu)))
    z = naive.exp(base, naive.from_root(v, base, c), c)
    ratio = naive.log_density(z, mu, one, c) - naive.log_density(z, nu, two, c)
    return float(ratio.mean()), float(ratio.std() / math.sqrt(count))


@pytest.mark.parametrize("c", [0.1, 1.0, 2.5])
def test_the_log_density_of_the_paper(c: float) -> None:
    density, z = densities(0, 1, 4)[0], points(1, 7, 4)
    assert density.log_scale is not None
    covariance = np.diag(np.exp(2 * density.log_scale.numpy()))
    want = naive.log_density(naive.lift(z.numpy(), c), naive.lift(density.mean.numpy(), c), covariance, c)
    np.testing.assert_allclose(gaussian.log_density(z, density, Lorentz(c)).numpy(), want, atol=1e-9)


@pytest.mark.parametrize("c", [0.4, 1.0, 2.5])
def test_a_density_integrates_to_one_over_hyperbolic_area(c: float) -> None:
    density = Density(
        torch.tensor([0.5, -0.3], dtype=torch.float64), torch.tensor([0.5, 0.25], dtype=torch.float64).log()
    )
    line = torch.linspace(-1, 1, 801, dtype=torch.float64)
    cells = torch.cartesian_prod(line, line)
    cells = cells[cells.square().sum(-1) < 0.9999]
    area = (2 / (1 - cells.square().sum(-1))) ** 2 / c * float(line[1] - line[0]) ** 2
    values = gaussian.log_density(disk.from_disk(cells, c), density, Lorentz(c)).exp()
    assert float((values * area).sum()) == pytest.approx(1, abs=2e-3)


@given(st.integers(0, 1000), st.sampled_from([0.1, 1.0, 2.5]), st.integers(2, 40))
def test_pairwise_log_densities_are_those_of_each_pair(seed: int, c: float, d: int) -> None:
    space, density = Lorentz(c), densities(seed, 3, d)
    z = torch.cat([points(seed, 4, d), density.mean])
    pairs = gaussian.log_density(z[:, None], density, space)
    torch.testing.assert_close(gaussian.log_densities(z, density, space), pairs, rtol=1e-9, atol=1e-8)


def test_samples_have_the_mean_and_spread_they_were_drawn_with(generator: torch.Generator) -> None:
    space, density = Lorentz(0.8), densities(3, 2, 3)
    z = gaussian.sample(density, 20_000, generator, space)
    v = space.unwrap(density.mean.expand_as(z), z)
    assert density.log_scale is not None
    torch.testing.assert_close(v.std(0), density.log_scale.exp(), rtol=0.03, atol=0)
    for k in range(2):
        assert float(space.dist_to(space.frechet_mean(z[:4000, k]), density.mean[k])) < 0.03


@pytest.mark.parametrize(("c", "d"), [(0.1, 2), (1.0, 2), (0.1, 8), (1.0, 8), (1.0, 32)])
def test_the_monte_carlo_kl_is_that_of_the_paper(c: float, d: int, generator: torch.Generator) -> None:
    first = densities(d, 1, d, 0.6 / math.sqrt(d), 0.2)[0]
    second = densities(d + 1, 1, d, 0.6 / math.sqrt(d), 0.35)[0]
    want, error = by_hand(first, second, c, 40_000)
    found, own = gaussian.kl(first, second, Lorentz(c), 40_000, generator)
    assert abs(float(found) - want) < 5 * math.hypot(error, float(own))
    assert float(own) == pytest.approx(error, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_fast_kl_and_its_gradients_are_those_of_the_samples(dtype: torch.dtype) -> None:
    space, d, count = Lorentz(0.7), 16, 5
    first, second = rows(densities(1, 6, d), dtype), rows(densities(2, 6, d), dtype)
    inputs = (first.mean, first.log_scale, second.mean, second.log_scale)
    found, _ = gaussian.kl(first, second, space, count, torch.Generator().manual_seed(4))
    noise = torch.randn(6, count, d, generator=torch.Generator().manual_seed(4), dtype=dtype).transpose(0, 1)
    assert first.log_scale is not None
    z = space.wrap(first.mean.expand_as(noise), noise * first.log_scale.exp())
    want = (gaussian.log_density(z, first, space) - gaussian.log_density(z, second, space)).mean(0)
    close = {"rtol": 2e-5, "atol": 2e-4} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(found, want, **close)
    for ours, theirs in zip(
        torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(want.sum(), inputs), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=close["atol"] * 50)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_item_against_its_copy_has_kl_zero_and_finite_gradients(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    for scale in (0.0, 0.3, 3.0):
        one = rows(densities(5, 4, 128, scale, 0.05), dtype)
        two = rows(densities(5, 4, 128, scale, 0.05), dtype)
        value, error = gaussian.kl(one, two, Lorentz(1.0), 8, generator)
        assert float(value.detach().abs().max()) < (0.05 if dtype == torch.float32 else 1e-9)
        assert float(error.max()) < (0.05 if dtype == torch.float32 else 1e-9)
        gradients = torch.autograd.grad(value.sum(), (one.mean, one.log_scale, two.mean, two.log_scale))
        assert all(bool(each.isfinite().all()) for each in gradients)
        surrogate = gaussian.kl_surrogate(one, two, Lorentz(1.0)).sum()
        assert all(
            bool(each.isfinite().all()) for each in torch.autograd.grad(surrogate, (one.mean, two.mean))
        )


def test_kl_of_concentric_densities_is_close_to_the_closed_form(generator: torch.Generator) -> None:
    """Half the scale about the same mean is `n (1/8 - 1/2 + ln 2)` apart: the volume cancels."""
    n = 32
    mean = points(1, 1, n, 0.1)
    narrow = Density(mean, torch.full((1, n), math.log(0.1), dtype=torch.float64))
    broad = Density(mean, torch.full((1, n), math.log(0.2), dtype=torch.float64))
    value, error = gaussian.kl(narrow, broad, Lorentz(1.0), 20_000, generator)
    want = n * (1 / 8 - 1 / 2 + math.log(2))
    assert abs(float(value) - want) < 5 * float(error)
    assert float(gaussian.kl_surrogate(narrow, broad, Lorentz(1.0))) == pytest.approx(want, rel=1e-12)


def test_the_surrogate_is_exact_without_curvature_and_low_with_it(generator: torch.Generator) -> None:
    first, second = densities(1, 1, 32, 0.1, 0.2), densities(2, 1, 32, 0.1, 0.35)
    flat = gaussian.kl_surrogate(first, second, Lorentz(1e-6))
    torch.testing.assert_close(flat, gaussian.kl_tangent(first, second), rtol=1e-4, atol=0)
    value, error = gaussian.kl(first, second, Lorentz(1.0), 5000, generator)
    assert float(gaussian.kl_surrogate(first, second, Lorentz(1.0))) < float(value - 5 * error)


def test_conditioned_densities_broadcast_against_one_row(generator: torch.Generator) -> None:
    images, texts = densities(1, 12, 4), densities(2, 4, 4)
    assert images.log_scale is not None
    conditioned = Density(images.mean.reshape(3, 4, 4), images.log_scale.reshape(3, 4, 4))
    value, error = gaussian.kl(conditioned, texts, Lorentz(1.0), 2000, generator)
    assert value.shape == (3, 4)
    alone, own = gaussian.kl(conditioned[1, 2], texts[2], Lorentz(1.0), 2000, generator)
    assert abs(float(value[1, 2] - alone)) < 5 * float(error[1, 2] + own)


def test_coverage_of_itself_is_the_mass_and_of_a_far_one_nothing(generator: torch.Generator) -> None:
    space, density = Lorentz(1.0), densities(1, 3, 6)
    for mass in (0.5, 0.9, 0.95):
        found = gaussian.coverage(density, density, space, 20_000, generator, mass)
        assert float((found - mass).abs().max()) < 0.015
    assert density.log_scale is not None
    narrow = Density(density.mean, density.log_scale - 3)
    assert bool((gaussian.coverage(narrow, density, space, 100, generator) == 1).all())
    apart = Density(density.mean + 30, density.log_scale)
    assert bool((gaussian.coverage(apart, density, space, 100, generator) == 0).all())


def test_coverage_counts_the_samples_in_the_region(generator: torch.Generator) -> None:
    space, first, second = Lorentz(0.6), densities(1, 1, 3)[0], densities(2, 1, 3)[0]
    z = gaussian.sample(first, 50_000, generator, space)
    v = space.unwrap(second.mean.expand_as(z), z)
    assert second.log_scale is not None
    inside = (v / second.log_scale.exp()).square().sum(-1) <= scipy.stats.chi2.ppf(0.95, 3)
    found = gaussian.coverage(first, second, space, 50_000, generator)
    assert float(found) == pytest.approx(float(inside.double().mean()), abs=0.015)


def test_overlap_is_the_integral_in_the_plane(generator: torch.Generator) -> None:
    space, first, second = Lorentz(1.0), densities(1, 1, 2)[0], densities(2, 1, 2)[0]
    line = torch.linspace(-1, 1, 601, dtype=torch.float64)
    cells = torch.cartesian_prod(line, line)
    cells = cells[cells.square().sum(-1) < 0.9999]
    area = (2 / (1 - cells.square().sum(-1))) ** 2 * float(line[1] - line[0]) ** 2
    z = disk.from_disk(cells, 1.0)
    logs = gaussian.log_density(z, first, space) + gaussian.log_density(z, second, space)
    want = float(((logs / 2).exp() * area).sum())
    found = float(gaussian.overlap(first, second, space, 20_000, generator))
    assert found == pytest.approx(want, abs=0.01)
    assert float(gaussian.overlap(first, first, space, 10, generator)) == pytest.approx(1)
    assert found == pytest.approx(float(gaussian.overlap(second, first, space, 20_000, generator)), abs=0.01)


def test_the_flat_kl_is_that_of_torch() -> None:
    first, second = densities(1, 3, 5), densities(2, 3, 5)
    assert first.log_scale is not None
    assert second.log_scale is not None
    one = torch.distributions.Normal(first.mean, first.log_scale.exp())
    two = torch.distributions.Normal(second.mean, second.log_scale.exp())
    want = torch.distributions.kl_divergence(one, two).sum(-1)
    torch.testing.assert_close(gaussian.kl_tangent(first, second), want)


def test_the_alpha_divergence_is_its_integral() -> None:
    first = Density(
        torch.tensor([0.3], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64).log() / 2
    )
    second = Density(
        torch.tensor([-0.2], dtype=torch.float64), torch.tensor([1.3], dtype=torch.float64).log() / 2
    )
    x = np.linspace(-15, 15, 400_001)
    one, two = scipy.stats.norm(0.3, 0.5**0.5).pdf(x), scipy.stats.norm(-0.2, 1.3**0.5).pdf(x)
    for alpha in (0.25, 0.6):
        want = np.log((one**alpha * two ** (1 - alpha)).sum() * (x[1] - x[0])) / (alpha * (alpha - 1))
        assert float(gaussian.alpha_divergence(first, second, alpha)) == pytest.approx(want, abs=1e-6)


def test_the_alpha_divergence_tends_to_the_kl() -> None:
    first, second = densities(1, 3, 5), densities(2, 3, 5)
    near = gaussian.alpha_divergence(first, second, 1 - 1e-6)
    torch.testing.assert_close(near, gaussian.kl_tangent(first, second), rtol=1e-4, atol=1e-4)


def test_the_mass_lies_in_a_shell_of_the_stated_radius(generator: torch.Generator) -> None:
    space = Lorentz(1.0)
    for d, ratio in ((2, 0.886), (32, 0.992), (512, 1.0)):
        density = Density(torch.zeros(1, d), torch.full((1, d), math.log(1 / math.sqrt(d))))
        radii = space.root_dist(gaussian.sample(density, 4000, generator, space))
        assert float(radii.mean() / gaussian.radius(density)) == pytest.approx(ratio, abs=0.02)


@pytest.mark.parametrize("d", [1, 2, 5, 128, 512])
def test_chi_square_quantiles_are_those_of_scipy(d: int) -> None:
    for mass in (0.01, 0.5, 0.95, 0.999):
        assert gaussian.chi_square(mass, d) == pytest.approx(scipy.stats.chi2.ppf(mass, d), rel=1e-9)


def test_entropy_grows_by_the_log_of_the_scale() -> None:
    density = densities(1, 2, 4)
    assert density.log_scale is not None
    wider = Density(density.mean, density.log_scale + math.log(3))
    torch.testing.assert_close(
        gaussian.entropy(wider) - gaussian.entropy(density), torch.full((2,), 4 * math.log(3.0)).double()
    )


def test_what_makes_no_sense_is_refused(generator: torch.Generator) -> None:
    density, point, space = densities(1, 2, 3), Density(points(1, 2, 3)), Lorentz(1.0)
    with pytest.raises(ValueError, match="no spread"):
        gaussian.sample(point, 3, generator, space)
    with pytest.raises(ValueError, match="at least 2"):
        gaussian.kl(density, density, space, 1, generator)
    with pytest.raises(ValueError, match="strictly"):
        gaussian.alpha_divergence(density, density, 1.0)
    with pytest.raises(ValueError, match="strictly"):
        gaussian.coverage(density, density, space, 2, generator, 1.0)
