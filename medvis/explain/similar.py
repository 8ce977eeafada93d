"""Similar films and texts: what was found, why, what was left out, and what chance would have found."""

from collections import Counter
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medvis.geometry.lorentz import Lorentz
from medvis.store.matrix import Matrix
from medvis.types import Hit, Mode, Study

from .asked import Asked, findings, query
from .conditioned import FIRST, Encode, anew, can_rerank
from .density import words
from .retrieval import Exclude, Found, Query, present, related, search
from .session import Session


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
    again = asked.conditioned and can_rerank(session, asked)
    found = search(matrix, start, k=FIRST if again else asked.k, exclude=asked.exclude)
    hits = anew(session, asked, found.hits, encode) if again else found.hits
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
        reranked=len(found.hits) if again else 0,
        mode=Mode.CONDITIONED if again else plain,
    )


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
