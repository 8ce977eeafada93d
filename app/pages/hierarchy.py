"""One study on the Poincaré disk: how general film and texts are, what contains what, the way to the root."""

import streamlit as st

from app import state
from medvis.explain.density import DiskScene, Item, can_condition, rooted, summary
from medvis.explain.figures.curves import root_distances
from medvis.explain.figures.disk import View, disk_figure, recentred, strip_figure
from medvis.explain.figures.theme import Theme, theme
from medvis.explain.hierarchy import STEPS, Walk
from medvis.explain.session import Session
from medvis.types import Study

TITLE, GROUP, ORDER = "Hierarchy", "Space", 30
SHAPES = {"disk": "Disk", "strip": "Unrolled"}
LEVELS = {"both": "50 and 95 %", "95": "95 %", "none": "no contours"}
MASSES = {"both": (0.5, 0.95), "95": (0.95,), "none": ()}
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "scrollZoom": False}


def show() -> None:
    """Show the study that follows the person on the disk, or ask for one."""
    study = state.study()
    if study is None:
        st.text("No study is chosen yet.")
        state.link("worklist", "Choose one in the worklist")
        return
    opened = state.session()
    if opened.store.manifest.about.geometry != "lorentz":
        _rootless(opened)
        return
    film = _film(study)
    given, own_plane = _settings(opened, study)
    with st.spinner("Placing the study …", show_time=False):
        scene = state.disk(opened, study, film, given, own_plane)
    if scene is None:
        st.text("This study has neither a film nor a report, so nothing of it has a place.")
        return
    left, right = st.columns([11, 8], gap="medium")
    with right:
        item = _selection(scene)
        _truth(scene, item)
        found = state.walk(opened, study, scene.film or scene.items[0].ref, given)
        step = _walk(found) if found is not None else None
    with left:
        _disk(scene, item, step)
        _about(opened, scene, len(opened.cohort.studies()))
    _distances(opened, scene)
    _data(scene)


def _rootless(opened: Session) -> None:
    """Say that this run has no hierarchy, and offer the runs that have one."""
    st.text(
        f"Run {opened.run.record.name} uses {opened.run.record.method.upper()}, which lives on a sphere: "
        "no root, no hierarchy. Choose a hyperbolic run."
    )
    others = [card for card in state.runs() if rooted(card.folder)]
    if not others:
        st.text("This installation has none yet: train one with `medvis train hyden` or `medvis train meru`.")
    for card in others:
        st.button(
            f"Open {card.label} ({card.about})", key=f"run_{card.label}", on_click=state.select,
            kwargs={"run": card.label},
        )  # fmt: skip


