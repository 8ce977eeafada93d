"""Evaluation numbers: by hand, against scikit-learn, and at chance where there is nothing to find."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medvis.explain.health import Resampled, precisions, ranks, recall_by_chance, summary


def own(n: int) -> torch.Tensor:
    return torch.eye(n, dtype=torch.bool)


def test_ranks_of_a_matrix_one_can_read() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.5], [0.8, 0.2, 0.1], [0.3, 0.3, 0.3]])
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert ranks(scores, own(3), everything).tolist() == [1, 2, 3], "ties lose"
    without_first = everything.clone()
    without_first[:, 0] = False
    assert ranks(scores, own(3), without_first).tolist() == [1, 1, 2]
    copies = own(3)
    copies[1, 0] = True  # the first text is word for word the second's
    assert ranks(scores, copies, everything).tolist() == [1, 1, 3]


def test_a_run_that_says_the_same_of_everything_finds_nothing() -> None:
    found = ranks(torch.zeros(50, 50), own(50), torch.ones(50, 50, dtype=torch.bool))
    assert (found == 50).all()


def test_chance_is_that_of_drawing_without_putting_back() -> None:
    right, pool = torch.tensor([1, 2, 3, 0]), torch.tensor([10, 10, 3, 5])
    expected = [3 / 10, 1 - math.comb(8, 3) / math.comb(10, 3), 1.0, 0.0]
    assert recall_by_chance(right, pool, 3).tolist() == pytest.approx(expected)


def test_random_scores_are_at_chance_and_their_intervals_say_so(generator: torch.Generator) -> None:
    n, k, galleries = 200, 20, 40
    everything, patients = torch.ones(n, n, dtype=torch.bool), Resampled([f"p{i}" for i in range(n)])
    found = [
        patients.mean((ranks(torch.randn(n, n, generator=generator), own(n), everything) <= k).double())
        for _ in range(galleries)
    ]
    values = torch.tensor([one.value for one in found])
    assert float(values.mean()) == pytest.approx(k / n, abs=4 * math.sqrt(0.1 * 0.9 / (n * galleries)))
    covered = sum(one.low <= k / n <= one.high for one in found)
    assert 34 <= covered <= 40, f"95 % intervals held the truth in {covered} of {galleries}"


def test_precision_counts_the_class_among_the_first_k_that_are_allowed() -> None:
    scores = torch.tensor([[4.0, 3, 2, 1], [4, 3, 2, 1], [1, 1, 1, 1]])
    same = torch.tensor([[True, False, True, True], [True, True, False, True], [True, True, True, True]])
    allowed = torch.tensor([[False, True, True, True], [True, True, True, True], [False] * 4])
    found = precisions(scores, same, allowed, 2)
    assert found[:2].tolist() == [0.5, 1.0]
    assert found[2].isnan(), "who may find nothing has no precision"


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({positive for _, positive in pairs}) == 2
    )
)
def test_the_area_is_scikit_learns_ties_included(pairs: list[tuple[int, bool]]) -> None:
    scores, positive = torch.tensor([float(score) for score, _ in pairs]), torch.tensor([p for _, p in pairs])
    found = Resampled([str(i) for i in range(len(pairs))], draws=100).auc(scores, positive)
    assert found.value == pytest.approx(roc_auc_score(positive.numpy(), scores.numpy()))
    assert found.n == len(pairs)


@pytest.mark.parametrize(("positive", "why"), [(False, "n/a (0 positives)"), (True, "n/a (0 negatives)")])
def test_an_area_that_does_not_exist_is_said_not_computed(positive: bool, why: str) -> None:
    found = Resampled(["a", "b"]).auc(torch.tensor([0.1, 0.2]), torch.tensor([positive, positive]))
    assert (found.value, found.low, found.high, found.why) == (None, None, None, why)


def test_the_interval_of_an_area_has_the_width_that_theory_gives(generator: torch.Generator) -> None:
    """50 positives and 450 negatives at an area near 0.8: Hanley and McNeil's standard error."""
    positive = torch.arange(500) < 50
    scores = torch.randn(500, generator=generator) + 1.19 * positive
    found = Resampled([str(i) for i in range(500)]).auc(scores, positive)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    a = found.value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = math.sqrt((a * (1 - a) + 49 * (q1 - a * a) + 449 * (q2 - a * a)) / (50 * 450))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_films_of_one_patient_do_not_narrow_the_interval(generator: torch.Generator) -> None:
    value = torch.randn(40, generator=generator)
    once = Resampled([f"p{i}" for i in range(40)]).mean(value)
    ten = Resampled([f"p{i}" for i in range(40) for _ in range(10)]).mean(value.repeat_interleave(10))
    as_if = Resampled([str(i) for i in range(400)]).mean(value.repeat_interleave(10))
    widths = [
        one.high - one.low for one in (once, ten, as_if) if one.high is not None and one.low is not None
    ]
    assert widths[1] == pytest.approx(widths[0], rel=1e-6), "ten films of a patient tell no more than one"
    assert widths[2] < 0.5 * widths[0]
    assert (ten.n, ten.patients) == (400, 40)


