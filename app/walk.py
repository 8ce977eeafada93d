"""A walk through every page without a browser, for checks: what was on it and how long it took."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import pages, shell, state


@dataclass(frozen=True)
class Visit:
    """One page as the walk found it.

    Attributes:
        page: File name of the page.
        seconds: From the request to the last element.
        problem: What went wrong, in the page's own words; "" if nothing did.
        summary: What was on it, counted.
    """

    page: str
    seconds: float
    problem: str
    summary: str


def visits(run: str, study: str) -> Iterator[Visit]:
    """Open every page on a run and a study and tell what was there.

    Args:
        run: Run as the URL names it.
        study: Study as the URL names it.
    """
    from streamlit.testing.v1 import AppTest

    # Outside a server it warns that there is no session, which is what a walk is.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    for page in sorted(path.stem for path in Path(pages.__path__[0]).glob("[a-z]*.py")):
        started = time.monotonic()
        app = AppTest.from_string(f"from app.main import main; main({page!r})", default_timeout=60)
        app.query_params["run"] = run
        app.query_params["study"] = study
        app.run()
        texts = [str(one.value) for one in (*app.text, *app.markdown, *app.caption)]
        told = [str(one.value) for one in (*app.exception, *app.error, *app.warning)]
        if not any(shell.NOTICE.partition(".")[0] in text for text in texts):
            told.append("the notice is missing")
        drawn = len(app.get("plotly_chart")) + len(app.get("bidi_component")) + len(app.get("imgs"))
        words = sum(len(text.split()) for text in texts)
        summary = f"{len(list(app.main))} blocks, {drawn} pictures, {words} words"
        yield Visit(page, time.monotonic() - started, "; ".join(told), summary)
    state.forget()
