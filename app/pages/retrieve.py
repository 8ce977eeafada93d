"""Similar films and reports: what was found, in which relation, and what was left out."""

import streamlit as st

from app import shell, state
from app.components import hits
from medvis.explain.asked import KINDS, LONGEST, Asked
from medvis.explain.conditioned import FIRST
from medvis.explain.density import can_condition
from medvis.explain.session import Session
from medvis.explain.similar import Answer
from medvis.types import Sentence, Study

TITLE, GROUP, ORDER = "Retrieve", "Space", 40
EVERY = "all studies"


def show() -> None:
    """Show what lies nearest to the film, sentence or typed text."""
    study, opened = state.study(), state.session()
    asked = _asked(opened, study)
    if asked is None:
        _nothing(study)
        return
    answer = _answered(asked)
    left, right = st.columns([1, 4], gap="medium")
    with left:
        _query(opened, study, answer)
    with right:
        _counts(answer)
        hits.cards(opened, answer, paper=bool(st.session_state.get("paper")))
    _about(opened, answer)
    with st.container(key="credits"):
        st.text(hits.credits(answer, study if answer.asked.source != "text" else None))
    with st.expander("Data"):
        st.dataframe(hits.rows(answer), hide_index=True)


def _nothing(study: Study | None) -> None:
    """Say that there is no query, and how to make one."""
    if study is None:
        st.text("Type what to look for, or choose a study whose film is searched from.")
    else:
        st.text("This study has nothing to search from. Type what to look for, or choose another study.")
    state.link("worklist", "Choose one in the worklist")


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
            "Among", [EVERY, *state.facets().splits], key="among", bind="query-params", width=130
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="choices"):
        siblings = st.toggle("Show same patient and identical texts", key="sib", bind="query-params")
        anew = can_condition(opened) and _anew()
        st.toggle(
            "Paper colours", key="paper", bind="query-params", help="Green, blue, red as in RECLF, Fig. 5"
        )
    asked = Asked(
        text or "", study.id if study else "", ref, str(find or "films"), int(count or 10), bool(siblings),
        anew, "" if among in {None, EVERY} else str(among),
    )  # fmt: skip
    return asked if asked.typed or ref else None


def _item(opened: Session, study: Study | None) -> str:
    """Let the person choose which item of the study asks; return its ref, "" without one."""
    if study is None:
        return ""
    refs = [f"film{k}" for k in range(len(study.films))]
    refs += [one.id for one in _sentences(opened, study)]
    if not refs:
        return ""
    kept: tuple[str, str] | None = st.session_state.get("_asked_of")
    here = st.session_state.get("qi")
    moved = kept is not None and kept[0] != study.id and kept[1] == here
    if here is not None and (here not in refs or moved):
        st.session_state["qi"] = refs[0]  # another study's third sentence says something else
    # Ids, not texts: what is chosen stands in the link.
    chosen = st.selectbox(
        "or from this study", refs, key="qi", bind="query-params", width=150,
        on_change=state.select, kwargs={"q": ""},
    )  # fmt: skip
    st.session_state["_asked_of"] = (study.id, chosen)
    return str(chosen or "")


def _sentences(opened: Session, study: Study) -> tuple[Sentence, ...]:
    """Return the sentences that may be shown and searched from."""
    if study.report is None or study.report.show == "restricted":
        return ()
    return opened.sentences(study)


def _anew() -> bool:
    """Let a method that places a film anew for each text do so; return whether it shall."""
    return bool(
        st.toggle(
            f"Re-rank the first {FIRST}, film given text", key="anew", bind="query-params",
            help="Places each film anew for the text it is compared with (mode conditioned). Only between "
            "films and texts. Never a film given its own report (mode paired).",
        )
    )  # fmt: skip


def _answered(asked: Asked) -> Answer:
    """Return what was found; films that must be read for it are counted while they are."""
    place = st.empty()
    state.prepare(
        asked,
        lambda done, total: place.progress(
            done / total, f"Reading films, once a run: {done} of {total} · {done / total:.0%}"
        ),
    )
    with place, st.spinner("Searching …", show_time=False):
        answer = state.answer(asked)
    place.empty()
    return answer


def _query(opened: Session, study: Study | None, answer: Answer) -> None:
    """Show what is searched for, and what else of the study could be."""
    asked = answer.asked
    st.caption(f"Query: {asked.source} → {asked.find}")
    if asked.source == "text":
        st.text(f"“{asked.typed}”")
    elif asked.source == "sentence" and study is not None:
        st.text(f"“{next(one.text for one in _sentences(opened, study) if one.id == asked.ref)}”")
    st.text(_findings(answer))
    if study is None:
        return
    number = int(asked.ref.removeprefix("film")) if asked.ref.startswith("film") else 0
    role = "Query" if asked.source == "film" else "Study"
    hits.picture(opened, study, number, f"{role}: film {number + 1} of study {study.id}", 320)
    _ways(opened, study, asked)


