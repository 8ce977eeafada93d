"""The formulas of the papers as they stand, in float64 and d+1 coordinates: what ours is held against."""

import mpmath
import numpy as np
import torch

from medvis.geometry.lorentz import Lorentz


def inner(x, y):
    return (x[..., 1:] * y[..., 1:]).sum(-1) - x[..., 0] * y[..., 0]


def root(d, c):
    return np.r_[1 / np.sqrt(c), np.zeros(d)]


def lift(xs, c):
    return np.concatenate([np.sqrt(1 / c + (xs**2).sum(-1, keepdims=True)), xs], -1)


def exp(mu, v, c):
    a = np.sqrt(c * np.maximum(inner(v, v), 1e-30))[..., None]
    return np.cosh(a) * mu + np.sinh(a) / a * v


def log(mu, z, c):
    a = np.maximum(-c * inner(mu, z), 1 + 1e-15)
    return (np.arccosh(a) / np.sqrt(a**2 - 1))[..., None] * (z - a[..., None] * mu)


def dist(x, y, c):
    return np.arccosh(np.maximum(-c * inner(x, y), 1)) / np.sqrt(c)


def transport(v, mu, nu, c):
    a = -c * inner(mu, nu)
    return v + (c * inner(nu, v) / (1 + a))[..., None] * (mu + nu)


def from_root(v, mu, c):
    s = (mu[..., 1:] * v).sum(-1, keepdims=True)
    return np.concatenate([np.sqrt(c) * s, v + c * s / (1 + np.sqrt(c) * mu[..., :1]) * mu[..., 1:]], -1)


def to_root(u, mu, c):
    return transport(u, mu, np.broadcast_to(root(mu.shape[-1] - 1, c), mu.shape), c)[..., 1:]


def log_density(z, mu, covariance, c):
    d = mu.shape[-1] - 1
    mu = np.broadcast_to(mu, z.shape)
    v = to_root(log(mu, z, c), mu, c)
    r = np.sqrt(c) * np.maximum(np.linalg.norm(v, axis=-1), 1e-12)
    square = np.einsum("...i,ij,...j", v, np.linalg.inv(covariance), v)
    normal = -0.5 * (square + d * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1])
    return normal - (d - 1) * np.log(np.sinh(r) / r)


def exterior(x, y, c):
    a = c * inner(x, y)
    return np.arccos((y[0] + x[0] * a) / (np.linalg.norm(x[1:]) * np.sqrt(a**2 - 1)))


def points(seed: int, count: int, d: int, spread: float = 0.7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, d, generator=generator, dtype=torch.float64) * spread


def at(
    radius: float, apart: float | None, d: int, seed: int, space: Lorentz
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two points, the first at a radius, the second so far from it (anywhere below that radius for None)."""
    generator = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, d, generator=generator, dtype=torch.float64)
    x = space.exp0(u * radius / u.norm())
    if apart is None:
        return x, space.exp0(v * radius * float(torch.rand(1, generator=generator)) / v.norm())
    return x, space.wrap(x, v * apart / v.norm())


def true_distance(x: torch.Tensor, y: torch.Tensor, curv: float) -> mpmath.mpf:
    with mpmath.workdps(50):
        xs, ys = ([mpmath.mpf(v) for v in each.double().tolist()] for each in (x, y))
        c = mpmath.mpf(curv)
        times = [mpmath.sqrt(1 / c + mpmath.fsum(v * v for v in each)) for each in (xs, ys)]
        cosh = c * (times[0] * times[1] - mpmath.fsum(a * b for a, b in zip(xs, ys, strict=True)))
        return mpmath.acosh(max(mpmath.mpf(1), cosh)) / mpmath.sqrt(c)
