"""How good a run is, each number with its count, its interval by patient and what chance would give.

Intervals are percentile bootstraps over patients: films of one patient are not independent. The gallery of a
retrieval stays as it is; queries are drawn. A number that does not exist is None with the reason beside it,
never NaN.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

DRAWS = 1000  # bootstrap samples
_BLOCK = 100  # of them in memory at a time


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: None if it does not exist.
        low: Lower end; None if there is no interval.
        high: Upper end.
        n: Items it is the mean of, or was counted over.
        patients: Of how many patients.
        why: Why there is no value, such as "n/a (0 positives)".
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    patients: int
    why: str = ""


class Resampled:
    """Patients drawn with replacement, again and again, the same draws for everything that is compared.

    Args:
        patients: Patient of each item.
        seed: Of the draws.
        draws: How many.
    """

    def __init__(self, patients: Sequence[str], *, seed: int = 0, draws: int = DRAWS) -> None:
        number = {name: at for at, name in enumerate(dict.fromkeys(patients))}
        self.of = torch.tensor([number[name] for name in patients], dtype=torch.long)
        self.patients = len(number)
        self.seed, self.draws = seed, draws

    def weights(self) -> Iterator[Float[Tensor, "b n"]]:
        """Yield how often each item was drawn, a block of draws at a time."""
        generator = torch.Generator().manual_seed(self.seed)
        for start in range(0, self.draws, _BLOCK):
            count = min(_BLOCK, self.draws - start)
            drawn = torch.randint(self.patients, (count, self.patients), generator=generator)
            times = torch.zeros(count, self.patients, dtype=torch.double)
            times.scatter_add_(1, drawn, torch.ones_like(times))
            yield times[:, self.of]

    def mean(self, values: Float[Tensor, " n"]) -> Estimate:
        """Return the mean of the items' values; None among them is written NaN and left out."""
        known = values.isfinite()
        n, patients = int(known.sum()), len(set(self.of[known].tolist()))
        if not n:
            return Estimate(None, None, None, 0, 0, "n/a (nothing to average)")
        filled = torch.where(known, values, 0.0).double()
        share = [
            (weight @ filled) / (weight @ known.double())
            for weight in (self.weights() if patients > 1 else ())
        ]
        return _estimate(float(filled.sum() / n), share, n, patients)

    def rate(self, holds: Bool[Tensor, " n"]) -> Estimate:
        """Return the share of items for which a claim holds.

        Where it holds for all or for none, resampling would give an interval of width 0; then the exact
        binomial bound over patients stands in its place (Clopper and Pearson).
        """
        found = self.mean(holds.double())
        if found.value not in (0.0, 1.0) or found.patients < 2:
            return found
        rest = 0.025 ** (1 / found.patients)
        low, high = (0.0, 1 - rest) if found.value == 0 else (rest, 1.0)
        return dataclasses.replace(found, low=low, high=high)

    def auc(self, scores: Float[Tensor, " n"], positive: Bool[Tensor, " n"]) -> Estimate:
        """Return the area under the ROC curve; equal scores count one half.

        There is no interval where one patient makes up a class, or where the classes do not overlap.

        Source: Mann and Whitney's U over the number of pairs.
        """
        n, true = len(scores), int(positive.sum())
        if true in (0, n):
            missing = "positives" if true == 0 else "negatives"
            return Estimate(None, None, None, n, self.patients, f"n/a (0 {missing})")
        whole = float(_areas(scores, positive, torch.ones(1, n, dtype=torch.double)))
        for patients, sort in ((self.of[positive], "with"), (self.of[~positive], "without")):
            if len(set(patients.tolist())) == 1:
                return Estimate(whole, None, None, n, self.patients, f"no interval: one patient {sort} it")
        if whole in (0.0, 1.0):
            return Estimate(whole, None, None, n, self.patients, "no interval: no overlap")
        return _estimate(
            whole, [_areas(scores, positive, weight) for weight in self.weights()], n, self.patients
        )


