"""Similar films and texts: what was asked, what was found, why, and what chance would have found."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medvis.data import report as reports
from medvis.errors import NotFound
from medvis.geometry.lorentz import Lorentz
from medvis.store.matrix import Matrix
from medvis.types import Encoded, Hit, Mode, Study

from . import prompts
from .density import can_condition, words
from .mentions import mentioned
from .retrieval import Exclude, Found, Query, present, related, rerank, reranked, search
from .session import Session

KINDS = {"films": "film", "reports": "report", "sentences": "sentence"}
FIRST = 200  # results of the search that are ranked anew
LONGEST = 300  # characters of a typed text

Encode = Callable[[Study, int], Encoded]


@dataclass(frozen=True)
class Asked:
    """A search as a person asks it.

    Attributes:
        text: What was typed; if there is any, it is the query.
        study: Id of the study that the query is an item of otherwise.
        ref: Which item: "film0", "f3", "i0".
        find: One of KINDS.
        k: Results wanted.
        siblings: Whether the same patient and identical texts may be found too.
        conditioned: Whether the first 200 are ranked anew, each film conditioned on its text.
        among: Side of the split that is searched; "" for all.
    """

    text: str = ""
    study: str = ""
    ref: str = "film0"
    find: str = "films"
    k: int = 10
    siblings: bool = False
    conditioned: bool = False
    among: str = ""

    @property
    def typed(self) -> str:
        """The typed text as it is searched: one line, at most LONGEST characters."""
        return reports.squeeze(self.text)[:LONGEST].strip()

    @property
    def source(self) -> str:
        """What the query is: "film", "sentence" or "text"."""
        if self.typed:
            return "text"
        return "film" if self.ref.startswith("film") else "sentence"

    @property
    def crosses(self) -> bool:
        """Whether the search goes from film to text or back, so that films can be conditioned."""
        return (self.source == "film") != (self.find == "films")


@dataclass(frozen=True)
class Result:
    """One place of the list.

    Attributes:
        hit: Rank, percentile and relation.
        study: Its study.
        text: What it says; of a film, the impression of its report, or where there is none the findings.
        nearest: Sentence of its report that the run places nearest to the query: id and text; empty for
            sentences and studies without a report.
        shared: Findings that query and study both have.
        searched: Rank in the search, before anything was ranked anew.
    """

    hit: Hit
    study: Study
    text: str
    nearest: tuple[str, str]
    shared: tuple[str, ...]
    searched: int


@dataclass(frozen=True)
class Answer:
    """What a search found, and what is needed to judge it.

    Attributes:
        asked: What was asked.
        results: Best first.
        found: What the search itself said: pool, what was left out, where the own item stands.
        findings: What the query shows or names.
        nearest_left_out: How many of the k nearest of all were left out.
        nearest: How many those k were, fewer only in a small gallery.
        chance: Share of the pool that shares a finding with the query; None if the query has none.
        reranked: How many results were ranked anew.
        mode: What the places that were compared depend on.
    """

    asked: Asked
    results: tuple[Result, ...]
    found: Found
    findings: tuple[str, ...]
    nearest_left_out: int
    nearest: int
    chance: float | None
    reranked: int
    mode: Mode


def can_rerank(session: Session, asked: Asked) -> bool:
    """Return whether the run's method places a film anew for each text, and the search has both."""
    return asked.crosses and can_condition(session)


def query(session: Session, asked: Asked) -> Query:
    """Return where a search starts.

    Raises:
        NotFound: If the store has no such item.
    """
    if asked.typed:
        place = session.place_texts([asked.typed]).whole.mean[0]
        return Query(place, text=reports.text_hash(asked.typed))
    study = session.cohort.study(asked.study)
    rows = session.store.rows(study=study.id)
    if asked.ref not in rows.ref:
        raise NotFound(f"Study {study.id} has no place for {asked.ref}.", remedy="Choose another query.")
    at = rows.ref.index(asked.ref)
    own = reports.text_hash(study.report.text) if study.report is not None else ""
    return Query(rows.mean[at], study.id, asked.ref, study.patient, rows.text_hash[at] or own)


def findings(session: Session, asked: Asked) -> tuple[str, ...]:
    """Return what the query shows by its study's labels or, being a text, what it names and does not deny."""
    if asked.source == "film":
        return tuple(sorted(present(session.cohort.study(asked.study))))
    text = asked.typed
    if not text:
        study = session.cohort.study(asked.study)
        text = next((one.text for one in session.sentences(study) if one.id == asked.ref), "")
    return mentioned(text, prompts.findings(session.cohort.studies()))


def candidates(session: Session, matrix: Matrix, asked: Asked) -> tuple[tuple[Study, int], ...]:
    """Return the films that ranking anew has to encode: study and number of the film."""
    if not asked.conditioned or not can_rerank(session, asked):
        return ()
    if asked.source == "film":
        return ((session.cohort.study(asked.study), _number(asked.ref)),)
    found = search(matrix, query(session, asked), k=FIRST, exclude=_exclude(asked))
    return tuple((session.cohort.study(hit.study), _number(hit.ref)) for hit in found.hits)


