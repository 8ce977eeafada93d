"""Every page stands without a browser: the notice, kind sentences, and never a text of an error."""

import logging
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import serve, shell, state, walk


def run(page: str = "worklist", **url: str) -> AppTest:
    """Run a page as a fresh visitor with a URL."""
    app = AppTest.from_string(f"from app.main import main; main({page!r})", default_timeout=120)
    for key, value in url.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    parts = [*app.markdown, *app.text, *app.caption, *app.warning, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


@pytest.fixture(autouse=True)
def fresh(at_home: Path) -> None:
    """Every test starts at the drawn home."""


def test_the_worklist_shows_the_studies_under_the_notice() -> None:
    app = run()
    assert not app.exception
    assert shell.NOTICE.partition(".")[0] in said(app)
    assert "18 of 18 studies" in said(app)
    assert "CC0 1.0 (films)" in said(app)


def test_an_unknown_study_ends_in_a_kind_sentence_with_the_worklist() -> None:
    app = run(study="nobody")
    assert "This link names a study that this installation does not have." in said(app)
    assert "18 of 18 studies" in said(app)
    assert not app.exception


def test_an_unknown_run_is_said() -> None:
    assert "names a run that this installation does not have" in said(run(run="0123abcd"))


def test_a_home_without_runs_says_how_to_get_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDVIS_HOME", str(home))
    monkeypatch.setattr(state.places, "DEMO", home / "none")
    app = run()
    assert "There are no runs yet." in said(app)
    assert "medvis demo" in said(app)
    assert not app.exception


def test_an_unexpected_problem_gives_an_id_and_never_its_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("Jane Doe 1970-01-01")

    monkeypatch.setattr(state, "facets", broken)
    with caplog.at_level(logging.ERROR):
        app = run()
    assert "This page failed (id " in said(app)
    assert "Jane" not in said(app) + caplog.text
    assert "RuntimeError at test_pages.py" in caplog.text or "RuntimeError at worklist.py" in caplog.text
    assert shell.NOTICE.partition(".")[0] in said(app)


def test_searching_narrows_the_worklist_and_names_the_rest() -> None:
    app = run()
    app.text_input(key="find").set_value("clear lungs").run()
    assert "1 of 18 studies · left out by text 17" in said(app)


def test_a_search_text_is_cut_not_refused() -> None:
    app = run(find="x" * 5000)
    assert not app.exception
    assert "0 of 18 studies" in said(app)
    assert "No study fits" in said(app)


def test_every_page_opens_on_a_study_and_the_walk_says_what_was_there() -> None:
    found = list(walk.visits("small", "drawn-1"))
    assert {"worklist", "case", "read_me"} <= {visit.page for visit in found}
    assert [visit.problem for visit in found] == [""] * len(found)


def test_the_walk_says_what_is_wrong(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(at_home, damaged)
    for film in (damaged / "cohorts" / "drawn" / "films").rglob("*.png"):
        film.write_bytes(b"not a film")
    monkeypatch.setenv("MEDVIS_HOME", str(damaged))
    state.thumbnail.clear()
    state.seen.clear()
    state.scene.clear()
    found = {visit.page: visit.problem for visit in walk.visits("small", "drawn-1")}
    assert "missing or damaged" in found["case"]
    assert "Import the cohort again" in found["case"]


def test_the_case_shows_a_study_and_carries_the_url_into_its_lists() -> None:
    app = run("case", study="drawn-1", sent="f1", word="2", thr="3.5", grid="false")
    assert not app.exception
    assert app.selectbox(key="sent").value == "f1"
    assert app.number_input(key="word").value == 2
    assert app.number_input(key="thr").value == 3.5
    assert app.toggle(key="grid").value is False
    assert "f1: Small left pleural effusion." in said(app)
    assert "Each word is read as it stands in the report" in said(app)
    app.selectbox(key="sent").set_value("i0").run()
    assert app.number_input(key="word").value == -1


def test_a_wild_link_shows_the_study_without_a_selection() -> None:
    app = run("case", study="drawn-1", sent="x9", word="999", thr="-3", grid="maybe")
    assert not app.exception
    assert "This page failed" not in said(app)
    assert app.selectbox(key="sent").value == ""


def test_another_study_drops_the_selected_sentence() -> None:
    app = run("case", study="normal", sent="f1", word="1")
    app.button(key="next").click().run()
    assert app.text_input(key="study").value == "two-films"
    assert app.selectbox(key="sent").value == ""
    assert app.number_input(key="word").value == -1


def test_read_me_names_every_paper_as_a_reimplementation() -> None:
    app = run("read_me")
    tables = [table.value for table in app.table]
    papers = next(table for table in tables if "arXiv" in table)
    assert {"CLIP", "MERU", "HYDEN"} <= set(papers["Method"])
    assert all("re-implementation" in words for words in papers["Here"])


def test_the_config_keeps_the_app_at_home_and_quiet() -> None:
    words = serve.arguments(8501, browser=False)
    for wanted in (
        "--server.address=127.0.0.1", "--server.fileWatcherType=none", "--browser.gatherUsageStats=false",
        "--server.showEmailPrompt=false",
        "--client.showErrorDetails=none", "--client.toolbarMode=viewer", "--server.port=8501",
        "--server.headless=true",
    ):  # fmt: skip
        assert wanted in words
    assert Path(words[3]).is_absolute()


def test_no_page_or_component_lets_text_become_markup() -> None:
    for path in sorted(serve.HERE.rglob("*")):
        if path.suffix in {".py", ".js"}:
            text = path.read_text()
            for banned in ("unsafe_allow_html", "innerHTML", "insertAdjacentHTML", "outerHTML", "https://"):
                assert banned not in text, f"{path.name} uses {banned}"
