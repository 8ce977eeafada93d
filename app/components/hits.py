"""Results of a search as cards: relation, rank, film and words; a click opens the study."""

from pathlib import Path

import streamlit as st

from app import shell, state
from medvis.explain.session import Session
from medvis.explain.similar import Answer, Result
from medvis.types import Study

SIGNS = {"same patient": "✓", "same finding": "≈", "other": "–"}
COLUMNS = 5
LONGEST = 140  # characters of a text on a card; the table has all of it


def cards(opened: Session, answer: Answer, *, paper: bool) -> None:
    """Draw the results.

    Args:
        opened: The run on its cohort.
        answer: What was found.
        paper: Whether frames have the colours of RECLF's Fig. 5: green, blue, red.
    """
    st.html(Path(__file__).with_suffix(".css"))
    style = "paper" if paper else "hit"
    with st.grid(COLUMNS, min_column_width=170, gap="small"):
        for one in answer.results:
            relation = one.hit.relation.replace(" ", "_")
            with st.container(gap="xxsmall", key=f"{style}_{relation}_{one.hit.rank}"):
                _card(opened, answer, one)


def picture(opened: Session, study: Study, number: int, alt: str, side: int) -> None:
    """Draw a film of a study, or say why there is none."""
    if not study.films:
        st.caption("no film")
    elif study.films[number].show == "restricted":
        st.caption("Film not shown: its licence is restricted.")
    elif small := state.thumbnail(opened, study, side, number):
        st.image(small, width="stretch", alt=alt)


def credits(answer: Answer, query: Study | None) -> str:
    """Return the licences and credits of everything that is shown, each once."""
    studies = [one.study for one in answer.results] + ([query] if query else [])
    said = [
        f"{kind}: {owned.licence or 'licence not stated'}" + (f", {owned.credit}" if owned.credit else "")
        for study in studies
        for kind, all_owned in (("Films", study.films), ("Reports", (study.report,) if study.report else ()))
        for owned in all_owned
    ]
    return " · ".join(dict.fromkeys(said))


def rows(answer: Answer) -> list[dict[str, str | float | int]]:
    """Return the results as a table, with everything that cards shorten or leave out."""
    return [_row(one) for one in answer.results]


def _card(opened: Session, answer: Answer, one: Result) -> None:
    hit = one.hit
    st.markdown(f"**{hit.rank} {SIGNS[hit.relation]} {hit.relation}**")
    picture(
        opened, one.study, _number(hit.ref),
        f"Result {hit.rank}: film of study {one.study.id}, {hit.relation}, percentile {hit.percentile:.1f}",
        240,
    )  # fmt: skip
    moved = f" · search rank {one.searched}" if answer.reranked else ""
    st.text(f"{hit.percentile:.1f} percentile{moved}")
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="xsmall"):
        _buttons(answer, one)
    copies = f"×{hit.copies + 1} identical: " if hit.copies else ""
    st.text(copies + _short(one.text or "no report"))
    st.caption(shell.plain(_why(answer, one)))


def _buttons(answer: Answer, one: Result) -> None:
    rank = one.hit.rank
    if st.button(shell.plain(one.study.id), key=f"open_hit{rank}", type="tertiary", help="Open this study"):
        ids = list(dict.fromkeys(result.study.id for result in answer.results))
        state.show_results(f"retrieval, {answer.asked.source} → {answer.asked.find}", ids)
        state.go("case", study=one.study.id)
    if one.study.films:
        st.button(
            "similar", key=f"from_hit{rank}", type="tertiary", help="Search from this study's film",
            on_click=state.select, kwargs={"study": one.study.id, "q": "", "qi": "film0"},
        )  # fmt: skip


def _why(answer: Answer, one: Result) -> str:
    unsure = [name for name in answer.findings if one.study.labels.get(name) == -1]
    said = f"Both have: {', '.join(one.shared)}." if one.shared else "No finding in common."
    said += f" Left open there: {', '.join(unsure)}." if unsure else ""
    ref, text = one.nearest
    return f"{said} Nearest sentence {ref}: {_short(text)}" if ref else said


def _number(ref: str) -> int:
    """Return which film stands for an item; the first one for texts."""
    return int(ref.removeprefix("film")) if ref.startswith("film") else 0


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _row(one: Result) -> dict[str, str | float | int]:
    return {
        "rank": one.hit.rank,
        "study": one.study.id,
        "item": one.hit.ref,
        "relation": one.hit.relation,
        "shared findings": ", ".join(one.shared),
        "percentile": round(one.hit.percentile, 2),
        "score, this run only": round(one.hit.score, 5),
        "rank in the search": one.searched,
        "identical texts": one.hit.copies + 1,
        "text": one.text,
        "nearest sentence": " ".join(one.nearest),
    }
