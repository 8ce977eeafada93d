"""The studies of the cohort: search, narrow down, open one."""

import streamlit as st

from app import state
from app.listing import LONGEST, Filters, Found
from medvis.explain.session import Session
from medvis.types import Study

TITLE, GROUP, ORDER = "Worklist", "Case", 10
ROWS, CARDS = 10, 24
ANY = "any"
WIDTHS = [0.8, 1.4, 0.8, 0.7, 2.4, 4.2]


def show() -> None:
    """Show the studies that fit, as a table or as pictures."""
    opened = state.session()
    found = state.search(_filters())
    _counts(found)
    if not found.studies:
        st.text("No study fits. Take a filter away.")
        return
    pictures = st.session_state.get("as") == "Pictures"
    each = CARDS if pictures else ROWS
    pages = -(-len(found.studies) // each)
    at = min(int(st.session_state.get("page", 1)), pages) - 1
    shown = found.studies[at * each : (at + 1) * each]
    (_grid if pictures else _table)(opened, shown, found)
    if pages > 1:
        st.pagination(pages, key="page", bind="query-params")


def _filters() -> Filters:
    """Draw the one search box and the facets; return what was asked for."""
    facets = state.facets()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        text = st.text_input(
            "Search reports", key="find", bind="query-params", max_chars=LONGEST,
            placeholder="words of the report or a study id", type="search", width=320,
        )  # fmt: skip
        finding = _facet("Finding", "finding", facets.findings)
        view = _facet("View", "view", facets.views)
        split = _facet("Split", "split", facets.splits)
        film = _facet("Film", "film", ("with", "without"))
        report = _facet("Report", "report", ("with", "without"))
        st.segmented_control(
            "Show as", ["Table", "Pictures"], default="Table", required=True, key="as", bind="query-params"
        )
    has = {"with": True, "without": False}
    return Filters(text or "", finding, view, split, has.get(film), has.get(report))


def _facet(label: str, key: str, options: tuple[str, ...]) -> str:
    """Return the chosen option; "" for any."""
    chosen = st.selectbox(label, [ANY, *options], key=key, bind="query-params", width=150)
    return "" if chosen in {None, ANY} else str(chosen)


def _counts(found: Found) -> None:
    """Say how many fit and what left the others out."""
    left = ", ".join(f"{name} {count:,}" for name, count in found.left_out.items())
    with st.container(horizontal=True, vertical_alignment="center", key="counts"):
        st.text(
            f"{len(found.studies):,} of {found.total:,} studies" + (f" · left out by {left}" if left else "")
        )
        if found.studies and st.button("Open the first", key="open_first", type="tertiary", shortcut="Enter"):
            _open(found, found.studies[0])


def _open(found: Found, study: Study) -> None:
    state.show_results(found.name, [one.id for one in found.studies])
    state.go("case", study=study.id)


def _table(opened: Session, shown: tuple[Study, ...], found: Found) -> None:
    header = st.columns(WIDTHS, vertical_alignment="center")
    for column, name in zip(header, ("Film", "Study", "View", "Split", "Findings", "Report"), strict=True):
        column.caption(name)
    for study in shown:
        with st.container(key=f"row_{study.id}"):
            film, name, view, split, findings, report = st.columns(WIDTHS, vertical_alignment="center")
            with film:
                _thumbnail(opened, study, 64)
            if name.button(study.id, key=f"open_{study.id}", type="tertiary"):
                _open(found, study)
            view.text(study.films[0].view or "not stated" if study.films else "no film")
            split.text(study.split)
            findings.text(_findings(study))
            report.text(_report(opened, study))


def _grid(opened: Session, shown: tuple[Study, ...], found: Found) -> None:
    with st.grid(8, min_column_width=130, gap="small"):
        for study in shown:
            with st.container(border=True, gap="xxsmall", key=f"card_{study.id}"):
                _thumbnail(opened, study, 160)
                if st.button(study.id, key=f"open_{study.id}", type="tertiary"):
                    _open(found, study)
                st.caption(_short(study))


def _thumbnail(opened: Session, study: Study, width: int) -> None:
    small = state.thumbnail(opened, study)
    if small is None:
        st.caption("no film")
    else:
        st.image(small, width=width, alt=f"Film of study {study.id}")


def _findings(study: Study) -> str:
    """Name what the labels say: present, and uncertain with a question mark."""
    named = [name + ("?" if value == -1 else "") for name, value in study.labels.items() if value]
    said = ", ".join(named) or ("none of the labels" if study.labels else "no labels")
    boxes = sum(len(film.regions) for film in study.films)
    return said + (f" · {boxes} known box{'' if boxes == 1 else 'es'}" if boxes else "")


def _report(opened: Session, study: Study) -> str:
    """Return the start of the report and how many sentences it has."""
    sentences = opened.sentences(study)
    if not sentences:
        return "no report"
    text = (study.report.impression or study.report.findings) if study.report else ""
    cut = text if len(text) <= 140 else f"{text[:139].rstrip()}…"
    return f"{cut} ({len(sentences)} sentence{'' if len(sentences) == 1 else 's'})"


def _short(study: Study) -> str:
    present = [name for name, value in study.labels.items() if value == 1]
    view = study.films[0].view or "view not stated" if study.films else "no film"
    return f"{view}, {len(present)} finding{'' if len(present) == 1 else 's'}"
