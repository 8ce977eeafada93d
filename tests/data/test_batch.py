from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from medvis.data import batch
from medvis.types import Film, Study


def film(view: str) -> Film:
    return Film("films/0.jpg", 8, 8, view)


def make(patients: list[int]) -> list[Study]:
    return [Study(f"s{n}", f"p{patient}", "train") for n, patient in enumerate(patients)]


def test_the_first_frontal_film_stands_for_a_study() -> None:
    lateral, unknown, ap, pa = film("LATERAL"), film(""), film("AP"), film("PA")
    assert batch.frontal(Study("s", "p", "train", (lateral, unknown, ap, pa))) is ap
    assert batch.frontal(Study("s", "p", "train", (lateral, unknown))) is unknown
    assert batch.frontal(Study("s", "p", "train", (lateral,))) is lateral
    assert batch.frontal(Study("s", "p", "train")) is None


def test_an_epoch_is_the_same_again_whatever_the_order_it_was_given() -> None:
    studies = make([0, 0, 1, 2, 3, 3, 3])
    assert batch.order(studies, 1, 2) == batch.order(studies[::-1], 1, 2)
    assert batch.order(studies, 1, 2) != batch.order(studies, 1, 3)
    assert batch.order(studies, 1, 2) != batch.order(studies, 2, 2)


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(0, 5))
def test_a_round_holds_each_patient_once(patients: list[int], epoch: int) -> None:
    studies = make(patients)
    found = batch.order(studies, 0, epoch)
    assert Counter(one.id for one in found) == Counter(one.id for one in studies)
    seen: Counter[str] = Counter()
    rounds = []
    for study in found:
        rounds.append(seen[study.patient])
        seen[study.patient] += 1
    assert rounds == sorted(rounds), "a patient recurs while another was not yet read"


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 8))
def test_a_batch_holds_no_patient_twice_and_loses_no_study(patients: list[int], size: int) -> None:
    found = list(batch.batches(make(patients), 0, 0, size))
    assert sorted(one.id for some in found for one in some) == sorted(f"s{n}" for n in range(len(patients)))
    for some in found:
        assert 1 <= len(some) <= size
        assert len({one.patient for one in some}) == len(some)


def test_same_patient_study_or_text_are_never_negatives() -> None:
    apart = batch.apart(["s", "s", "t", "u", "v"], ["p", "q", "q", "r", "w"], ["x", "y", "z", "x", "k"])
    wanted = torch.tensor(
        [
            [0, 0, 1, 0, 1],
            [0, 0, 0, 1, 1],
            [1, 0, 0, 1, 1],
            [0, 1, 1, 0, 1],
            [1, 1, 1, 1, 0],
        ],
        dtype=torch.bool,
    )
    assert torch.equal(apart, wanted)
