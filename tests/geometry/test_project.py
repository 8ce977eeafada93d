"""The projection: the drawn radius is the model's, contours are slices, distortion is told."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import points

from medvis.geometry import disk
from medvis.geometry.lorentz import Lorentz
from medvis.geometry.project import Angles
from medvis.types import Density


@given(st.integers(0, 1000), st.sampled_from([0.1, 1.0, 2.5]), st.floats(0.01, 2.0))
def test_the_drawn_radius_is_the_distance_to_the_root(seed: int, c: float, spread: float) -> None:
    space, x = Lorentz(c), points(seed, 20, 16, spread)
    angles = Angles.fit(x, space)
    drawn = angles.disk(x.float())
    d0 = 2 * drawn.norm(dim=-1).atanh() / math.sqrt(c)
    torch.testing.assert_close(d0, space.root_dist(x.float()).double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(disk.to_disk(angles.lifted(x), c), angles.disk(x), rtol=1e-9, atol=1e-12)


def test_points_of_a_plane_are_drawn_without_distortion() -> None:
    space, flat = Lorentz(1.3), points(1, 30, 2)
    frame = torch.linalg.qr(points(2, 2, 10).T)[0]
    x = flat @ frame.T
    angles = Angles.fit(x, space)
    assert angles.kept == pytest.approx(1)
    assert angles.distortion(x) < 1e-9
    torch.testing.assert_close(angles.fidelity(x), torch.ones(30).double())
    torch.testing.assert_close(
        space.dist(angles.lifted(x), angles.lifted(x)), space.dist(flat, flat), rtol=1e-8, atol=1e-9
    )


def test_the_plane_is_orthonormal_and_keeps_the_largest_share() -> None:
    space = Lorentz(1.0)
    x = points(3, 200, 6) * torch.tensor([0.1, 2.0, 0.1, 1.0, 0.1, 0.1]).double()
    angles = Angles.fit(x, space)
    torch.testing.assert_close(angles.plane.T @ angles.plane, torch.eye(2).double())
    assert angles.plane.abs().argmax(0).tolist() == [1, 3]
    assert bool((angles.plane.gather(0, angles.plane.abs().argmax(0)[None]) > 0).all())
    tangent = space.log0(x)
    want = (tangent @ angles.plane).square().sum() / tangent.square().sum()
    assert angles.kept == pytest.approx(float(want))
    assert 0.9 < angles.kept < 1


def test_points_at_the_root_and_off_the_plane_are_drawn() -> None:
    space = Lorentz(1.0)
    angles = Angles(torch.eye(3, 2, dtype=torch.float64), 1.0, space)
    x = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    drawn = angles.disk(x)
    assert drawn[0].tolist() == [0, 0]
    radius = math.tanh(math.asinh(1) / 2)
    torch.testing.assert_close(drawn[1:], torch.tensor([[radius, 0], [0, radius]]).double())
    assert angles.fidelity(x).tolist() == [1, 0, 1]


def test_a_slice_is_the_conditional_of_the_density() -> None:
    """The inverse covariance of a Gaussian given that it is in a plane is the inverse seen in that plane."""
    space = Lorentz(1.0)
    density = Density(points(1, 4, 5), points(2, 4, 5) - 1)
    angles = Angles.fit(points(3, 50, 5), space)
    found = angles.slice_covariance(density)
    assert density.log_scale is not None
    for k in range(4):
        precision = torch.diag((-2 * density.log_scale[k]).exp())
        ahead = angles.direction(density.mean[k : k + 1])[0]
        aside = torch.stack([-ahead[1], ahead[0]])
        frame = torch.stack([density.mean[k] / density.mean[k].norm(), angles.plane @ aside], -1)
        torch.testing.assert_close(frame.T @ frame, torch.eye(2).double())
        turned = frame @ torch.stack([ahead, aside])  # from the drawing's axes to the tangent space
        for angle in (0.0, 0.8, 2.0):
            v = torch.tensor([math.cos(angle), math.sin(angle)]).double()
            true = (turned @ v) @ precision @ (turned @ v)
            torch.testing.assert_close(v @ torch.linalg.inv(found[k]) @ v, true)


def test_an_isotropic_density_has_an_isotropic_slice_wherever_it_is() -> None:
    space = Lorentz(1.0)
    mean = torch.cat([torch.zeros(1, 4), points(1, 3, 4)]).double()
    mean = torch.cat([mean, torch.tensor([[0.0, 0, 0, 2.0]]).double()])
    angles = Angles(torch.eye(4, 2, dtype=torch.float64), 1.0, space)
    found = angles.slice_covariance(Density(mean, torch.full((5, 4), math.log(0.3)).double()))
    torch.testing.assert_close(found, (0.09 * torch.eye(2)).double().expand(5, 2, 2))


def test_a_slice_of_a_density_of_the_plane_is_the_density() -> None:
    """Outlines drawn from the slice are those of the density itself if the space is the plane."""
    space = Lorentz(0.6)
    density = Density(torch.tensor([[0.9, -0.4]]).double(), torch.tensor([[0.6, 0.2]]).double().log())
    angles = Angles(torch.eye(2, dtype=torch.float64), 1.0, space)
    torch.testing.assert_close(angles.lifted(density.mean), density.mean)
    want = torch.diag(torch.tensor([0.36, 0.04]).double())[None]
    torch.testing.assert_close(angles.slice_covariance(density), want, rtol=1e-6, atol=1e-8)


def test_the_mean_distortion_is_told() -> None:
    space = Lorentz(1.0)
    angles = Angles(torch.eye(3, 2, dtype=torch.float64), 1.0, space)
    # A quarter turn apart at one radius, but one is off the plane: they are drawn at one place.
    x = space.exp0(torch.tensor([[0.0, 0, 1], [1, 0, 0]]).double())
    assert angles.distortion(x) == pytest.approx(1)
    assert angles.distortion(x[:1]) == 0
    many = points(1, 1300, 3)
    assert angles.distortion(many) == pytest.approx(angles.distortion(many[::3]), rel=1e-12)


def test_a_plane_needs_points_of_two_dimensions() -> None:
    for x in (torch.zeros(0, 3), torch.zeros(4, 1)):
        with pytest.raises(ValueError, match="two dimensions"):
            Angles.fit(x, Lorentz(1.0))
    assert Angles.fit(torch.zeros(3, 4), Lorentz(1.0)).kept == 1
