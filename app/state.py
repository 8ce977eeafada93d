"""What the person is looking at: run, study, selection. The only file that caches and touches the URL."""

import atexit
import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app import listing
from app.components.film import Picked, Scene
from app.listing import Facets, Filters, Found, Results
from medvis import methods
from medvis.data import film as films
from medvis.data import places
from medvis.errors import MedvisError, NotFound
from medvis.explain import conditioned, density, hierarchy, similar
from medvis.explain.asked import KINDS, Asked
from medvis.explain.density import Backdrop
from medvis.explain.hierarchy import Library, Walk
from medvis.explain.scene import DiskScene
from medvis.explain.session import Seen, Session, open_session
from medvis.explain.similar import Answer
from medvis.methods import Paper
from medvis.store.matrix import Matrix
from medvis.store.runs import Run
from medvis.types import Encoded, Placed, Study

_PENDING, _PAGES, _RESULTS, _UNKNOWN = "_go", "_pages", "_results", "_unknown_run"
_LOADING = threading.Lock()
_HASHES: dict[str | type, Any] = {
    Session: lambda opened: (opened.run.id, opened.cohort.hash),
    Study: lambda study: study.id,
}


class UnknownStudy(NotFound):
    """A link to a study that is not here."""


@dataclass(frozen=True)
class Card:
    """A run as the picker shows it.

    Attributes:
        label: Name and the first 8 characters of its id: what the URL says.
        folder: Where it lies.
        id: Its id.
        about: Method and training in a few words.
    """

    label: str
    folder: Path
    id: str
    about: str


def settle(pages: dict[str, Any]) -> None:
    """Apply what `go` asked for and what the URL names, before anything is drawn.

    Args:
        pages: File name of each page -> its `st.Page`.
    """
    st.session_state[_PAGES] = pages
    for key, value in st.session_state.pop(_PENDING, {}).items():
        st.session_state[key] = value
    if "run" not in st.session_state:
        _settle_run(st.query_params.get("run", ""))


def go(page: str, **values: Any) -> None:  # noqa: ANN401
    """Switch to a page, setting keyed values such as `study`; a new study drops the selected sentence.

    Args:
        page: File name of the page, such as "case".
        values: Widget key -> value; they appear in the URL.
    """
    st.session_state[_PENDING] = _whole(values)
    # The empty mapping keeps streamlit from refusing to clear parameters that belong to widgets.
    st.switch_page(st.session_state[_PAGES][page], query_params={})


def select(**values: Any) -> None:  # noqa: ANN401
    """Set keyed values from a callback; a new study drops the selected sentence."""
    for key, value in _whole(values).items():
        st.session_state[key] = value


def link(page: str, label: str, **options: Any) -> None:  # noqa: ANN401
    """Draw a link to another page; run and study go with it."""
    st.page_link(st.session_state[_PAGES][page], label=label, **options)


def has_page(page: str) -> bool:
    """Return whether the app has a page of this file name."""
    return page in st.session_state[_PAGES]


def runs() -> tuple[Card, ...]:
    """Return all finished runs, the one named at the start first, then own ones."""
    found = [card for folder in places.runs() if (card := _card(str(folder), _stamp(folder)))]
    wanted = os.environ.get("MEDVIS_RUN", "")
    return tuple(sorted(found, key=lambda card: not (wanted and _fits(card, wanted))))


def session() -> Session:
    """Return the picked run on its cohort.

    Raises:
        NotFound: If there are no runs; the remedy says how to make one.
    """
    cards = {card.label: card for card in runs()}
    if not cards:
        raise NotFound(
            "There are no runs yet.", remedy="Run `medvis demo`, or train one with `medvis train`."
        )
    card = cards.get(str(st.session_state.get("run")), next(iter(cards.values())))
    return _session(str(card.folder.resolve()), _stamp(card.folder))


def unknown_run() -> bool:
    """Return, once, whether the link named a run that is not here."""
    return bool(st.session_state.pop(_UNKNOWN, False))


def study() -> Study | None:
    """Return the study that is looked at; None if none is chosen.

    Raises:
        UnknownStudy: If the link names one that is not in the cohort.
    """
    name = _named()
    if not name:
        return None
    try:
        return session().cohort.study(name)
    except NotFound:
        raise UnknownStudy(
            "There is no such study in this cohort.", remedy="Choose another one from the worklist."
        ) from None


