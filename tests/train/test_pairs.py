from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from medvis.types import Film, Report, Study
from train import pairs
from train.pairs import Plan


def studies(patients: list[int]) -> list[Study]:
    report = Report("The heart is large. No effusion.", "Cardiomegaly.")
    return [
        Study(f"S{at}", f"P{patient}", "train", (Film("f", 1, 1),), report)
        for at, patient in enumerate(patients)
    ]


def plan(patients: list[int], *, size: int = 4, sentences: float = 0.5, seed: int = 0) -> Plan:
    texts = tuple((study, pairs.texts_of(study)) for study in studies(patients))
    return Plan(texts, size, sentences, seed)


@given(st.lists(st.integers(0, 6), min_size=5, max_size=30), st.integers(0, 40), st.integers(2, 6))
def test_a_plan_can_be_taken_up_at_any_step(patients: list[int], first: int, size: int) -> None:
    if len(set(patients)) < 2:
        return
    whole = list(islice(plan(patients, size=size).steps(0), first + 3))
    assert list(islice(plan(patients, size=size).steps(first), 3)) == whole[first:]


@given(st.lists(st.integers(0, 9), min_size=5, max_size=30))
def test_a_patient_is_in_a_batch_once(patients: list[int]) -> None:
    if len(set(patients)) < 2:
        return
    for chosen in islice(plan(patients).steps(0), 12):
        names = [one.study.patient for one in chosen]
        assert len(set(names)) == len(names) > 1


def test_every_study_has_its_turn() -> None:
    seen = Counter(one.study.id for chosen in islice(plan([*range(8)] * 2).steps(0), 60) for one in chosen)
    assert len(seen) == 16
    assert max(seen.values()) <= 2 * min(seen.values())


def test_texts_are_the_report_its_sections_and_its_sentences() -> None:
    (one,) = studies([0])
    assert pairs.texts_of(one) == (
        "Cardiomegaly. The heart is large. No effusion.",
        "The heart is large. No effusion.",
        "Cardiomegaly.",
        "The heart is large.",
        "No effusion.",
    )


def test_sentences_stand_for_the_report_as_often_as_asked() -> None:
    whole = "Cardiomegaly. The heart is large. No effusion."
    for share in (0.0, 0.3, 1.0):
        drawn = [
            one.text for batch in islice(plan([*range(8)], sentences=share).steps(0), 250) for one in batch
        ]
        short = sum(text != whole for text in drawn) / len(drawn)
        assert abs(short - share) < 0.05


def test_only_studies_with_film_and_words_are_read() -> None:
    film = (Film("f", 1, 1),)
    every = [
        Study("whole", "P", "train", film, Report("x", "")),
        Study("no film", "P", "train", (), Report("x", "")),
        Study("no report", "P", "train", film),
        Study("empty", "P", "train", film, Report(" ", "")),
    ]
    assert [study.id for study in pairs.trainable(every)] == ["whole"]
