"""The retrieve page without a browser: what it asks, says and leaves out."""

from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app import state
from medvis.explain.asked import Asked
from medvis.explain.session import open_session
from medvis.types import Placed


def run(**url: str) -> AppTest:
    """Run the page as a fresh visitor with a URL."""
    app = AppTest.from_string("from app.main import main; main('retrieve')", default_timeout=120)
    for key, value in url.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    parts = [*app.markdown, *app.text, *app.caption, *app.warning, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


@pytest.fixture(autouse=True)
def fresh(at_home: Path) -> None:
    """Every test starts at the drawn home."""


def test_without_a_query_it_says_how_to_make_one() -> None:
    app = run()
    assert not app.exception
    assert "Type what to look for, or choose a study" in said(app)


def test_the_chosen_film_is_the_query_and_chance_is_said() -> None:
    app = run(study="drawn-1")
    assert not app.exception
    assert "Query: film → films" in said(app)
    assert "17 films ranked · left out: none (no same patient, no identical text)" in said(app)
    assert "Sharing a finding: " in said(app)
    assert "by chance" in said(app)
    assert "places of mode global" in said(app)
    assert "Films: CC0 1.0, Drawn for tests" in said(app)


def test_identical_reports_are_left_out_until_they_are_asked_for() -> None:
    app = run(study="drawn-1", dir="reports")
    assert "14 of identical text" in said(app)
    assert "Its own report would stand at rank" in said(app)
    assert "×" not in said(app)
    app.button(key="show_left_out").click().run()
    assert app.toggle(key="sib").value is True
    assert "×15 identical: " in said(app)
    assert "✓ same patient" in said(app)


def test_a_typed_text_is_the_query_until_an_item_is_chosen() -> None:
    app = run(study="drawn-1", q="left pleural effusion", dir="sentences")
    assert "Query: text → sentences" in said(app)
    assert "“left pleural effusion”" in said(app)
    assert "It names: effusion" in said(app)
    app.selectbox(key="qi").set_value("f2").run()
    assert app.text_input(key="q").value == ""
    assert "“No pneumothorax.”" in said(app)
    assert "It names no finding of this cohort" in said(app)


def test_a_sentence_is_searched_from_with_one_click_and_the_link_holds_none_of_its_words() -> None:
    app = run(study="drawn-1")
    app.button(key="way_f1").click().run()
    assert "Query: sentence → films" in said(app)
    assert app.query_params["qi"] == "f1"
    assert "It names: effusion" in said(app)


def test_the_chosen_sentence_is_dropped_with_its_study() -> None:
    app = run(study="normal", qi="f1")
    assert "Query: sentence → films" in said(app)
    app.button(key="next").click().run()
    assert "Query: film → films" in said(app)


@pytest.mark.parametrize(
    "url",
    [
        {"q": "x" * 5000}, {"q": "<b>bold</b> *a* $x$ [l](javascript:alert(1)) '; drop table item; --"},
        {"study": "drawn-1", "qi": "zzz", "dir": "everything", "k": "-3", "sib": "maybe", "among": "moon"},
        {"study": "no-film"}, {"study": "no-report"},
        {"study": "no-report", "dir": "reports", "among": "val"},
        {"study": "hostile", "dir": "sentences", "qi": "f0", "anew": "true"},
    ],
)  # fmt: skip
def test_no_link_breaks_the_page(url: dict[str, str]) -> None:
    app = run(**url)
    assert not app.exception
    assert "This page failed" not in said(app)
    assert "Shows" in said(app)


def test_re_ranking_gives_the_order_of_the_conditioned_score(at_home: Path) -> None:
    text = "left pleural effusion"
    asked = Asked(text=text, conditioned=True, k=20)
    opened = open_session(at_home / "runs" / "small", at_home / "cohorts" / "drawn")
    method, want = opened.model.method, {}
    for one in opened.cohort.studies():
        for index in range(len(one.films)):
            given: Placed = opened.place(opened.see(one, index), [text])
            with torch.inference_mode():
                score = method.score(given, opened.place_texts([text]))
            want[one.id, f"film{index}"] = float(score[0, 0])
    app = AppTest.from_string("from app.main import main; main('retrieve')", default_timeout=120)
    app.query_params.update({"q": text, "anew": "true", "k": "20"})
    app.run()
    assert "places of mode conditioned" in said(app)
    assert "first 18 re-ranked" in said(app)
    shown = app.dataframe[0].value
    got = {
        (study, item): score
        for study, item, score in zip(
            shown["study"], shown["item"], shown["score, this run only"], strict=True
        )
    }
    assert got == pytest.approx(want, abs=2e-5)
    assert list(got.values()) == sorted(got.values(), reverse=True)
    assert asked.crosses


def test_a_card_opens_its_study_and_next_steps_through_the_results() -> None:
    app = run(study="drawn-1", k="5")
    first = app.dataframe[0].value["study"].tolist()
    app.button(key="open_hit2").click().run()
    assert app.text_input(key="study").value == first[1]
    assert f"2 of {len(dict.fromkeys(first))} in retrieval, film → films" in said(app)


def test_searching_on_from_a_result_makes_its_film_the_query() -> None:
    app = run(q="effusion")
    first = app.dataframe[0].value["study"].tolist()[0]
    app.button(key="from_hit1").click().run()
    assert app.text_input(key="study").value == first
    assert app.text_input(key="q").value == ""
    assert "Query: film → films" in said(app)
    state.forget()
