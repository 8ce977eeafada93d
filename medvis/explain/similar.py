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
        chance: Share of all possible results that share a finding with the query; None if it has none.
        blind: Where the own item of `found` would stand if the order were random, on average.
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
    blind: float
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
        blind=_blind(matrix, start, asked),
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
    """Return the share of all possible results whose study, as it would be shown, shares a finding."""
    left, own = _left(matrix, start, asked), matrix.study.where(start.study)
    order = matrix.rows.long()
    order = order[left[order]]
    if not len(order):
        return None
    later = len(order) * ~torch.isin(order, own)  # of one text, the query's own study is shown first
    first = torch.full((len(matrix.start) - 1,), 2 * len(order))
    first.scatter_reduce_(0, matrix.vector[order].long(), torch.arange(len(order)) + later, "amin")
    shown = matrix.study.codes[order[first[first < 2 * len(order)] % len(order)]]
    same = [bool(set(named) & present(session.cohort.study(name))) for name in matrix.study.names]
    return float(torch.tensor(same)[shown.long()].double().mean())


def _blind(matrix: Matrix, start: Query, asked: Asked) -> float:
    """Return the mean rank of the best own item if all items came in random order.

    Source: n others fall into the m + 1 gaps between m own items alike, so n / (m + 1) come first.
    """
    rows = [int(row) for row in matrix.study.where(start.study)]
    own = torch.unique(matrix.vector[[row for row in rows if matrix.ref[row] != start.ref]])
    left = torch.unique(matrix.vector[_left(matrix, start, asked)])
    return 1 + int((~torch.isin(left, own)).sum()) / (len(own) + 1)


def _left(matrix: Matrix, start: Query, asked: Asked) -> Bool[Tensor, " n"]:
    """Return which rows a search ranks: the same that `search` leaves."""
    left = torch.ones(len(matrix), dtype=torch.bool)
    own = matrix.study.where(start.study)
    left[[int(row) for row in own if matrix.ref[int(row)] == start.ref]] = False
    if not asked.siblings:
        left[own] = left[matrix.patient.where(start.patient)] = left[matrix.text.where(start.text)] = False
    return left