def answer(session: Session, matrix: Matrix, asked: Asked, encode: Encode) -> Answer:
    """Return what a search finds, with its reasons.

    Args:
        session: A run on the cohort.
        matrix: The gallery that is asked for.
        asked: What is asked for.
        encode: Gives one film of a study as the model sees it; called only where films are conditioned.

    Raises:
        NotFound: If the query is not in the store.
    """
    start, named = query(session, asked), findings(session, asked)
    anew = asked.conditioned and can_rerank(session, asked)
    found = search(matrix, start, k=FIRST if anew else asked.k, exclude=_exclude(asked))
    hits = _anew(session, asked, found.hits, encode) if anew else found.hits
    searched = {(hit.study, hit.ref): hit.rank for hit in found.hits}
    hits = related(hits[: asked.k], patient=start.patient, findings=named, study=session.cohort.study)
    everything = search(matrix, start, k=asked.k, exclude=Exclude(False, False, False)).hits
    missed = Counter(hit.score for hit in everything) - Counter(hit.score for hit in found.hits)
    plain = Mode.GLOBAL if session.store.manifest.about.densities else Mode.POINT
    return Answer(
        asked=asked,
        results=tuple(_result(session, start, hit, named, searched) for hit in hits),
        found=found,
        findings=named,
        nearest_left_out=missed.total(),
        nearest=len(everything),
        chance=_chance(session, matrix, start, asked, named) if named else None,
        reranked=len(found.hits) if anew else 0,
        mode=Mode.CONDITIONED if anew else plain,
    )


def _exclude(asked: Asked) -> Exclude:
    return Exclude(False, False, False) if asked.siblings else Exclude()


def _number(ref: str) -> int:
    return int(ref.removeprefix("film"))


def _anew(session: Session, asked: Asked, hits: tuple[Hit, ...], encode: Encode) -> tuple[Hit, ...]:
    """Return the first hits in the order of the conditioned score."""
    if not hits:
        return hits
    if asked.source == "film":
        texts = session.read([_said(session, hit.study, hit.ref) for hit in hits])
        film = encode(session.cohort.study(asked.study), _number(asked.ref))
        return reranked(hits, rerank(session.model.method, film, texts)[0])
    text = session.read([asked.typed or _said(session, asked.study, asked.ref)])
    films = [encode(session.cohort.study(hit.study), _number(hit.ref)) for hit in hits]
    return reranked(hits, rerank(session.model.method, _stacked(films), text)[:, 0])


def _said(session: Session, study_id: str, ref: str) -> str:
    """Return a text as the model reads it, whoever may see it."""
    study = session.cohort.study(study_id)
    if ref == "report" and study.report is not None:
        return study.report.text
    return next(one.text for one in session.sentences(study) if one.id == ref)


def _stacked(films: list[Encoded]) -> Encoded:
    whole = torch.cat([film.whole for film in films])
    parts = torch.cat([film.parts for film in films])
    real = torch.cat([film.real for film in films])
    return Encoded("image", whole, parts, real, films[0].grid)


def _result(
    session: Session, start: Query, hit: Hit, named: tuple[str, ...], searched: dict[tuple[str, str], int]
) -> Result:
    study = session.cohort.study(hit.study)
    sentences = session.sentences(study)
    nearest = ("", "")
    if hit.ref.startswith("film") or hit.ref == "report":
        ref = _nearest(session, start.vector, study)
        nearest = (ref, words(study, sentences, ref)) if ref else nearest
        whole = study.report
        summary = "" if whole is None else "impression" if whole.impression.strip() else "findings"
        text = words(study, sentences, summary) if summary else ""
    else:
        text = words(study, sentences, hit.ref)
    shared = tuple(name for name in named if name in present(study))
    return Result(hit, study, text, nearest, shared, searched[hit.study, hit.ref])


def _nearest(session: Session, vector: Float[Tensor, " d"], study: Study) -> str:
    """Return the id of the study's sentence that lies nearest to the query; "" without sentences."""
    rows, about = session.store.rows(kinds=["sentence"], study=study.id), session.store.manifest.about
    if not len(rows):
        return ""
    places, here = rows.mean.double(), vector.double()
    if about.geometry == "lorentz":
        scores = -Lorentz(about.curv).dist_to(places, here.expand_as(places))
    else:
        scores = torch.nn.functional.cosine_similarity(places, here[None])
    return rows.ref[int(scores.argmax())]


def _chance(
    session: Session, matrix: Matrix, start: Query, asked: Asked, named: tuple[str, ...]
) -> float | None:
    """Return the share of the ranked rows whose study shares a finding with the query."""
    left = _left(matrix, start, asked)
    rows = torch.bincount(matrix.study.codes[left].long(), minlength=len(matrix.study.names))
    if not int(rows.sum()):
        return None
    same = [bool(set(named) & present(session.cohort.study(name))) for name in matrix.study.names]
    return float(rows[torch.tensor(same)].sum() / rows.sum())


def _left(matrix: Matrix, start: Query, asked: Asked) -> Bool[Tensor, " n"]:
    """Return which rows a search ranks: the same that `search` leaves."""
    left = torch.ones(len(matrix), dtype=torch.bool)
    own = matrix.study.where(start.study)
    left[[int(row) for row in own if matrix.ref[int(row)] == start.ref]] = False
    if not asked.siblings:
        left[own] = left[matrix.patient.where(start.patient)] = left[matrix.text.where(start.text)] = False
    return left
