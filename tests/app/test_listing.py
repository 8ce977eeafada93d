"""Lists say what fits, what was left out by which filter, and where next and previous lead."""

from pathlib import Path

import drawn
import pytest

from app.listing import Facets, Filters, Results, facets, search
from medvis.data.cohort import Cohort


@pytest.fixture(scope="module")
def cohort(home_folder: Path) -> Cohort:
    return Cohort.open(home_folder / "cohorts" / "drawn")


def test_without_filters_everything_fits(cohort: Cohort) -> None:
    found = search(cohort, Filters())
    assert (len(found.studies), found.total, found.left_out, found.name) == (18, 18, {}, "all studies")


def test_what_is_left_out_adds_up(cohort: Cohort) -> None:
    found = search(cohort, Filters(text="effusion", finding="effusion", split="test", film=True))
    assert len(found.studies) + sum(found.left_out.values()) == found.total
    assert found.left_out == {"text": 2, "finding": 1, "split": 12, "film": 1}
    assert [study.id for study in found.studies] == ["drawn-1", "two-films"]
    assert found.name == "worklist “effusion, effusion, test, with film”"


def test_studies_without_a_film_or_report_can_be_asked_for(cohort: Cohort) -> None:
    assert [one.id for one in search(cohort, Filters(film=False)).studies] == ["no-film"]
    assert [one.id for one in search(cohort, Filters(report=False)).studies] == ["no-report"]


def test_facets_are_what_the_cohort_has(cohort: Cohort) -> None:
    assert facets(cohort) == Facets(("effusion", "pneumothorax"), ("LATERAL", "PA"), ("train", "test"))


def test_stepping_stops_at_the_ends_and_starts_at_the_first() -> None:
    listed = Results("three", ("a", "b", "c"))
    assert [listed.step(here, 1) for here in "abc"] == ["b", "c", None]
    assert [listed.step(here, -1) for here in "abc"] == [None, "a", "b"]
    assert listed.step("elsewhere", 1) == "a"
    assert Results("none", ()).step("a", 1) is None


def test_the_drawn_cohort_is_what_the_tests_say(cohort: Cohort) -> None:
    assert cohort.study("drawn-1").report is not None
    assert cohort.study("drawn-1").films[0].regions[0].box == drawn.film().regions[0].box
