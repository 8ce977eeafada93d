"""One study on the Poincaré disk: how general film and texts are, what contains what, the way to the root."""

import streamlit as st

from app import state
from medvis.explain.density import can_condition, rooted
from medvis.explain.figures.curves import root_distances
from medvis.explain.figures.disk import disk_figure, recentred
from medvis.explain.figures.marks import View
from medvis.explain.figures.strip import strip_figure
from medvis.explain.figures.theme import Theme, theme
from medvis.explain.hierarchy import STEPS, Walk
from medvis.explain.scene import DiskScene, Item, summary, table
from medvis.explain.session import Session
from medvis.types import Study

TITLE, GROUP, ORDER = "Hierarchy", "Space", 30
# What a bound widget shows is what the URL holds, so options are short and never a report's text.
DRAWINGS = {"Disk": disk_figure, "Unrolled": strip_figure}
MASSES: dict[str, tuple[float, ...]] = {"50 and 95 %": (0.5, 0.95), "95 %": (0.95,), "none": ()}
ALONE = "alone"
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
    _settle(opened)
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
    st.session_state["_theme_told"] = True


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


def _settle(opened: Session) -> None:
    """Begin anew where the run has changed: another space has another centre and another walk."""
    if st.session_state.get("_disk_run", opened.run.id) != opened.run.id:
        state.select(ax=0.0, ay=0.0, walk=0)
    st.session_state["_disk_run"] = opened.run.id


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
            "Drawing", list(DRAWINGS), default="Disk", required=True, key="geo", bind="query-params"
        )
        st.segmented_control(
            "Contours", list(MASSES), default="50 and 95 %", required=True, key="lvl", bind="query-params"
        )
        st.toggle("of every text", key="every", bind="query-params")
        given = ALONE
        if can_condition(opened) and study.films and study.report is not None:
            given = st.selectbox(
                "Place the film", [ALONE, "report", *(one.id for one in opened.sentences(study))],
                key="cond", bind="query-params", width=170,
                help="alone: of itself (global). report: given its own report (paired), which is never "
                "scored. f0, i0, …: given that sentence (conditioned).",
            )  # fmt: skip
        own = st.toggle("angles from this study only", key="own", bind="query-params")
    return "" if given in {None, ALONE} else str(given), bool(own)


def _selection(scene: DiskScene) -> Item:
    """Draw the list of items, the twin of clicking a point; return the chosen one."""
    refs = [item.ref for item in scene.items]
    sentence = st.session_state.get("sent") or ""
    if sentence in refs and sentence != st.session_state.get("_followed"):
        st.session_state["item"] = sentence  # chosen on another page since
    st.session_state["_followed"] = sentence
    if st.session_state.get("item", refs[0]) not in refs:
        st.session_state["item"] = refs[0]
    chosen = st.selectbox(
        "Selected item (or click a point)", refs, key="item", bind="query-params", on_change=_follow
    )
    return scene.item(str(chosen)) or scene.items[0]


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
        report = scene.truth(item.ref) or scene.truth("report") or next(iter(scene.truths), None)
        if report is None:
            st.text("There is no pair of film and report to compare in this study.")
            return
        asked = "this text" if report.general == item.ref else f"its own {report.general}"
        st.markdown(f"**Is the film inside {asked}? {'YES' if report.inside else 'NO'}**")
        st.text(report.told(scene.dims))
        if item.kind == "film":
            _every_text(scene)


