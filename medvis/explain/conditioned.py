"""The first results ranked anew by a method that places a film for the text it is compared with."""

from collections.abc import Callable

import torch

from medvis.store.matrix import Matrix
from medvis.types import Encoded, Hit, Study

from .asked import Asked, query
from .density import can_condition
from .retrieval import rerank, reranked, search
from .session import Session

FIRST = 200  # results of the search that are ranked anew

Encode = Callable[[Study, int], Encoded]


def can_rerank(session: Session, asked: Asked) -> bool:
    """Return whether the run's method places a film anew for each text, and the search has both."""
    return asked.crosses and can_condition(session)


def candidates(session: Session, matrix: Matrix, asked: Asked) -> tuple[tuple[Study, int], ...]:
    """Return the films that ranking anew has to encode: study and number of the film."""
    if not asked.conditioned or not can_rerank(session, asked):
        return ()
    if asked.source == "film":
        return ((session.cohort.study(asked.study), _number(asked.ref)),)
    found = search(matrix, query(session, asked), k=FIRST, exclude=asked.exclude)
    return tuple((session.cohort.study(hit.study), _number(hit.ref)) for hit in found.hits)


def anew(session: Session, asked: Asked, hits: tuple[Hit, ...], encode: Encode) -> tuple[Hit, ...]:
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


def _number(ref: str) -> int:
    return int(ref.removeprefix("film"))


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
