"""The disk: its maps, geodesics and circles, its moves, and outlines that hold their mass."""

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

MEAN = torch.tensor([0.9, -0.4], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.5, 0.18], [0.18, 0.12]], dtype=torch.float64)


def inside(seed: int, count: int, rim: float = 0.95) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    angle, radius = torch.rand(2, count, generator=generator, dtype=torch.float64)
    return rim * radius.sqrt()[:, None] * torch.stack([(7 * angle).cos(), (7 * angle).sin()], -1)


def disk_distance(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """The distance of the paper, in units of 1/sqrt(c)."""
    lost = (1 - p.square().sum(-1)) * (1 - q.square().sum(-1))
    return (1 + 2 * (p - q).square().sum(-1) / lost).acosh()


@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 2.5]), st.floats(0.01, 4))
def test_to_the_disk_and_back(seed: int, c: float, spread: float) -> None:
    x = points(seed, 5, 3, spread)
    p = disk.to_disk(x, c)
    np.testing.assert_allclose(
        p, math.sqrt(c) * x.numpy() / (1 + math.sqrt(c) * naive.lift(x.numpy(), c)[:, :1])
    )
    torch.testing.assert_close(disk.from_disk(p, c), x, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(disk.from_klein(disk.to_klein(p)), p, rtol=1e-9, atol=1e-12)
    klein = naive.lift(x.numpy(), c)
    np.testing.assert_allclose(disk.to_klein(p), klein[:, 1:] / klein[:, :1], atol=1e-12)
    space = Lorentz(c)
    want = space.dist_to(x[0], x[1]) * math.sqrt(c)
    torch.testing.assert_close(disk_distance(p[0], p[1]), want, rtol=1e-6, atol=1e-7)


def test_the_exponential_at_the_root_has_half_the_angle_of_its_length() -> None:
    v, c = torch.tensor([[1.2, -0.5]], dtype=torch.float64), 2.5
    r = math.sqrt(c) * float(v.norm())
    torch.testing.assert_close(disk.to_disk(Lorentz(c).exp0(v), c), v / v.norm() * math.tanh(r / 2))


def test_a_ring_passes_through_the_points_at_its_distance() -> None:
    for c in (0.1, 1.0, 2.5):
        for d0 in (0.5, 1.0, 2.0, 5.0):
            x = Lorentz(c).exp0(torch.tensor([0.6, 0.8], dtype=torch.float64) * d0)
            assert float(disk.to_disk(x, c).norm()) == pytest.approx(disk.ring(math.sqrt(c) * d0), rel=1e-12)


def test_a_point_on_the_rim_is_refused() -> None:
    rim = torch.tensor([1.0, 0.0])
    with pytest.raises(ValueError, match="below 1"):
        disk.from_disk(rim, 1.0)
    with pytest.raises(ValueError, match="inside the disk"):
        disk.Moebius.move(rim)


@given(st.integers(0, 10_000))
def test_a_move_is_an_isometry_that_centres_its_point(seed: int) -> None:
    p = inside(seed, 6)
    move = disk.Moebius.move(p[0]).then(disk.Moebius.rotation(0.7))
    moved = move.apply(p)
    assert float(moved[0].norm()) < 1e-12
    torch.testing.assert_close(
        disk_distance(moved[1:3], moved[3:5]), disk_distance(p[1:3], p[3:5]), rtol=1e-7, atol=1e-8
    )
    torch.testing.assert_close(move.inverse().apply(moved), p, rtol=0, atol=1e-11)


def test_a_rotation_turns_anticlockwise() -> None:
    turned = disk.Moebius.rotation(math.pi / 2).apply(torch.tensor([[0.5, 0.0]], dtype=torch.float64))
    torch.testing.assert_close(turned, torch.tensor([[0.0, 0.5]], dtype=torch.float64))


def test_moves_are_applied_in_the_order_they_are_told() -> None:
    p = inside(1, 3)
    one, two = disk.Moebius.move(p[0]), disk.Moebius.rotation(1.0)
    torch.testing.assert_close(one.then(two).apply(p), two.apply(one.apply(p)))
    assert not torch.allclose(one.then(two).apply(p), one.apply(two.apply(p)))


def test_a_thousand_drags_and_back_deform_nothing() -> None:
    p = inside(2, 50, 0.9)
    view, drags = disk.Moebius.rotation(0.0), []
    for goal in inside(3, 1000, 0.9):  # each drag brings another place of the map to the centre
        drags.append(disk.Moebius.move(view.apply(goal[None])[0]))
        view = view.then(drags[-1])
    moved = view.apply(p)
    assert float((disk_distance(moved[1:], moved[:-1]) - disk_distance(p[1:], p[:-1])).abs().max()) < 1e-9
    for drag in reversed(drags):
        view = view.then(drag.inverse())
    assert float((view.apply(p) - p).abs().max()) < 1e-9


def test_a_walk_without_end_stays_a_move() -> None:
    view = disk.Moebius.rotation(0.0)
    for step in inside(4, 2000, 0.5):
        view = view.then(disk.Moebius.move(step))
        assert bool((view.apply(inside(2, 3)).norm(dim=-1) <= 1 + 1e-12).all())


def test_a_geodesic_has_equal_steps_and_is_straight_on_the_klein_disk() -> None:
    p, q = inside(4, 2, 0.99)
    path = disk.geodesic(p, q, 33)
    steps = disk_distance(path[:-1], path[1:])
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=1e-6, atol=1e-8)
    assert float(steps.sum()) == pytest.approx(float(disk_distance(p, q)), rel=1e-8)
    klein = disk.to_klein(path)
    chord = klein[-1] - klein[0]
    off = (klein[:, 0] - klein[0, 0]) * chord[1] - (klein[:, 1] - klein[0, 1]) * chord[0]
    assert float(off.abs().max()) < 1e-10
    torch.testing.assert_close(disk.geodesic(p, p, 5), p.expand(5, 2))


