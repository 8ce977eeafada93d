"""The sphere: angles, cosines and their gradients."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import points

from medvis.geometry.euclid import Sphere


@given(st.integers(0, 1000))
def test_the_angle_is_a_metric_with_the_cosine_as_score(seed: int) -> None:
    x = points(seed, 5, 3)
    angle = Sphere().dist(x, x)
    torch.testing.assert_close(angle, angle.T)
    assert bool((angle.diagonal() < 1e-7).all())
    torch.testing.assert_close(angle.cos(), Sphere().score(x, x))
    for k in range(5):
        assert bool((angle <= angle[:, k : k + 1] + angle[k : k + 1] + 1e-7).all())


def test_angles_of_the_axes() -> None:
    x = torch.tensor([[2.0, 0], [0, 3], [-1, 0], [1, 1]])
    want = torch.tensor([[0, 0.5, 1, 0.25]]) * math.pi
    torch.testing.assert_close(Sphere().dist(x[:1], x), want)


def test_near_directions_keep_their_angle_in_float32() -> None:
    x = torch.tensor([[1.0, 0.0]])
    y = torch.tensor([[1.0, 1e-4]])
    torch.testing.assert_close(Sphere().dist(x, y), torch.tensor([[1e-4]]), rtol=1e-6, atol=0)


def test_gradients_are_finite_for_copies_opposites_and_zero() -> None:
    x = torch.tensor([[1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]], requires_grad=True)
    total = Sphere().dist(x, x).sum() + Sphere().score(x, x).sum()
    (gradient,) = torch.autograd.grad(total, x)
    assert bool(gradient.isfinite().all())
    assert bool((Sphere().normalise(x)[1] == 0).all())
    torch.testing.assert_close(Sphere().normalise(x)[0].detach().norm(), torch.tensor(1.0))