def unknown_study() -> bool:
    """Return whether the link names a study that is not in the cohort."""
    try:
        study()
    except UnknownStudy:
        return True
    return False


def results() -> Results:
    """Return the list that previous and next step through; the whole cohort by default."""
    opened = session()
    kept: tuple[str, Results] | None = st.session_state.get(_RESULTS)
    return kept[1] if kept and kept[0] == opened.cohort.hash else _everything(opened)


def show_results(name: str, ids: Sequence[str]) -> None:
    """Make a list of studies the one that previous and next step through."""
    st.session_state[_RESULTS] = (session().cohort.hash, Results(name, tuple(ids)))


def step(by: int) -> str | None:
    """Return the id of the study so many steps on in the current list; None past its ends."""
    return results().step(_named(), by)


def picked(default: Picked) -> Picked:
    """Return what is selected in the film viewer, as the URL has it."""
    at = st.session_state
    thr, grid = float(at.get("thr", default.thr)), bool(at.get("grid", default.grid))
    return Picked(str(at.get("sent") or ""), int(at.get("word", -1)), thr, grid)


def search(filters: Filters) -> Found:
    """Return the studies that fit, with the count of what each filter left out."""
    return _search(session(), filters)


def facets() -> Facets:
    """Return what the studies of the current cohort can be chosen by."""
    return _facets(session())


def papers() -> dict[str, Paper]:
    """Return what each method is rebuilt from."""
    return {name: methods.find(name).paper for name in methods.discover()}


@st.cache_resource(max_entries=2000, show_spinner=False, hash_funcs=_HASHES)
def thumbnail(opened: Session, study: Study, side: int = 160, index: int = 0) -> bytes | None:
    """Return a small JPEG of one of a study's films, the first by default; None if it has none."""
    return films.encode_jpeg(opened.cohort.radiograph(study.films[index]), side) if study.films else None


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=_HASHES)
def seen(opened: Session, study: Study, index: int = 0) -> Seen:
    """Return a film as it is shown and as the model saw it."""
    return _loaded(opened).see(study, index)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def scene(opened: Session, study: Study, index: int = 0) -> Scene:
    """Return a film with its report and where its words look, ready to be shown."""
    sentences = opened.sentences(study)
    if not study.films:
        return Scene(study, sentences=sentences, mapless="This study has no film: nothing to point at.")
    found = seen(opened, study, index)
    image = films.encode_png(found.radiograph, 1024)
    if not sentences:
        return Scene(study, found.film, image, mapless="This study has no report: no words to point at.")
    return Scene(study, found.film, image, found.frame, opened.word_maps(study, found), sentences)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_HASHES)
def backdrop(opened: Session) -> Backdrop:
    """Return what the disks of every study of a run share."""
    return density.backdrop(opened.store, opened.run.record.config.get("cone", density.CONE))


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def disk(
    opened: Session, study: Study, film: str = "film0", given: str = "", own_plane: bool = False
) -> DiskScene | None:
    """Return a study on the disk, its film placed alone or given one of the report's texts."""
    placed = _placed(opened, study, film, given)
    return density.scene(opened, study, backdrop(opened), film=film, placed=placed, own_plane=own_plane)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def walk(opened: Session, study: Study, ref: str = "film0", given: str = "") -> Walk | None:
    """Return the walk to the root from an item of a study; None if the store has no such item."""
    placed, rows = _placed(opened, study, ref, given), opened.store.rows(study=study.id)
    if ref not in rows.ref:
        return None
    start = rows.mean[rows.ref.index(ref)] if placed is None else placed.whole.mean.reshape(-1)
    return hierarchy.walk(opened, _library(opened), start, backdrop(opened).cone)


def prepare(asked: Asked, told: Callable[[int, int], None]) -> None:
    """Encode the films that ranking anew needs, once a run.

    Args:
        asked: The search that will be answered.
        told: Called a few times a second with how many films are done and how many there are.
    """
    opened = session()
    films = conditioned.candidates(opened, _gallery(opened, asked.find, asked.among), asked)
    told_at = time.monotonic()
    for done, (study, index) in enumerate(films):
        if time.monotonic() - told_at > 0.25:
            told(done, len(films))
            told_at = time.monotonic()
        _encoded(opened, study, index)