@pytest.mark.parametrize("radius", [0.2, 1.1, 3.0])
def test_a_geodesic_circle_is_drawn_as_a_circle(radius: float) -> None:
    p = inside(5, 1)[0]
    angle = torch.linspace(0, 2 * math.pi, 50, dtype=torch.float64)
    around = math.tanh(radius / 2) * torch.stack([angle.cos(), angle.sin()], -1)
    true = disk.Moebius.move(p).inverse().apply(around)
    centre, drawn = disk.circle(p, radius)
    torch.testing.assert_close(
        (true - centre).norm(dim=-1), torch.full((50,), drawn, dtype=torch.float64), rtol=0, atol=1e-9
    )
    torch.testing.assert_close(
        disk_distance(p.expand(50, 2), true), torch.full((50,), radius).double(), rtol=1e-6, atol=0
    )


def crossings(outline: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Whether points are inside a closed polyline, by the parity of crossings."""
    a, b = outline, outline.roll(-1, 0)
    x, y = p[:, :1], p[:, 1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    at = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    return (spans & (x < at)).sum(-1) % 2 == 1


def plane_samples(covariance: torch.Tensor, curv: float, count: int = 15_000) -> torch.Tensor:
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    v = noise @ torch.linalg.cholesky(covariance).T
    return disk.to_disk(Lorentz(curv).wrap(MEAN.expand_as(v), v), curv)


@pytest.mark.parametrize("outline", [disk.credible_outline, disk.isodensity_outline])
@pytest.mark.parametrize("mass", [0.5, 0.9, 0.95])
def test_an_outline_holds_its_mass(outline: object, mass: float) -> None:
    for curv in (0.3, 1.0, 2.5):
        line = outline(MEAN, COVARIANCE, curv, mass, 256)  # type: ignore[operator]
        assert float(line.norm(dim=-1).max()) < 1
        held = crossings(line, plane_samples(COVARIANCE, curv)).double().mean()
        assert float(held) == pytest.approx(mass, abs=0.01)


def log_density_along(outline: torch.Tensor, covariance: torch.Tensor, curv: float) -> np.ndarray:
    z = naive.lift(disk.from_disk(outline, curv).numpy(), curv)
    return naive.log_density(z, naive.lift(MEAN.numpy(), curv), covariance.numpy(), curv)


def test_the_isodensity_line_has_one_density_and_the_credible_one_only_if_isotropic() -> None:
    for curv in (0.4, 1.0):
        assert (
            np.ptp(log_density_along(disk.isodensity_outline(MEAN, COVARIANCE, curv, 0.9), COVARIANCE, curv))
            < 1e-6
        )
    assert np.ptp(log_density_along(disk.credible_outline(MEAN, COVARIANCE, 1.0, 0.9), COVARIANCE, 1.0)) > 0.3
    round_one = 0.3 * torch.eye(2, dtype=torch.float64)
    assert np.ptp(log_density_along(disk.credible_outline(MEAN, round_one, 1.0, 0.9), round_one, 1.0)) < 1e-9
    lines = [each(MEAN, round_one, 1.0, 0.9) for each in (disk.credible_outline, disk.isodensity_outline)]
    torch.testing.assert_close(*lines, rtol=0, atol=1e-9)


def test_an_isotropic_outline_is_a_geodesic_circle() -> None:
    for curv in (0.4, 1.0):
        line = disk.credible_outline(MEAN, 0.3 * torch.eye(2, dtype=torch.float64), curv, 0.95)
        radius = math.sqrt(0.3 * scipy.stats.chi2.ppf(0.95, 2) * curv)
        centre, drawn = disk.circle(disk.to_disk(MEAN, curv), radius)
        assert float(((line - centre).norm(dim=-1) - drawn).abs().max()) < 1e-9


def test_an_outline_is_not_an_ellipse_of_the_drawing() -> None:
    line = disk.credible_outline(MEAN, COVARIANCE, 1.0, 0.9, 400).numpy()
    terms = np.c_[line[:, 0] ** 2, line[:, 0] * line[:, 1], line[:, 1] ** 2, line]
    best = np.linalg.lstsq(terms, np.ones(len(line)), rcond=None)[0]
    assert np.std(terms @ best - 1) > 0.05


@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.95]))
def test_the_outline_of_a_moved_density_is_the_moved_outline(seed: int, mass: float) -> None:
    """A boost of the hyperboloid is a move of the disk; it turns the frame, and the covariance with it."""
    curv, space = 0.7, Lorentz(0.7)
    target = points(seed, 1, 2)[0]
    line = disk.credible_outline(MEAN, COVARIANCE, curv, mass)
    moved = disk.Moebius.move(disk.to_disk(target, curv)).apply(line)
    matrix = space.boost(target)
    mean = space.apply(matrix, MEAN[None])[0]
    corners = torch.eye(2, dtype=torch.float64)
    ends = space.apply(matrix, space.wrap(MEAN.expand(2, 2), corners))
    turn = space.unwrap(mean.expand(2, 2), ends).T  # columns: where the frame's axes went
    own = disk.credible_outline(mean, turn @ COVARIANCE @ turn.T, curv, mass)
    # The same curve, cornered elsewhere: taken back, every corner is at the squared length of the mass.
    back = disk.Moebius.move(disk.to_disk(target, curv)).inverse().apply(own)
    seen = space.unwrap(MEAN.expand_as(back), disk.from_disk(back, curv))
    square = (seen @ torch.linalg.inv(COVARIANCE) * seen).sum(-1)
    assert float((square / scipy.stats.chi2.ppf(mass, 2) - 1).abs().max()) < 1e-8
    direct = disk.to_disk(space.apply(matrix, disk.from_disk(line, curv)), curv)
    assert float((moved - direct).abs().max()) < 1e-9


def test_an_outline_of_no_mass_is_refused() -> None:
    for outline in (disk.credible_outline, disk.isodensity_outline):
        with pytest.raises(ValueError, match="strictly"):
            outline(MEAN, COVARIANCE, 1.0, 1.0)


def test_outline_and_density_are_of_one_distribution(generator: torch.Generator) -> None:
    """The lowest log density of the 50 % highest-density samples is the density along the 50 % line."""
    density = Density(MEAN[None], torch.tensor([[0.5, 0.25]], dtype=torch.float64).log())
    z = gaussian.sample(density, 40_000, generator, Lorentz(1.0))[:, 0]
    level = gaussian.log_density(z, density, Lorentz(1.0)).quantile(0.5)
    line = disk.isodensity_outline(MEAN, torch.diag(torch.tensor([0.25, 0.0625]).double()), 1.0, 0.5)
    along = gaussian.log_density(disk.from_disk(line, 1.0), density, Lorentz(1.0))
    torch.testing.assert_close(along, level.expand_as(along), rtol=0, atol=0.02)
