"""One film and its report: where each word looks, on the film, in the browser."""

import streamlit as st

from app import state
from app.components.film import Picked, Scene, viewer
from medvis.explain.session import Session
from medvis.types import Study

TITLE, GROUP, ORDER = "Case", "Case", 20
NOTHING = Picked()


def show() -> None:
    """Show the study that follows the person, or ask for one."""
    study = state.study()
    if study is None:
        st.text("No study is chosen yet.")
        state.link("worklist", "Choose one in the worklist")
        return
    opened = state.session()
    index = _film(study)
    with st.spinner("Reading the film …", show_time=False):
        scene = state.scene(opened, study, index)
    place, caption = st.container(), st.container()
    _lists(scene)  # first, because they bring what the URL selects
    with place:
        viewer(scene, state.picked(NOTHING), key="viewer", on_picked=_on_picked)
    with caption:
        _about(opened, study, index, scene)


def _film(study: Study) -> int:
    """Return which film of the study is shown; the person chooses where there are several."""
    if len(study.films) < 2:
        return 0
    names = [f"{k + 1} {film.view or 'view not stated'}" for k, film in enumerate(study.films)]
    chosen = st.segmented_control(
        "Film",
        names,
        default=names[0],
        required=True,
        key="img",
        bind="query-params",
        label_visibility="collapsed",
    )
    return names.index(chosen) if chosen in names else 0


def _lists(scene: Scene) -> None:
    """Draw the same choices as lists, which also carry them into the URL."""
    box = st.expander("Choose sentence, word and threshold from lists")
    first, second, third, fourth = box.columns([2, 1, 1, 1], vertical_alignment="bottom")
    ids = [sentence.id for sentence in scene.sentences]
    first.selectbox(
        "Sentence", ["", *ids], key="sent", bind="query-params", on_change=state.select, kwargs={"word": -1}
    )
    chosen = next((one for one in scene.sentences if one.id == st.session_state.get("sent")), None)
    most = len(chosen.words) - 1 if chosen else -1
    second.number_input("Word (-1: whole sentence)", -1, max(most, 0), key="word", bind="query-params")
    third.number_input("Show from (× uniform)", 0.0, 10.0, NOTHING.thr, 0.5, key="thr", bind="query-params")
    fourth.toggle("Native grid", NOTHING.grid, key="grid", bind="query-params")
    if chosen is not None:
        box.text(f"{chosen.id}: {chosen.text}")


def _on_picked() -> None:
    chosen = st.session_state["viewer"]["picked"]
    state.select(
        sent=str(chosen["sent"]),
        word=int(chosen["word"]),
        thr=float(chosen["thr"]),
        grid=bool(chosen["grid"]),
    )


def _about(opened: Session, study: Study, index: int, scene: Scene) -> None:
    """Caption: what it shows, from what, how to read it; then whose film and report it is."""
    if scene.maps is not None:
        record = opened.run.record
        st.text(
            f"Shows where each word of the report looks, by run {record.name} ({record.method.upper()}, "
            f"{opened.run.id[:8]}). {scene.maps.context} A sentence is its words' mean. Read it as this "
            "model's attention, 1× being everywhere alike. Do not read it as a finding or its explanation."
        )
    film = study.films[index] if study.films else None
    said = [*film.notes, f"Film: {film.licence or 'licence not stated'}", film.credit] if film else []
    if study.report is not None:
        said += [f"Report: {study.report.licence or 'licence not stated'}", study.report.credit]
    with st.container(key="credits"):
        st.text(" · ".join(dict.fromkeys(part for part in said if part)))