def test_the_interval_of_a_mean_has_the_width_that_theory_gives(generator: torch.Generator) -> None:
    value = torch.randn(300, generator=generator)
    found = Resampled([str(i) for i in range(300)]).mean(value)
    assert found.high is not None
    assert found.low is not None
    expected = 2 * 1.96 * float(value.std()) / math.sqrt(300)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)


def test_values_that_do_not_exist_are_left_out_of_a_mean() -> None:
    found = Resampled(["a", "b", "c"]).mean(torch.tensor([1.0, math.nan, 3.0]))
    assert (found.value, found.n, found.patients) == (2.0, 2, 2)
    nothing = Resampled(["a"]).mean(torch.tensor([math.nan]))
    assert (nothing.value, nothing.why) == (None, "n/a (nothing to average)")
    single = Resampled(["a", "a"]).mean(torch.tensor([1.0, 2.0]))
    assert (single.value, single.low, single.why) == (1.5, None, "no interval: one patient only")


def test_draws_are_the_same_every_time() -> None:
    value = torch.arange(20.0)
    patients = [str(i) for i in range(20)]
    assert Resampled(patients).mean(value) == Resampled(patients).mean(value)
    assert Resampled(patients, seed=1).mean(value) != Resampled(patients).mean(value)


def test_a_summary_says_how_numbers_lie() -> None:
    found = summary(torch.arange(101.0))
    assert found.quantiles == (5.0, 25.0, 50.0, 75.0, 95.0)
    assert (found.n, found.mean) == (101, 50.0)
    assert found.sd == pytest.approx(math.sqrt((101**2 - 1) / 12))
    with pytest.raises(ValueError, match="no numbers"):
        summary(torch.empty(0))


def test_all_or_none_has_the_exact_binomial_bound(generator: torch.Generator) -> None:
    from scipy.stats import binomtest

    people = Resampled([f"p{i}" for i in range(37)])
    for held in (0, 37):
        found = people.rate(torch.full((37,), held > 0))
        exact = binomtest(held, 37).proportion_ci(0.95, method="exact")
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    some = torch.rand(37, generator=generator) < 0.5
    assert people.rate(some) == people.mean(some.double())
    twice = Resampled([f"p{i}" for i in range(37)] * 2).rate(torch.zeros(74, dtype=torch.bool))
    assert twice.high == people.rate(torch.zeros(37, dtype=torch.bool)).high, "patients count, not films"


def test_an_area_has_no_interval_where_resampling_cannot_tell() -> None:
    scores = torch.tensor([0.1, 0.9, 0.2, 0.3])
    lone = Resampled(["a", "b", "c", "d"]).auc(scores, torch.tensor([False, True, False, False]))
    assert (lone.value, lone.low, lone.why) == (1.0, None, "no interval: one patient with it")
    clear = Resampled(["a", "b", "c", "d"]).auc(scores, torch.tensor([False, True, False, True]))
    assert (clear.value, clear.low, clear.why) == (1.0, None, "no interval: no overlap")