def _ways(opened: Session, study: Study, asked: Asked) -> None:
    """Let the person search from the film or a sentence with one click; the list above is its twin."""
    ways = {
        f"film{k}": f"film {k + 1}, {film.view or 'view not stated'}" for k, film in enumerate(study.films)
    }
    ways |= {one.id: f"{one.id}: {one.text}" for one in _sentences(opened, study)}
    st.caption(f"Study {shell.plain(study.id)}. Search from its")
    with st.container(key="ways", gap="xxsmall"):
        for ref, label in ways.items():
            mark = "▸ " if asked.source != "text" and ref == asked.ref else ""
            st.button(
                mark + shell.plain(label), key=f"way_{ref}", type="tertiary", on_click=state.select,
                kwargs={"q": "", "qi": ref},
            )  # fmt: skip
    if study.report is None:
        st.text("no report")
    elif study.report.show == "restricted":
        st.text("Its report is not shown: its licence is restricted.")


def _findings(answer: Answer) -> str:
    named = ", ".join(answer.findings)
    if answer.asked.source == "film":
        return f"Its labels: {named}" if named else "None of its labels is present: no finding to share."
    return f"It names: {named}" if named else "It names no finding of this cohort: none to share."


def _counts(answer: Answer) -> None:
    """Say what was ranked, what was left out, and what chance would find."""
    asked, out = answer.asked, answer.found.excluded
    left = {"of the same study": out.own, "of the same patient": out.patient, "of identical text": out.text}
    said = ", ".join(f"{count:,} {name}" for name, count in left.items() if count)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="left_out"):
        if asked.siblings:
            st.text(f"{answer.found.pool:,} {asked.find} ranked, same patient and identical texts among them")
        else:
            st.text(
                f"{answer.found.pool:,} {asked.find} ranked · left out: "
                + (said or "none (no same patient, no identical text)")
            )
        if said:
            st.button(
                "show", key="show_left_out", type="tertiary", on_click=state.select, kwargs={"sib": True}
            )
    if answer.nearest_left_out and answer.nearest_left_out == answer.nearest:
        why = "the same patient" if not out.text else "the same patient or an identical text"
        st.info(f"All {answer.nearest} nearest are {why}; they are left out.")
    elif answer.nearest_left_out:
        st.text(f"Of the {answer.nearest} nearest of all, {answer.nearest_left_out} left out.")
    if not answer.results:
        st.text("Nothing is left to be shown." if said else f"There are no {asked.find} here.")
    for line in _chances(answer):
        st.text(line)


def _chances(answer: Answer) -> list[str]:
    """Say what a list drawn blindly would hold beside what this one holds."""
    said, asked, own = [], answer.asked, answer.found.own
    if answer.chance is not None and answer.results:
        same, n = sum(bool(one.shared) for one in answer.results), len(answer.results)
        said.append(f"Sharing a finding: {same} of {n}; by chance {answer.chance * n:.1f} of {n}.")
    if own is not None:
        what = {
            "films": "other film" if asked.source == "film" else "own film",
            "reports": "own report", "sentences": "best own sentence",
        }[asked.find]  # fmt: skip
        stands = "stands" if asked.siblings else "would stand"
        said.append(
            f"Its {what} {stands} at rank {own.rank:,} of the search ({own.percentile:.1f} percentile); "
            f"in random order at {answer.blind:,.0f}."
        )
    return said


def _about(opened: Session, answer: Answer) -> None:
    """Caption by the template, then the strip that says where it comes from."""
    record, asked = opened.run.record, answer.asked
    st.caption(
        f"**Shows** the {asked.find} nearest to the query. **Computed from** places of mode "
        f"{answer.mode.value}, searched exactly. **Read it as** this run's order; percentile: share of "
        "the pool that scores lower. **Do not read it as** probability or diagnosis, nor compare runs."
    )
    again = f" · first {answer.reranked:,} re-ranked, percentiles are the search's" if answer.reranked else ""
    trained = opened.cohort.hash == record.cohort_hash and not asked.among
    st.text(
        f"run {opened.run.id[:8]} · {record.method.upper()} re-implementation, settings inferred · "
        f"{opened.cohort.name} {opened.cohort.hash[:8]}, {asked.among or EVERY}"
        f"{', those it was trained on too' if trained else ''} · {answer.found.pool:,} ranked{again}"
    )
