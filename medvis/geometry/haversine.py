"""Distances of unit curvature by `cosh d − 1`, exact for near and for far pairs.

With `X` the space components of a point at distance `r` from the root, `|X| = sinh r`, and
`cosh d − 1 = 2 sinh²(d/2) = 2 sinh²((r−s)/2) + |X||Y||u−v|²/2` with `u = X/|X|` (hyperbolic law of cosines in
its haversine form). Far pairs take it from one matmul; where that cancels, from exact differences of
the points.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

# A pair is near if cosh d − 1 < NEAR |X||Y|: beyond that a matmul's rounding costs at most 1e-6 in float32,
# 1e-11 in float64. A float64 matmul that only has to serve float32 may go much nearer.
_NEAR = {torch.float32: 0.16, torch.float64: 1e-3}
_NEAR_FOR_FLOAT32 = 1e-6
_ROWS, _COLUMNS = 64, 4096  # a tile stays in the cache
_TINY = 1e-30  # stands for the length of a row at the root, which has no near pair but itself
_FEW = 256  # below one near pair in so many, gathering them is cheaper than a float64 tile


def lift(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Return the time component, `cosh r`."""
    return (1 + x.square().sum(-1)).sqrt()


def length(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Return the Euclidean length, with gradient 0 at 0."""
    size: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return size


def rise(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Return `cosh r − 1` without cancellation."""
    return _rise(x.square().sum(-1))


def versine(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Return `cosh d − 1` of points side by side."""
    high, low = rise(x), rise(y)
    far = high + low + high * low - (x * y).sum(-1)
    near = far < _NEAR[torch.float32] * length(x) * length(y)
    keep = near[..., None]
    # The other branch must stay finite too, or its gradient (0 times infinity) would spoil this one.
    exact = _near(torch.where(keep, x, 1.0), torch.where(keep, y, 1.0))
    return torch.where(near, exact, far)


def arc(versine: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Return the distance `arccosh(1 + versine)`, with gradient 0 where it is 0."""
    apart = versine > 0
    safe = torch.where(apart, versine, 1.0)
    # torch's acosh is ten times slower than log1p and sqrt, and cancels for small distances.
    return torch.where(apart, torch.log1p(safe + (safe * (safe + 2)).sqrt()), 0.0)


def arc_ratio(versine: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Return `d / sinh d` of the distance with this `cosh d − 1`; smooth, 1 at 0."""
    small = versine < 1e-4
    t = torch.where(small, versine, 0.0)
    series = 1 - t * (1 / 3 - t * (2 / 15 - t * (2 / 35)))
    safe = torch.where(small, 1.0, versine)
    sinh = (safe * (safe + 2)).sqrt()
    return torch.where(small, series, torch.log1p(safe + sinh) / sinh)


def sinh_ratio(square: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Return `sinh r / r` from `r²`; smooth, 1 at 0."""
    small = square < 1e-2
    q = torch.where(small, square, 0.0)
    series = 1 + q / 6 * (1 + q / 20 * (1 + q / 42 * (1 + q / 72)))
    r = torch.where(small, 1.0, square).sqrt()
    return torch.where(small, series, r.sinh() / r)


def log_sinh_ratio(square: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Return `ln(sinh r / r)` from `r²`; finite for any radius."""
    small = square < 1e-2
    q = torch.where(small, square, 0.0)
    series = q / 6 * (1 - q / 30 * (1 - q * (4 / 63) * (1 - q * 3 / 40)))
    r = torch.where(small, 1.0, square).sqrt()
    return torch.where(small, series, r + torch.log1p(-(-2 * r).exp()) - (2 * r).log())


def asinh_ratio(square: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Return `arcsinh(x) / x` from `x²`; smooth, 1 at 0."""
    small = square < 1e-3
    q = torch.where(small, square, 0.0)
    series = 1 - q * (1 / 6 - q * (3 / 40 - q * (15 / 336 - q * (105 / 3456))))
    safe = torch.where(small, 1.0, square)
    x = safe.sqrt()
    return torch.where(small, series, torch.log1p(x + _rise(safe)) / x)


def distances(
    x: Float[Tensor, "q d"], y: Float[Tensor, "g d"], root_curv: Float[Tensor, ""]
) -> Float[Tensor, "q g"]:
    """Return the distance of every pair, where `root_curv` is the square root of the curvature.

    Relative error below 1e-6 from float32 (1e-11 from float64) for radii up to 7 and distances down to
    1e-3. Where a gradient is wanted, all of it is float64 inside; otherwise float32 input is worked through
    in tiles, and only near pairs, or tiles with many of them, are.
    """
    if torch.is_grad_enabled() and (x.requires_grad or y.requires_grad or root_curv.requires_grad):
        scale = root_curv.double()
        return (arc(_versines(x.double(), y.double(), scale, _threshold(x))) / scale).to(x.dtype)
    out = x.new_empty(len(x), len(y))
    for columns in range(0, len(y), _COLUMNS):
        some = y[columns : columns + _COLUMNS]
        for rows in range(0, len(x), _ROWS):
            tile = _tile(x[rows : rows + _ROWS], some, root_curv)
            root = (tile + 2).mul_(tile).sqrt_()
            place = out[rows : rows + _ROWS, columns : columns + _COLUMNS]
            torch.log1p(root.add_(tile), out=place).div_(root_curv.to(x))
    return out


def _rise(square: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    return square / (1 + (1 + square).sqrt())


def _threshold(x: Float[Tensor, "q d"]) -> float:
    return _NEAR_FOR_FLOAT32 if x.dtype == torch.float32 else _NEAR[torch.float64]


def _near(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Return `cosh d − 1` by differences; both points must be off the root."""
    gap, total = x - y, x + y
    r, s = length(x), length(y)
    climb = (gap * total).sum(-1) / (r + s)  # |X| − |Y|
    sinh = climb * (r + s) / (r * lift(y) + s * lift(x))  # sinh(r − s)
    aside = gap - y * (climb / s)[..., None]  # |X|(u − v)
    return sinh.square() / (1 + (1 + sinh.square()).sqrt()) + aside.square().sum(-1) * s / (2 * r)


def _product(
    x: Float[Tensor, "q d"], y: Float[Tensor, "g d"], scale: Float[Tensor, ""], r: Float[Tensor, "q 1"]
) -> tuple[Float[Tensor, "q g"], Float[Tensor, " g"]]:
    """Return `(cosh d − 1) / r` by a matmul, for any r above 0 a row, and the lengths of the columns."""
    s = length(y) * scale
    high, low = _rise((x * scale).square().sum(-1, keepdim=True)), _rise(s.square())
    return torch.addmm(
        torch.addcmul(high / r, (1 + high) / r, low), x * (scale.square() / r), y.T, alpha=-1
    ), s


def _versines(
    x: Float[Tensor, "q d"], y: Float[Tensor, "g d"], scale: Float[Tensor, ""], near: float
) -> Float[Tensor, "q g"]:
    far, s = _product(x, y, scale, torch.ones_like(x[:, :1]))
    with torch.no_grad():
        i, j = _positive(torch.outer(near * length(x) * scale, s).sub_(far))
    return far.index_put((i, j), _near(x[i] * scale, y[j] * scale)) if len(i) else far


def _tile(
    x: Float[Tensor, "q d"], y: Float[Tensor, "g d"], root_curv: Float[Tensor, ""]
) -> Float[Tensor, "q g"]:
    near, single = _NEAR[x.dtype], root_curv.to(x)
    r = (length(x) * single).clamp_min(_TINY)[:, None]
    share, s = _product(x, y, single, r)
    # Over its row's length a pair is near by its column's alone: the least of a column tells if it has any.
    (few,) = (share.amin(0) < near * s).nonzero(as_tuple=True) if share.numel() else (s.new_empty(0),)
    far = share.mul_(r)
    if not len(few):
        return far
    i, j = _positive(torch.outer(near * r[:, 0], s[few]).sub_(far[:, few]))
    # Scaling near points in float32 would already round away what they differ by.
    scale = root_curv.double()
    if len(i) * _FEW > far.numel() and x.dtype == torch.float32:
        return _versines(x.double(), y.double(), scale, _NEAR_FOR_FLOAT32).float()
    for a, b in zip(torch.split(i, _COLUMNS), torch.split(few[j], _COLUMNS), strict=True):
        far[a, b] = _near(x[a].double() * scale, y[b].double() * scale).to(far.dtype)
    return far


def _positive(bound: Float[Tensor, "q g"]) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """Return where it is above 0; the maximum alone is twenty times cheaper and usually enough."""
    if bound.numel() and bound.amax() > 0:
        i, j = (bound > 0).nonzero(as_tuple=True)
        return i, j
    none = torch.empty(0, dtype=torch.long, device=bound.device)
    return none, none
