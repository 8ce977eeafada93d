"""Similar items: relations, what is left out, what chance gives, on places set by hand."""

import dataclasses
from pathlib import Path

import by_hand
import pytest

from medvis.data import report as reports
from medvis.errors import NotFound
from medvis.explain.asked import LONGEST, Asked, findings
from medvis.explain.conditioned import can_rerank, candidates
from medvis.explain.density import HIDDEN
from medvis.explain.session import Session
from medvis.explain.similar import Answer, answer
from medvis.types import Encoded, Mode, Study

SAME = "Small left effusion. No pneumothorax."


def study(name: str, patient: str, text: str = SAME, *, show: str = "open", **labels: int) -> Study:
    made = by_hand.study(name, findings=text, show=show)
    assert made.report
    report = dataclasses.replace(made.report, impression=f"Read as {name}.")
    return dataclasses.replace(made, patient=patient, labels=labels, report=report)


STUDIES = (
    study("a1", "a", Effusion=1, Nodule=1, Edema=0),
    study("a2", "a", "Clear lungs.", Effusion=0),
    study("b", "b", "Large effusion. No edema.", Effusion=1, Edema=-1),
    study("c", "c", "Heart is large.", Nodule=0, Edema=1),
    study("d", "d"),
)
FILMS = {"a1": 1.0, "a2": 1.1, "b": 1.3, "c": 1.6, "d": 2.0}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return opened(tmp_path, STUDIES)


def opened(folder: Path, studies: tuple[Study, ...]) -> Session:
    """Films lie on a ray in alphabetical order; of the sentences, f1 lies nearest to it."""
    places: dict[tuple[str, str], list[float]] = {}
    for one in studies:
        at = FILMS[one.id]
        assert one.report
        places |= {(one.id, "film0"): [at, 0.0], (one.id, "report"): [at, 0.1]}
        for sentence in reports.sentences(one.report):
            places[one.id, sentence.id] = [at, 0.01 if sentence.id == "f1" else 0.5]
    return by_hand.session(folder, studies, places)


def ask(session: Session, **asked: object) -> Answer:
    want = Asked(**{"study": "a1", **asked})  # type: ignore[arg-type]
    kind = {"films": "film", "reports": "report", "sentences": "sentence"}[want.find]
    return answer(session, session.store.matrix([kind]), want, unasked)


def unasked(study: Study, index: int) -> Encoded:
    raise AssertionError("a search that is not re-ranked reads no film")


def test_the_patients_other_film_is_left_out_and_counted(session: Session) -> None:
    found = ask(session)
    assert [one.study.id for one in found.results] == ["b", "c", "d"]
    assert [one.hit.relation for one in found.results] == ["same finding", "other", "other"]
    assert found.found.excluded.patient == 1
    assert (found.nearest_left_out, found.nearest) == (1, 4)


def test_siblings_are_shown_when_asked_for_and_called_the_same_patient(session: Session) -> None:
    found = ask(session, siblings=True)
    assert [(one.study.id, one.hit.relation) for one in found.results[:2]] == [
        ("a2", "same patient"),
        ("b", "same finding"),
    ]
    assert found.nearest_left_out == 0


def test_chance_counts_the_pool_that_is_ranked(session: Session) -> None:
    assert ask(session).chance == pytest.approx(1 / 3)  # b of b, c, d
    assert ask(session, siblings=True).chance == pytest.approx(1 / 4)
    sentences = ask(session, find="sentences")  # of b, c, d; two are what a1 says, but a film says nothing
    assert sentences.found.pool == 8
    assert sentences.chance == pytest.approx(3 / 8)


def test_chance_leaves_out_the_rows_that_the_search_leaves_out(session: Session) -> None:
    found = ask(session, ref="f0", find="sentences")  # "Small left effusion." is also what d says
    assert found.found.excluded.text == 1
    assert found.found.pool == 7
    assert found.chance == pytest.approx(3 / 7)


def test_chance_counts_identical_texts_once_as_the_list_does(tmp_path: Path) -> None:
    sick = dataclasses.replace(study("b", "b", Effusion=1), report=STUDIES[2].report)
    well = dataclasses.replace(study("c", "c"), report=STUDIES[2].report)
    other = study("d", "d", "Clear lungs.")
    found = ask(opened(tmp_path, (STUDIES[0], sick, well, other)), find="reports")
    assert len(found.results) == 2
    assert found.found.pool == 3
    assert found.chance == pytest.approx(1 / 2)