def _every_text(scene: DiskScene) -> None:
    """Say which of its texts contain the film, and where the drawing is wrong."""
    inside = [one.general for one in scene.truths if one.inside]
    wrong = [one.general for one in scene.truths if one.disagrees]
    st.text(
        f"Inside {len(inside)} of its {len(scene.truths)} texts: {', '.join(inside) or 'none'}. "
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
            lost = f"  (drops: {', '.join(stop.dropped)})" if stop.dropped else ""
            mark = "▶" if number == here else "·"
            st.text(f"{mark} d {stop.distance:.2f}: {stop.text}{lost}")
        hidden = f" {found.hidden:,} texts are left out for their licence." if found.hidden else ""
        st.caption(f"Listed: {found.rule}, or the root where that is nearer. Repeats are dropped.{hidden}")
    return step / (STEPS - 1)


def _disk(scene: DiskScene, item: Item, step: float | None) -> None:
    """Draw the chosen figure and the buttons that move it."""
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="moves"):
        st.button(
            "Centre here", key="centre", on_click=_move, args=(item.at,),
            help="Moves the selected item towards the middle, at most 3 units; distances stay.",
        )  # fmt: skip
        st.button("Home", key="home", shortcut="0", on_click=_move_home, help="Root in the middle (0)")
        zoom = st.select_slider("Magnify (disk)", [1, 2, 4], key="mag", bind="query-params", width=130)
        x = st.number_input("Centre x", -1.0, 1.0, 0.0, 0.1, "%.6f", key="ax", bind="query-params", width=150)
        y = st.number_input("Centre y", -1.0, 1.0, 0.0, 0.1, "%.6f", key="ay", bind="query-params", width=150)
    view = View(
        centre=(x, y) if x * x + y * y < 1 else (0.0, 0.0),
        selected=item.ref,
        masses=MASSES[str(st.session_state["lvl"])],
        outlined=tuple(one.ref for one in scene.items if _outlined(one, item)),
        step=step,
        zoom=float(zoom),
    )
    draw = DRAWINGS[str(st.session_state["geo"])]
    place.plotly_chart(
        draw(scene, view, _look()), key="disk", theme=None, on_select=_on_point, selection_mode="points",
        config=CONFIG, alt=summary(scene, item.ref),
    )  # fmt: skip


def _outlined(one: Item, selected: Item) -> bool:
    return bool(st.session_state["every"]) or one.kind in {"film", "report"} or one.ref == selected.ref


def _look() -> Theme:
    """Return the palette of the page; before a session's second run the browser does not tell it truly."""
    known = st.session_state.get("_theme_told", False)
    return theme(dark=not known or st.context.theme.type != "light")


def _on_point() -> None:
    """Select what was clicked; a second click, which deselects in the figure, selects it again."""
    points = st.session_state["disk"]["selection"]["points"]
    clicked = [point["customdata"][0] for point in points if point.get("customdata")]
    ref = str(clicked[0]) if clicked else st.session_state.get("_clicked")
    if ref:
        st.session_state["_clicked"] = st.session_state["item"] = ref
        _follow()


def _move(goal: tuple[float, float]) -> None:
    at = st.session_state
    ax, ay = recentred((at["ax"], at["ay"]), goal)
    state.select(ax=ax, ay=ay)


def _move_home() -> None:
    state.select(ax=0.0, ay=0.0)


def _about(opened: Session, scene: DiskScene, studies: int) -> None:
    """Caption by the template, then the strip that says where it comes from."""
    record = opened.run.record
    spread = (
        "contours hold 50 and 95 % of a slice through the mean"
        if opened.store.manifest.about.densities
        else "lines from a text are the edges of its cone"
    )
    st.caption(
        f"**Shows** one study in the run's own space. **Computed from** {scene.dims} dimensions. "
        f"**Read it as** exact distances to the root; {spread}; dashed contradicts the test. "
        "**Do not read it as** a map: angles are a projection."
    )
    st.text(
        f"run {opened.run.id[:8]} · {record.method.upper()} re-implementation, settings inferred · "
        f"curvature −{scene.curv:.3g} · {opened.cohort.name}, {studies:,} studies · "
        f"angles from {scene.plane} keep {scene.kept:.0%}, "
        f"drawn distances are {scene.distortion:.0%} off on average · seed 0"
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
        st.dataframe(table(scene), hide_index=True)