def _film(study: Study) -> str:
    """Return the film that is compared with the texts; the person chooses where there are several."""
    if len(study.films) < 2:
        return "film0"
    names = [f"{k + 1} {film.view or 'view not stated'}" for k, film in enumerate(study.films)]
    chosen = st.segmented_control(
        "Film", names, default=names[0], required=True, key="img", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return f"film{names.index(chosen) if chosen in names else 0}"


def _settings(opened: Session, study: Study) -> tuple[str, bool]:
    """Draw what changes the places; return the text that the film is given and whose plane is drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="settings"):
        st.segmented_control(
            "Drawing", list(SHAPES), default="disk", required=True, key="geo", bind="query-params",
            format_func=SHAPES.get,
        )  # fmt: skip
        st.segmented_control(
            "Contours", list(LEVELS), default="both", required=True, key="lvl", bind="query-params",
            format_func=LEVELS.get,
        )  # fmt: skip
        st.toggle("of every sentence", key="every", bind="query-params")
        given = ""
        if can_condition(opened) and study.films and study.report is not None:
            refs = ["", "report", *(one.id for one in opened.sentences(study))]
            given = st.selectbox(
                "Place the film", refs, key="cond", bind="query-params", format_func=_condition, width=260,
            )  # fmt: skip
        own = st.toggle("angles from this study only", key="own", bind="query-params")
    return str(given or ""), bool(own)


def _condition(ref: str) -> str:
    names = {"": "of itself alone (global)", "report": "given its own report (paired)"}
    return names.get(ref, f"given sentence {ref} (conditioned)")


def _selection(scene: DiskScene) -> Item:
    """Draw the list of items, the twin of clicking a point; return the chosen one."""
    refs = [item.ref for item in scene.items]
    if st.session_state.get("item", refs[0]) not in refs:
        st.session_state["item"] = refs[0]
    names = {item.ref: _short(item) for item in scene.items}
    chosen = st.selectbox(
        "Selected item", refs, key="item", bind="query-params", format_func=names.get, on_change=_follow
    )
    return scene.item(str(chosen)) or scene.items[0]


def _short(item: Item) -> str:
    text = item.text if item.kind in {"film", "sentence"} else f"{item.kind}: {item.text}"
    cut = text if len(text) <= 70 else f"{text[:69].rstrip()}…"
    return f"{item.ref}: {cut}" if item.kind == "sentence" else cut


def _follow() -> None:
    """Let a chosen sentence be chosen on the other pages too."""
    ref = str(st.session_state.get("item") or "")
    state.select(sent=ref if ref[:1] in {"f", "i"} and ref[1:].isdigit() else "", word=-1)


def _truth(scene: DiskScene, item: Item) -> None:
    """Say what holds in all dimensions beside what is drawn."""
    with st.container(border=True, key="truth"):
        st.text(item.text)
        spread = "" if item.sigma is None else f" · mean σ = {item.sigma:.3f}"
        st.text(
            f"d = {item.distance:.3f} from the root{spread} · place {item.mode.value} · "
            f"angle kept {item.fidelity:.0%}"
        )
        found = scene.truth(item.ref)
        if found is None:
            _all_truths(scene)
            return
        asked = "Is the film inside this text?"
        st.markdown(f"**{asked} {'YES' if found.inside else 'NO'}**")
        st.text(found.told(scene.dims))


def _all_truths(scene: DiskScene) -> None:
    """Say of a film which texts contain it."""
    if not scene.truths:
        st.text("This study has no report: there is no text to compare the film with.")
        return
    inside = [one.general for one in scene.truths if one.inside]
    wrong = [one.general for one in scene.truths if one.disagrees]
    st.markdown(f"**Inside {len(inside)} of its {len(scene.truths)} texts**")
    st.text(
        f"In {scene.dims} dimensions: {', '.join(inside) or 'none'}. "
        f"The drawing says otherwise of {', '.join(wrong) or 'none'}."
    )


def _walk(found: Walk) -> float:
    """Draw the walk to the root; return how far along it the person is, 0 to 1."""
    with st.container(border=True, key="walk_box"):
        step = st.slider("Walk to the root, step", 0, STEPS - 1, 0, key="walk", bind="query-params")
        here = found.at[step]
        st.text(
            f"step {step + 1} of {STEPS} · d = {found.path.distances[step]:.2f} · "
            f"{found.path.entailing[step]:,} of {found.pool:,} texts entail this point"
        )
        for number, stop in enumerate(found.stops):
            lost = f"   (drops: {', '.join(stop.dropped)})" if stop.dropped else ""
            mark = "▶" if number == here else "  "
            st.text(f"{mark} d {stop.distance:.2f}  {stop.text}{lost}")
        hidden = f" {found.hidden:,} texts are left out for their licence." if found.hidden else ""
        st.caption(f"Listed: {found.rule}, or the root where that is nearer. Repeats are dropped.{hidden}")
    return step / (STEPS - 1)


def _disk(scene: DiskScene, item: Item, step: float | None) -> None:
    """Draw the chosen figure and the buttons that move it."""
    view = _view(scene, item, step)
    draw = strip_figure if st.session_state.get("geo") == "strip" else disk_figure
    st.plotly_chart(
        draw(scene, view, _look()), key="disk", theme=None, on_select=_on_point, selection_mode="points",
        config=CONFIG, alt=summary(scene, item.ref),
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="moves"):
        st.button(
            "Centre here", key="centre", on_click=_move, args=(view.centre, item.at),
            help="Moves the selected item towards the middle, at most 3 units; distances stay.",
        )  # fmt: skip
        st.button("Home", key="home", shortcut="0", on_click=_move_home, help="Root in the middle (0)")
        st.select_slider("Magnify", [1, 2, 4], key="mag", bind="query-params", width=160)
        st.number_input("Centre x", -0.999999, 0.999999, 0.0, 0.1, "%.6f", key="ax", bind="query-params")
        st.number_input("Centre y", -0.999999, 0.999999, 0.0, 0.1, "%.6f", key="ay", bind="query-params")


def _view(scene: DiskScene, item: Item, step: float | None) -> View:
    at = st.session_state
    centre = (float(at.get("ax") or 0.0), float(at.get("ay") or 0.0))
    if centre[0] ** 2 + centre[1] ** 2 >= 1:
        centre = (0.0, 0.0)
    every = {one.ref for one in scene.items if at.get("every") or one.kind in {"film", "report"}}
    return View(
        centre=centre,
        selected=item.ref,
        masses=MASSES.get(str(at.get("lvl")), MASSES["both"]),
        outlined=tuple(every | {item.ref}),
        step=step,
        zoom=float(at.get("mag") or 1),
    )


def _look() -> Theme:
    return theme(dark=st.context.theme.type != "light")


def _on_point() -> None:
    """Select what was clicked; clicking it once more deselects it in the figure, not here."""
    points = st.session_state["disk"]["selection"]["points"]
    clicked = [point["customdata"][0] for point in points if point.get("customdata")]
    if clicked:
        st.session_state["item"] = str(clicked[0])
        _follow()


def _move(centre: tuple[float, float], goal: tuple[float, float]) -> None:
    ax, ay = recentred(centre, goal)
    state.select(ax=ax, ay=ay)


def _move_home() -> None:
    state.select(ax=0.0, ay=0.0)


def _about(opened: Session, scene: DiskScene, studies: int) -> None:
    """Caption by the template, then the strip that says where it comes from."""
    record = opened.run.record
    spread = (
        "A contour is the slice of a density through its mean: 50 % and 95 % of that slice."
        if opened.store.manifest.about.densities
        else "Lines from a text are the edges of its entailment cone."
    )
    st.caption(
        "**Shows** this study in the run's own space. "
        f"**Computed from** {scene.dims} dimensions, curvature −{scene.curv:.3g}. "
        f"**Read it as** distance from the root: exact, rings count it. {spread} "
        "Dashed: the drawing and the test in all dimensions disagree. "
        "**Do not read it as** a map of patients: angles are a projection."
    )
    st.text(
        f"run {opened.run.id[:8]} · {record.method.upper()} re-implementation, settings inferred · "
        f"{opened.cohort.name}, {studies:,} studies · angles from {scene.plane}, which keep "
        f"{scene.kept:.0%} · drawn distances are {scene.distortion:.0%} off on average · seed 0"
    )


def _distances(opened: Session, scene: DiskScene) -> None:
    here: dict[str, list[float]] = {}
    for item in scene.items:
        here.setdefault(item.kind, []).append(item.distance)
    with st.expander("Distance to the root by kind, whole run"):
        st.plotly_chart(
            root_distances(state.backdrop(opened).distances, here, _look()), key="distances", theme=None,
            config={"displayModeBar": False},
            alt="Histograms of the distance to the root, one for each kind of item; this study is marked.",
        )  # fmt: skip


def _data(scene: DiskScene) -> None:
    with st.expander("Data"):
        st.dataframe([_row(scene, item) for item in scene.items], hide_index=True)


def _row(scene: DiskScene, item: Item) -> dict[str, str | float | bool | None]:
    found = scene.truth(item.ref)
    return {
        "item": item.ref,
        "text": item.text,
        "d to root": round(item.distance, 4),
        "mean σ": item.sigma,
        "place": item.mode.value,
        "angle kept": round(item.fidelity, 3),
        "film inside": None if found is None else found.inside,
        "drawn inside": None if found is None else found.drawn_inside,
        "KL or angle": None if found is None else round(found.amount, 3),
        "± error": None if found is None else round(found.error, 3),
        "limit": None if found is None else round(found.limit, 3),
        "coverage": None if found is None else found.coverage,
    }
