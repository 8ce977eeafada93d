"""Finds the nearest films or texts exactly, and says what was left out and why."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medvis.methods.base import Conditions, Method
from medvis.store.matrix import Matrix
from medvis.types import Encoded, Hit, Study

from .scan import Scan, ranked

FILMS = 50  # films that are conditioned at a time


@dataclass(frozen=True)
class Query:
    """Where a search starts, and what is known about it.

    Attributes:
        vector: Place of the film or text.
        study: Its study; empty for what was typed or uploaded.
        ref: Which item of its study.
        patient: Its patient.
        text: Hash of its text; of a film, of its own report.
    """

    vector: Float[Tensor, " d"]
    study: str = ""
    ref: str = ""
    patient: str = ""
    text: str = ""


@dataclass(frozen=True)
class Exclude:
    """What a search leaves out besides the query itself: each would be found for the wrong reason.

    Attributes:
        own: Other items of the query's own study, such as its other film or its report.
        patient: Other studies of the same patient.
        text: Other studies' items with the very same text.
    """

    own: bool = True
    patient: bool = True
    text: bool = True


@dataclass(frozen=True)
class Excluded:
    """How many rows of the gallery were left out; a row counts once, for the first reason that holds."""

    itself: int = 0
    own: int = 0
    patient: int = 0
    text: int = 0


@dataclass(frozen=True)
class Own:
    """Where the best item of the query's own study stands in the list, listed or left out.

    Attributes:
        ref: Which item of the study.
        score: As in Hit.
        rank: 1 + results of the list that score higher.
        percentile: Share of the list's rows, in percent, that score lower.
    """

    ref: str
    score: float
    rank: int
    percentile: float


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        hits: Best first; items of the same text are one hit.
        pool: Rows that were ranked.
        excluded: Rows that were left out.
        own: Where the query's own study stands; None if the gallery has nothing of it.
        proven: Vectors that were ranked in float64 until the list was proven exact.
    """

    hits: tuple[Hit, ...]
    pool: int
    excluded: Excluded
    own: Own | None
    proven: int


def search(
    matrix: Matrix, query: Query, *, k: int = 10, keep: int = 400, exclude: Exclude | None = None
) -> Found:
    """Return the k nearest of a gallery: by geodesic distance, or by cosine on the sphere.

    Score is minus the distance, or the cosine. The list is exact: ties come in the gallery's order.

    Args:
        matrix: The gallery.
        query: Where to look from.
        k: Length of the list.
        keep: Vectors of the float32 scan that float64 ranks anew, at least.
        exclude: What to leave out; everything that would be found for the wrong reason by default.

    Raises:
        ValueError: If the query does not fit the gallery or is not finite, or k or keep is below 1.
    """
    if query.vector.shape[0] != matrix.d or not bool(query.vector.isfinite().all()):
        raise ValueError(f"a query of {query.vector.shape[0]} numbers does not fit a gallery of {matrix.d}")
    if k < 1 or keep < 1:
        raise ValueError(f"a list has at least one place, not k={k} of keep={keep}")
    reasons = _reasons(matrix, query)
    exclude = exclude or Exclude()
    wanted = {"itself": True, "own": exclude.own, "patient": exclude.patient, "text": exclude.text}
    gone = torch.cat([rows for reason, rows in reasons.items() if wanted[reason]])
    left = matrix.start.diff().index_add(0, matrix.vector[gone].long(), torch.full_like(gone, -1).int())
    scan = Scan(matrix, query.vector)
    best, scores, proven = ranked(scan, left > 0, k, keep)
    pool = int(left.sum())
    at_least = left[best].cumsum(0)[torch.searchsorted(-scores, -scores, right=True) - 1]
    lower = (100 * (pool - at_least) / max(pool, 1)).tolist()
    without, own = set(gone.tolist()), set(reasons["own"].tolist())
    hits = tuple(
        _hit(matrix, vector, without, own, Hit("", "", score, rank, share))
        for rank, (vector, score, share) in enumerate(
            zip(best[:k].tolist(), scores[:k].tolist(), lower[:k], strict=True), start=1
        )
    )
    counts = {reason: len(rows) if wanted[reason] else 0 for reason, rows in reasons.items()}
    return Found(hits, pool, Excluded(**counts), _own(scan, reasons["own"], left), proven)


