"""One query against a whole gallery: a fast rounded scan, and the proof that its best are the true best.

A float32 scan keeps 400 vectors, float64 ranks them anew. A bound on the scan's rounding error then proves
that nothing better was lost. Far from the root, where products are huge and differ little, it cannot: then
more is kept, and in the end everything.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medvis.geometry.lorentz import Lorentz
from medvis.store.matrix import Matrix

BLOCK = 16_384  # vectors that are in memory in float64 at a time


class Scan:
    """One query against one gallery: rounded products at once, exact scores where asked."""

    def __init__(self, matrix: Matrix, vector: Float[Tensor, " d"]) -> None:
        self.matrix = matrix
        self.vector = vector.double()
        self.space = Lorentz(matrix.curv) if matrix.geometry == "lorentz" else None
        if self.space is None:
            flipped = self.vector / self.vector.norm().clamp_min(torch.finfo(torch.double).tiny)
        else:  # Lorentz product: minus the product of the times; it falls with distance
            flipped = torch.cat([self.vector, -self.space.time(self.vector)[None]])
        self.products = flipped.float() @ matrix.vectors
        # A sum of n products in any order errs by at most n u |x| |q|; a few more roundings on the way.
        unit = torch.finfo(torch.float32).eps / 2
        self.error = 1.01 * (len(flipped) + 5) * unit * float(flipped.norm()) * matrix.reach

    def scores(self, vectors: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return exact scores, in float64."""
        found = [self._block(vectors[at : at + BLOCK]) for at in range(0, len(vectors), BLOCK)]
        return torch.cat(found) if found else torch.empty(0, dtype=torch.double)

    def product(self, score: float) -> float:
        """Return the product that belongs to a score."""
        if self.space is None:
            return score
        return -math.cosh(min(math.sqrt(self.matrix.curv) * -score, 700.0)) / self.matrix.curv

    def _block(self, vectors: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        points = self.matrix.vectors[: self.matrix.d, vectors].T.double()
        if self.space is None:
            lengths = points.norm(dim=1) * self.vector.norm()
            cosines: Tensor = (points @ self.vector) / lengths.clamp_min(torch.finfo(torch.double).tiny)
            return cosines
        return -self.space.dist_to(points, self.vector.expand_as(points))


def ranked(
    scan: Scan, alive: Bool[Tensor, " m"], k: int, keep: int
) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"], int]:
    """Return vectors by exact score, best first: so many of them that the first k are proven.

    Args:
        scan: The query and the gallery.
        alive: False for vectors that are left out.
        k: Length of the list that is wanted.
        keep: Vectors that are ranked exactly, at least.

    Returns:
        Vectors, their scores, and how many were ranked exactly.
    """
    products = scan.products.masked_fill(~alive, -math.inf)
    total = int(alive.sum())
    for width in (max(keep, k), 10 * max(keep, k), total):
        kept = products.topk(min(width, total), sorted=True)
        order = kept.indices.sort().values
        scores, by = torch.sort(scan.scores(order), descending=True, stable=True)
        if len(scores) == total or scan.product(float(scores[k - 1])) > float(kept.values[-1]) + scan.error:
            break
    return order[by], scores, len(scores)
