"""Similar films and reports: what was found, in which relation, and what was left out."""

import streamlit as st

from app import shell, state
from medvis.explain.density import can_condition
from medvis.explain.session import Session
from medvis.explain.similar import FIRST, KINDS, LONGEST, Answer, Asked, Result
from medvis.types import Study

TITLE, GROUP, ORDER = "Retrieve", "Space", 40
SIGNS = {"same patient": "✓", "same finding": "≈", "other": "–"}
AMONG = {"": "all studies", "train": "train", "val": "val", "test": "test"}
OWN = {"films": "other film", "reports": "report", "sentences": "best own sentence"}


def show() -> None:
    """Show what lies nearest to the film, sentence or typed text."""
    study, opened = state.study(), state.session()
    asked = _asked(opened, study)
    if asked is None:
        st.text("No study is chosen yet, and no text is typed.")
        state.link("worklist", "Choose a study in the worklist")
        return
    answer = _answered(asked)
    left, right = st.columns([1, 4], gap="medium")
    with left:
        _query(opened, study, answer)
    with right:
        _counts(answer)
        _cards(opened, answer)
    _about(opened, answer)
    _data(answer)


def _asked(opened: Session, study: Study | None) -> Asked | None:
    """Draw the query and the choices; return what is asked, None without a query."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="asking"):
        # A typed text may be a sentence of a report: it stays out of links where reports are restricted.
        shared = "query-params" if opened.cohort.about.get("show") != "restricted" else None
        text = st.text_input(
            "Search by text", key="q", bind=shared, max_chars=LONGEST, type="search", width=340,
            placeholder="such as: left pleural effusion",
        )  # fmt: skip
        ref = _item(opened, study)
        find = st.segmented_control(
            "Find", list(KINDS), default="films", required=True, key="dir", bind="query-params"
        )
        count = st.segmented_control(
            "Results", [5, 10, 20], default=10, required=True, key="k", bind="query-params"
        )
        among = st.selectbox(
            "Among", list(AMONG), key="among", bind="query-params", format_func=AMONG.get, width=130
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="choices"):
        siblings = st.toggle("Show same patient and identical texts", key="sib", bind="query-params")
        anew = _anew(opened)
        st.toggle(
            "Paper colours", key="paper", bind="query-params", help="Green, blue, red as in RECLF, Fig. 5"
        )
    asked = Asked(
        text or "", study.id if study else "", ref, str(find), int(count), bool(siblings), anew,
        str(among or ""),
    )  # fmt: skip
    return asked if asked.typed or (study is not None and ref) else None


def _item(opened: Session, study: Study | None) -> str:
    """Let the person choose which item of the study asks; return its ref, "" without one."""
    if study is None:
        return ""
    names = {
        f"film{k}": f"film {k + 1}, {film.view or 'view not stated'}" for k, film in enumerate(study.films)
    }
    if study.report is not None and study.report.show != "restricted":
        names |= {one.id: f"{one.id}: {one.text}" for one in opened.sentences(study)}
    if st.session_state.get("qi") not in names:
        st.session_state.pop("qi", None)
    chosen = st.selectbox(
        "or from this study", list(names), key="qi", bind="query-params", format_func=names.get, width=300,
        on_change=state.select, kwargs={"q": ""},
    )  # fmt: skip
    return str(chosen or "")


def _anew(opened: Session) -> bool:
    """Let methods that place a film anew for each text do so; return whether they shall."""
    if not can_condition(opened):
        return False
    return bool(
        st.toggle(
            f"Re-rank the first {FIRST}, film given text", key="anew", bind="query-params",
            help="Places each film anew for the text it is compared with (mode conditioned). Only between "
            "films and texts. Never with a film's own report (mode paired).",
        )
    )  # fmt: skip


def _answered(asked: Asked) -> Answer:
    """Return what was found; films that must be read for it are counted while they are."""
    place = st.empty()

    def told(done: int, total: int) -> None:
        if total > 1:
            place.progress(done / total, f"Reading film {done + 1} of {total}, once a run")

    state.prepare(asked, told)
    with place, st.spinner("Searching …", show_time=False):
        answer = state.answer(asked)
    place.empty()
    return answer


def _query(opened: Session, study: Study | None, answer: Answer) -> None:
    """Show what is searched for."""
    asked = answer.asked
    st.caption(f"Query: {asked.source} → {asked.find}")
    if asked.source == "text":
        st.text(f"“{asked.typed}”")
        if study is not None:
            st.button("Search from the study", key="back", on_click=state.select, kwargs={"q": ""})
    elif study is not None:
        if asked.source == "sentence":
            st.text(next(one.text for one in opened.sentences(study) if one.id == asked.ref))
        _picture(opened, study, f"Query: film of study {study.id}", 320)
        st.text(f"study {study.id}")
        st.text(_impression(study))
    st.text(_findings(answer))


def _impression(study: Study) -> str:
    if study.report is None:
        return "no report"
    if study.report.show == "restricted":
        return "Its report is not shown: its licence is restricted."
    return study.report.impression or study.report.findings


def _findings(answer: Answer) -> str:
    named = ", ".join(answer.findings)
    if answer.asked.source == "film":
        return f"Its labels: {named}" if named else "No label of its study is present, so nothing is alike."
    if named:
        return f"Findings it names: {named}"
    return "It names no finding of this cohort's labels, so no result can be of the same finding."


def _counts(answer: Answer) -> None:
    """Say what was ranked, what was left out, and what chance would find."""
    out, asked = answer.found.excluded, answer.asked
    left = {"of the same study": out.own, "of the same patient": out.patient, "of identical text": out.text}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="left_out"):
        said = (
            "nothing is left out"
            if asked.siblings
            else "left out " + ", ".join(f"{count:,} {name}" for name, count in left.items())
        )
        st.text(f"{answer.found.pool:,} {asked.find} ranked · {said}")
        if any(left.values()) and not asked.siblings:
            st.button(
                "show", key="show_left_out", type="tertiary", on_click=state.select, kwargs={"sib": True}
            )
    if answer.nearest_left_out and answer.nearest_left_out == answer.nearest:
        why = "the same patient" if not out.text else "the same patient or an identical text"
        st.info(f"All {answer.nearest} nearest are {why}; they are left out.")
    elif answer.nearest_left_out:
        st.text(
            f"{answer.nearest_left_out} of the {answer.nearest} nearest of all are among what is left out."
        )
    st.text(" · ".join(_chances(answer)))


def _chances(answer: Answer) -> list[str]:
    said = []
    if answer.chance is not None and answer.results:
        same = sum(bool(one.shared) for one in answer.results)
        said.append(
            f"same finding: {same} of {len(answer.results)}, by chance {answer.chance:.0%} of the pool"
        )
    own = answer.found.own
    if own is not None:
        rank = f"its {OWN[answer.asked.find]} would be at rank {own.rank:,} ({own.percentile:.1f} pct)"
        said.append(f"{rank}, by chance at {(answer.found.pool + 1) // 2:,}")
    return said


def _cards(opened: Session, answer: Answer) -> None:
    if not answer.results:
        st.text("Nothing is left to be shown: every item of this gallery was left out, or there is none.")
        return
    style = "paper" if st.session_state.get("paper") else "hit"
    with st.grid(5, min_column_width=170, gap="small"):
        for one in answer.results:
            relation = one.hit.relation.replace(" ", "_")
            with st.container(gap="xxsmall", key=f"{style}_{relation}_{one.hit.rank}"):
                _card(opened, answer, one)


def _card(opened: Session, answer: Answer, one: Result) -> None:
    hit, anew = one.hit, f" (search: {one.searched})" if answer.reranked else ""
    st.text(f"{hit.rank}{anew} · {hit.percentile:.1f} pct")
    st.markdown(f"**{SIGNS[hit.relation]} {hit.relation}**")
    _picture(
        opened, one.study,
        f"Result {hit.rank}: film of study {one.study.id}, {hit.relation}, percentile {hit.percentile:.1f}",
        240,
    )  # fmt: skip
    if st.button(shell.plain(one.study.id), key=f"open_{hit.rank}", type="tertiary"):
        ids = list(dict.fromkeys(result.study.id for result in answer.results))
        state.show_results(f"retrieval ({answer.asked.source} → {answer.asked.find})", ids)
        state.go("case", study=one.study.id)
    if hit.copies:
        st.text(f"×{hit.copies + 1} identical")
    st.text(_why(one))
    st.text(_short(one.text))


def _why(one: Result) -> str:
    return f"both: {', '.join(one.shared)}" if one.shared else "no finding shared"


def _short(text: str, longest: int = 150) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _picture(opened: Session, study: Study, alt: str, side: int) -> None:
    if not study.films:
        st.caption("no film")
    elif study.films[0].show == "restricted":
        st.caption("Film not shown: its licence is restricted.")
    elif small := state.thumbnail(opened, study, side):
        st.image(small, width="stretch", alt=alt)


def _about(opened: Session, answer: Answer) -> None:
    """Caption by the template, then where it comes from and whose films and reports are shown."""
    record = opened.run.record
    st.caption(
        f"**Shows** the {answer.asked.find} nearest to the query. **Computed from** places of mode "
        f"{answer.mode.value}; exact search. **Read it as** this run's order; pct: share of the pool that "
        "scores lower. **Do not read it as** a probability or a diagnosis, nor compare scores between runs."
    )
    st.text(
        f"run {opened.run.id[:8]} · {record.method.upper()} re-implementation, settings inferred · "
        f"{opened.cohort.name} ({opened.cohort.hash[:8]}), {AMONG[answer.asked.among]} · "
        f"{answer.found.pool:,} ranked"
    )


def _data(answer: Answer) -> None:
    with st.expander("Data"):
        st.dataframe([_row(one) for one in answer.results], hide_index=True)


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