def related(
    hits: Sequence[Hit], *, patient: str, findings: Collection[str], study: Callable[[str], Study]
) -> tuple[Hit, ...]:
    """Return the hits with their relation: "same patient", "same finding" or "other".

    Args:
        hits: Results of a search.
        patient: The query's patient; empty if it has none.
        findings: What the query shows, as `present` gives it.
        study: Looks a study up.
    """
    relations = []
    for hit in hits:
        other = study(hit.study)
        same = "same finding" if set(findings) & present(other) else "other"
        relations.append("same patient" if patient and other.patient == patient else same)
    return tuple(
        dataclasses.replace(hit, relation=relation) for hit, relation in zip(hits, relations, strict=True)
    )


def present(study: Study) -> frozenset[str]:
    """Return the findings that a study's labels call present; neither uncertain nor unknown ones."""
    return frozenset(name for name, value in study.labels.items() if value == 1)


def rerank(method: Method, films: Encoded, texts: Encoded) -> Float[Tensor, "films texts"]:
    """Return the score of every film, conditioned on each text, with that text.

    Methods that do not condition give the scores of the search. Never a paired place: it would retrieve
    its own report.
    """
    with torch.inference_mode():
        placed = method.place(texts)
        given = texts if method.can(Conditions) else None
        parts = [
            method.score(method.place(films[slice(at, at + FILMS)], given), placed)
            for at in range(0, films.whole.shape[0], FILMS)
        ]
    return torch.cat(parts)


def reranked(hits: Sequence[Hit], scores: Float[Tensor, " n"]) -> tuple[Hit, ...]:
    """Return hits in the order of new scores, with new ranks; percentiles stay those of the search."""
    order = torch.sort(scores, descending=True, stable=True).indices.tolist()
    return tuple(
        dataclasses.replace(hits[at], score=float(scores[at]), rank=rank)
        for rank, at in enumerate(order, start=1)
    )


def _reasons(matrix: Matrix, query: Query) -> dict[str, Int[Tensor, " r"]]:
    """Return the rows that each reason for leaving out applies to; a row has its first reason only."""
    study, text = matrix.study.where(query.study), matrix.text.where(query.text)
    itself = study[[matrix.ref[int(row)] == query.ref for row in study]]
    patient = matrix.patient.where(query.patient)
    reasons, seen = {}, torch.empty(0, dtype=torch.long)
    for reason, rows in (("itself", itself), ("own", study), ("patient", patient), ("text", text)):
        reasons[reason] = rows[~torch.isin(rows, seen)]
        seen = torch.cat([seen, reasons[reason]])
    return reasons


def _hit(matrix: Matrix, vector: int, gone: set[int], own: set[int], hit: Hit) -> Hit:
    """Return the hit with its study: the query's own where it shares the text, else the first one left."""
    rows = matrix.rows[int(matrix.start[vector]) : int(matrix.start[vector + 1])].tolist()
    rows = [row for row in rows if row not in gone]
    row = next((row for row in rows if row in own), rows[0])
    copies = len(set(matrix.study.codes[rows].tolist())) - 1
    return dataclasses.replace(hit, study=matrix.study[row], ref=matrix.ref[row], copies=copies)


def _own(scan: Scan, rows: Int[Tensor, " r"], left: Int[Tensor, " m"]) -> Own | None:
    if not len(rows):
        return None
    scores = scan.scores(scan.matrix.vector[rows].long())
    best = int(scores.argmax())
    score = float(scores[best])
    product = scan.product(score)
    higher, reached = scan.products > product + scan.error, scan.products >= product - scan.error
    close = (higher ^ reached).nonzero().flatten()  # too close for the scan to say
    exact = scan.scores(close)
    higher[close[exact > score]] = True
    lower = int((left * ~higher).sum()) - int(left[close[exact == score]].sum())
    rank = 1 + int((higher & (left > 0)).sum())
    return Own(scan.matrix.ref[int(rows[best])], score, rank, 100 * lower / max(int(left.sum()), 1))