def answer(asked: Asked) -> Answer:
    """Return what a search finds."""
    return _answer(session(), asked)


@st.cache_resource(max_entries=1, show_spinner=False)
def warm() -> None:
    """Load the model beside the first page, once a process; at its end let go of everything."""
    atexit.register(forget)
    if runs():
        threading.Thread(target=_warm, args=(session(),), name="medvis-warm").start()


def forget() -> None:
    """Let go of everything cached in this process, so that it can end without leaving connections open."""
    st.cache_resource.clear()
    gc.unfreeze()
    gc.collect()


def _warm(opened: Session) -> None:
    """Load what every session needs and spare it every later garbage collection.

    Streamlit collects at each rerun; frozen, what is loaded here is not walked again and again.
    """
    with contextlib.suppress(MedvisError):  # the page that needs the model says what is wrong with it
        _loaded(opened)
    gc.collect()
    gc.freeze()


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_HASHES)
def _library(opened: Session) -> Library:
    return hierarchy.library(opened)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def _answer(opened: Session, asked: Asked) -> Answer:
    matrix = _gallery(opened, asked.find, asked.among)
    return similar.answer(
        _loaded(opened) if asked.typed or asked.conditioned else opened,
        matrix, asked, lambda study, index: _encoded(opened, study, index),
    )  # fmt: skip


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_HASHES)
def _gallery(opened: Session, find: str, among: str) -> Matrix:
    return opened.store.matrix([KINDS[find]], split=among or None)


@st.cache_resource(max_entries=400, show_spinner=False, hash_funcs=_HASHES)
def _encoded(opened: Session, study: Study, index: int) -> Encoded:
    """Return a film as the model sees it, without the film: hundreds are kept."""
    return _loaded(opened).see(study, index).encoded


def _placed(opened: Session, study: Study, film: str, given: str) -> Placed | None:
    """Return where a film is given one of its texts; None if it is placed alone, or is no film."""
    if not given or not film.startswith("film"):
        return None
    return density.given(opened, study, seen(opened, study, int(film.removeprefix("film"))), given)


def _loaded(opened: Session) -> Session:
    """Return the session with its model loaded, which two threads must not do at once."""
    with _LOADING:
        opened.model  # noqa: B018
    return opened


def _whole(values: dict[str, Any]) -> dict[str, Any]:
    return {"sent": "", "word": -1, **values} if "study" in values else values


def _named() -> str:
    """Return the study's id as its widget has it, or, before that is drawn for the first time, the URL."""
    at = st.session_state if "study" in st.session_state else st.query_params
    return str(at.get("study") or "").strip()


def _settle_run(named: str) -> None:
    """Pick the run that a link names by label, name or prefix of its id; note it if it is not here."""
    fitting = [card for card in runs() if _fits(card, named)] if named else []
    if fitting:
        st.session_state["run"] = fitting[0].label
    elif named:
        st.session_state[_UNKNOWN] = True


def _fits(card: Card, named: str) -> bool:
    prefix = named.rpartition("-")[2]
    return named in {card.label, card.folder.name} or (len(prefix) >= 8 and card.id.startswith(prefix))


def _stamp(folder: Path) -> float:
    """Return when a run was last changed: a new one under an old name is another run."""
    return max((folder / "run.json").stat().st_mtime, folder.stat().st_mtime)


@st.cache_resource(max_entries=64, show_spinner=False)
def _card(folder: str, changed: float) -> Card | None:  # noqa: ARG001  part of the key
    try:
        run = Run.open(Path(folder))
    except MedvisError:
        return None  # `medvis doctor` tells which runs are damaged
    about = f"{run.record.method.upper()}, {run.record.steps:,} steps on {run.record.cohort_name}"
    return Card(f"{Path(folder).name}-{run.id[:8]}", Path(folder), run.id, about)


@st.cache_resource(max_entries=4, show_spinner=False)
def _session(folder: str, changed: float) -> Session:  # noqa: ARG001  part of the key
    return open_session(folder)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_HASHES)
def _everything(opened: Session) -> Results:
    return Results("all studies", tuple(one.id for one in opened.cohort.studies()))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_HASHES)
def _facets(opened: Session) -> Facets:
    return listing.facets(opened.cohort)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def _search(opened: Session, filters: Filters) -> Found:
    return listing.search(opened.cohort, filters)