def test_the_best_of_several_own_items_is_held_against_the_best_of_as_many(session: Session) -> None:
    assert ask(session, ref="f0").blind == 1 + 3 / 2  # its film among three others
    assert ask(session, find="sentences").blind == 1 + 6 / 4  # the best of three among b's, c's and one of d
    assert ask(session, find="sentences", siblings=True).blind == 1 + 8 / 4  # and two of the patient's other


def test_without_a_finding_there_is_no_chance_to_speak_of(session: Session) -> None:
    found = ask(session, study="d")
    assert (found.findings, found.chance) == ((), None)
    assert {one.hit.relation for one in found.results} == {"other"}


def test_when_all_nearest_are_the_same_patient_the_answer_says_so(session: Session) -> None:
    found = ask(session, k=1)
    assert (found.nearest_left_out, found.nearest) == (1, 1)
    assert [one.study.id for one in found.results] == ["b"]


def test_a_gallery_of_one_patient_leaves_nothing(tmp_path: Path) -> None:
    found = ask(opened(tmp_path, STUDIES[:2]))
    assert (found.results, found.found.pool, found.nearest_left_out, found.nearest) == ((), 0, 1, 1)


def test_identical_reports_are_left_out_and_grouped(tmp_path: Path) -> None:
    twins = tuple(
        dataclasses.replace(study(name, name), report=STUDIES[2].report) for name in ("b", "c", "d")
    )
    session = opened(tmp_path, (STUDIES[0], *twins))
    film = ask(session, find="reports")
    assert [(one.study.id, one.hit.copies) for one in film.results] == [("b", 2)]
    twin = ask(session, study="b", find="reports")
    assert [one.study.id for one in twin.results] == ["a1"]
    assert twin.found.excluded.text == 2


def test_a_card_says_the_impression_and_the_sentence_nearest_to_the_query(session: Session) -> None:
    first = ask(session).results[0]
    assert first.text == "Read as b."
    assert first.nearest == ("f1", "No edema.")
    assert first.shared == ("Effusion",)


def test_a_sentence_asks_for_what_it_names_and_a_film_for_its_labels(session: Session) -> None:
    assert findings(session, Asked(study="a1")) == ("Effusion", "Nodule")
    assert findings(session, Asked(study="a1", ref="f0")) == ("Effusion",)
    assert findings(session, Asked(study="a1", ref="f1")) == ()  # "No pneumothorax."
    assert findings(session, Asked(text="nodule, no effusion", study="a1")) == ("Nodule",)


def test_restricted_words_are_not_shown(tmp_path: Path) -> None:
    shut = study("b", "b", "Secret words.", show="restricted")
    session = opened(tmp_path, (STUDIES[0], shut, STUDIES[3]))
    for find in ("films", "reports", "sentences"):
        ours = [one for one in ask(session, find=find).results if one.study.id == "b"]
        assert ours
        assert all(one.text == HIDDEN for one in ours)
        assert all(one.nearest[1] in {"", HIDDEN} for one in ours)
        assert "Secret" not in str([(one.text, one.nearest) for one in ours])


def test_a_study_without_the_item_is_a_named_problem(session: Session) -> None:
    with pytest.raises(NotFound):
        ask(session, ref="film7")


def test_typed_text_is_one_short_line() -> None:
    assert Asked(text=" left\n\x00  effusion ").typed == "left effusion"
    assert len(Asked(text="word " * 1000).typed) <= LONGEST
    assert Asked(text="effusion", study="a1").source == "text"
    assert (Asked(ref="film1").source, Asked(ref="i0").source) == ("film", "sentence")


def test_only_a_search_between_film_and_text_can_be_conditioned(session: Session) -> None:
    matrix = session.store.matrix(["film"])
    crossing = Asked(study="a1", ref="f0", conditioned=True)
    assert can_rerank(session, crossing)
    assert [one.id for one, _ in candidates(session, matrix, crossing)] == ["b", "c", "d"]
    same = Asked(study="a1", conditioned=True)
    assert not can_rerank(session, same)
    assert candidates(session, matrix, same) == ()
    assert ask(session, conditioned=True).mode is Mode.POINT