def ranks(
    scores: Float[Tensor, "q g"], right: Bool[Tensor, "q g"], allowed: Bool[Tensor, "q g"]
) -> Int[Tensor, " q"]:
    """Return the rank of each query's best right answer among what is allowed; 1 is best, ties lose.

    Ties lose so that a run that gives everything one score finds nothing.

    Args:
        scores: Higher is closer.
        right: The query's own item, and what counts as it.
        allowed: What the query may find besides.
    """
    best = scores.masked_fill(~right, -math.inf).amax(1, keepdim=True)
    wrong = allowed & ~right
    return 1 + (wrong & (scores >= best)).sum(1)


def recall_by_chance(right: Int[Tensor, " q"], pool: Int[Tensor, " q"], k: int) -> Float[Tensor, " q"]:
    """Return the chance that k items drawn from each query's pool hold a right one.

    Args:
        right: Right items of each query.
        pool: Items that it may find, right ones included.
        k: Length of the list.

    Source: 1 - C(pool - right, k) / C(pool, k).
    """
    missed = torch.ones(len(right), dtype=torch.double)
    for drawn in range(k):
        left = (pool - drawn).clamp_min(1)
        missed = missed * ((pool - right - drawn).clamp_min(0) / left)
    return 1 - missed


def precisions(
    scores: Float[Tensor, "q g"], same: Bool[Tensor, "q g"], allowed: Bool[Tensor, "q g"], k: int
) -> Float[Tensor, " q"]:
    """Return the share of each query's first k that is of the same class; NaN where nothing is allowed."""
    best = scores.masked_fill(~allowed, -math.inf).topk(min(k, scores.shape[1]), dim=1).indices
    taken = allowed.gather(1, best)
    hits = (same.gather(1, best) & taken).sum(1).double()
    return hits / torch.where(taken.any(1), taken.sum(1).double(), math.nan)


@dataclass(frozen=True)
class Summary:
    """How some numbers lie.

    Attributes:
        n: How many.
        mean: Their mean.
        sd: Standard deviation.
        quantiles: At 5, 25, 50, 75 and 95 %.
    """

    n: int
    mean: float
    sd: float
    quantiles: tuple[float, float, float, float, float]


def summary(values: Float[Tensor, " n"]) -> Summary:
    """Return how some numbers lie.

    Raises:
        ValueError: If there are none.
    """
    if not len(values):
        raise ValueError("no numbers, no summary")
    exact = values.double()
    at = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.double)
    low, under, middle, over, high = _quantiles(exact, at).tolist()
    sd = float(exact.std(correction=0))
    return Summary(len(values), float(exact.mean()), sd, (low, under, middle, over, high))


def _areas(
    scores: Float[Tensor, " n"], positive: Bool[Tensor, " n"], weights: Float[Tensor, "b n"]
) -> Float[Tensor, " b"]:
    """Return the area for each set of weights; NaN where one class was not drawn."""
    _, level = torch.unique(scores, return_inverse=True)
    levels = int(level.max()) + 1
    empty = torch.zeros(len(weights), levels, dtype=torch.double)
    true = empty.index_add(1, level[positive], weights[:, positive])
    false = empty.index_add(1, level[~positive], weights[:, ~positive])
    below = false.cumsum(1) - false / 2
    pairs = true.sum(1) * false.sum(1)
    return (true * below).sum(1) / torch.where(pairs > 0, pairs, math.nan)


def _estimate(value: float, samples: Sequence[Float[Tensor, " b"]], n: int, patients: int) -> Estimate:
    """Return the value with the middle 95 % of its samples, those that exist."""
    found = torch.cat([one[one.isfinite()] for one in samples]) if samples else torch.empty(0)
    if patients < 2 or not len(found):
        return Estimate(value, None, None, n, patients, "no interval: one patient only")
    low, high = _quantiles(found.double(), torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return Estimate(value, low, high, n, patients)


def _quantiles(values: Float[Tensor, " n"], at: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Return quantiles by linear interpolation (torch.quantile refuses more than 16 million numbers)."""
    ordered = values.sort().values
    place = at * (len(values) - 1)
    low = place.floor().long()
    high = (low + 1).clamp_max(len(values) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
