"""The frame around every page: notice, run, licence, and the study that follows the person."""

from pathlib import Path

import streamlit as st

from app import state
from medvis.explain.session import Session
from medvis.types import Study

NOTICE = "Research tool – not for diagnostic use. Model output may be wrong."
JUMPS = (("case", "Case"), ("hierarchy", "Hierarchy"), ("retrieve", "Similar"))


def notice() -> None:
    """Draw the notice that nobody can close; it is the first thing on every page."""
    st.html(f"<style>{(Path(__file__).parent / 'components' / 'shell.css').read_text()}</style>")
    with st.container(key="notice"):
        st.markdown(f"⚠ **{NOTICE.partition('.')[0]}.** {NOTICE.partition('.')[2].strip()}")


def controls(here: str) -> None:
    """Draw the run picker, the data's licence and the study chip.

    Args:
        here: File name of the page being shown.
    """
    with st.container(key="shell", horizontal=True, vertical_alignment="center", gap="small"):
        _runs()
        opened = state.session()
        _chip(opened)
        _jumps(here)
        _licence(opened)
    if state.unknown_study():
        st.warning("This link names a study that this installation does not have. Choose another one.")
    if state.unknown_run():
        st.info("This link names a run that this installation does not have; another one is shown.")


def plain(text: str) -> str:
    """Return text that markdown shows as it stands, without links, colours or formulas."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|~$:" else sign for sign in text)


def _runs() -> None:
    cards = state.runs()
    if not cards:
        return
    st.selectbox(
        "Run", [card.label for card in cards], key="run", bind="query-params",
        label_visibility="collapsed", width=230,
    )  # fmt: skip


def _licence(opened: Session) -> None:
    """Write the licence as the data's own rows have it; all of them where there are several."""
    counts: dict[str, int] = opened.cohort.about.get("licences", {})
    most = max(counts, key=lambda name: counts[name]) if counts else "licence not stated"
    others = f" and {len(counts) - 1} more" if len(counts) > 1 else ""
    with st.container(key="licence", horizontal=True, horizontal_alignment="right"):
        st.text(
            f"{opened.cohort.name} · {most}{others}",
            help="\n\n".join(plain(f"{name}: {count:,}") for name, count in counts.items()) or None,
        )


def _chip(opened: Session) -> None:
    """Draw the study that every page accepts, with previous and next in the current list."""
    back, on = state.step(-1), state.step(1)
    chosen = None if state.unknown_study() else state.study()
    st.button(
        "◀", key="previous", shortcut="B", disabled=back is None, help="Previous study in the list (B)",
        on_click=state.select, kwargs={"study": back},
    )  # fmt: skip
    with st.container(
        key="chip", horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
    ):
        if chosen is not None and (small := state.thumbnail(opened, chosen)):
            st.image(small, width=34, alt=f"Film of study {chosen.id}")
        st.text_input(
            "Study", key="study", bind="query-params", placeholder="study id", max_chars=120, width=150,
            label_visibility="collapsed", on_change=state.select, kwargs={"sent": "", "word": -1},
        )  # fmt: skip
        st.text(_about(chosen))
    st.button(
        "▶", key="next", shortcut="N", disabled=on is None, help="Next study in the list (N)",
        on_click=state.select, kwargs={"study": on},
    )  # fmt: skip


def _about(study: Study | None) -> str:
    listed = state.results()
    if study is None:
        return f"{listed.name} · {len(listed.ids):,}"
    at = f"{listed.ids.index(study.id) + 1} of {len(listed.ids):,}" if study.id in listed.ids else "not"
    view = study.films[0].view or "view not stated" if study.films else "no film"
    present = sum(value == 1 for value in study.labels.values())
    findings = f"{present} finding{'' if present == 1 else 's'} · " if study.labels else ""
    return f"{view} · {findings}{at} in {listed.name}"


def _jumps(here: str) -> None:
    with st.container(key="jumps", horizontal=True, gap="xsmall", width="content"):
        for page, label in JUMPS:
            if page != here and state.has_page(page):
                state.link(page, label)
