from dataclasses import replace

from medvis.data import health
from medvis.types import Film, Report, Study

FILM = Film("films/0.jpg", 8, 8, "PA", show="open")
REPORT = Report("No effusion. Effusion may be small.", "Normal.")
STUDY = Study("a", "p", "train", (FILM,), REPORT, {"Effusion": 1})


def examine(*studies: Study) -> health.Health:
    return health.examine(studies, {}, (), {})


def test_a_patient_on_two_sides_is_a_leak() -> None:
    apart = replace(STUDY, id="b", split="test", films=(), report=None)
    assert examine(STUDY, apart).leaking_patients == 1
    assert not examine(STUDY, replace(apart, patient="q")).leaks


def test_a_text_on_two_sides_is_a_leak_whatever_its_case() -> None:
    same = replace(
        STUDY,
        patient="q",
        split="val",
        films=(),
        report=Report("NO effusion. effusion may be small.", "normal."),
    )
    assert examine(STUDY, same).leaking_texts == 1
    assert examine(STUDY, replace(same, split="train")).leaking_texts == 0


def test_a_film_on_two_sides_is_a_leak_by_its_bytes_not_its_name() -> None:
    other = replace(STUDY, patient="q", split="val", report=None, films=(replace(FILM, file="films/1.jpg"),))
    by_bytes = health.examine((STUDY, other), {"films/0.jpg": "x", "films/1.jpg": "x"}, (), {})
    assert (by_bytes.leaking_films, by_bytes.duplicate_films) == (1, 2)
    assert not health.examine((STUDY, other), {"films/0.jpg": "x", "films/1.jpg": "y"}, (), {}).leaks


def test_sentences_words_and_findings_are_counted() -> None:
    found = examine(STUDY, Study("b", "q", "val", (), Report("", "Edema."), {"Effusion": -1, "Edema": 1}))
    assert (found.sentences, found.negated, found.uncertain) == (4, 1, 1)
    assert (found.words, found.vocabulary, found.words_a_report) == (8, 7, 4.0)
    assert found.findings == {"Edema": (1, 0, 0), "Effusion": (1, 0, 1)}
    assert (found.empty_findings, found.without_film) == (1, 1)


def test_an_empty_cohort_is_all_zeros() -> None:
    found = examine()
    assert (found.studies, found.words_a_report, found.most_common_text, found.leaks) == (0, 0.0, 0, False)
    assert "licences          none" in str(found)


def test_long_tables_are_cut_and_say_so() -> None:
    many = replace(STUDY, labels={f"L{n:02d}": 1 for n in range(20)})
    assert "L11 1/0/0, and 8 more" in str(examine(many))
    lost = [(f"s{n}", 0, "no-pixel-data", "no pixels") for n in range(14)]
    shown = str(health.examine((STUDY,), {}, lost, {}))
    assert "no-pixel-data: no pixels 14" in shown
    assert "s0 film 0: no-pixel-data, " in shown
    assert "and 2 more" in shown
