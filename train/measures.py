"""What is measured of a run: retrieval, zero-shot findings, encapsulation, and how its places lie."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medvis.explain import prompts
from medvis.explain.health import Estimate, Resampled, precisions, ranks, recall_by_chance, summary
from medvis.geometry.lorentz import Lorentz
from medvis.methods.base import Spreads
from medvis.methods.shared import contained
from medvis.types import Density, Mode

from .metrics import At, Direction, Encapsulation, Lie, Retrieval, Sort, ZeroShot
from .subject import PAIRS, Subject, same, wording

KS = (1, 5, 10)
RERANKED = 200  # films or texts of a list that are conditioned
SAMPLES = 128  # Monte-Carlo samples of a divergence
_BLOCK = 512  # queries scored at a time


def retrieval(subject: Subject, film: Density, report: Density) -> list[Retrieval]:
    """Return both directions for places of films and reports, each alone."""
    rows = torch.arange(len(subject.paired))
    return [
        _retrieval(subject, subject.close(film, report), rows, "film to report", subject.mode),
        _retrieval(subject, subject.close(report, film), rows, "report to film", subject.mode),
    ]


def reranked(subject: Subject) -> list[Retrieval]:
    """Return both directions with the first 200 conditioned, beside the same pool without."""
    rows = subject.sample
    studies = [subject.pairs[at] for at in rows.tolist()]
    texts = [study.report.text for study in studies if study.report]
    alone = subject.close(subject.film[subject.paired[rows]], subject.report[rows])
    given = subject.conditioned(studies, texts).double()
    found = []
    ways: list[tuple[Tensor, Tensor, Direction]] = [
        (alone, given, "film to report"),
        (alone.T, given.T, "report to film"),
    ]
    for before, after, direction in ways:
        if len(rows) < len(
            subject.paired
        ):  # another pool than the whole: say what the same lists were before
            found.append(_retrieval(subject, before, rows, direction, subject.mode))
        best = before.topk(min(RERANKED, len(rows)), dim=1).indices
        anew = after.gather(1, best)
        above = before.amax() + 1 - anew.amin()
        found.append(
            _retrieval(subject, before.scatter(1, best, anew + above), rows, direction, Mode.CONDITIONED)
        )
    return found


def zero_shot(subject: Subject, mode: Mode, film: Density | None = None) -> Iterator[ZeroShot]:
    """Yield the figures of every label that the cohort knows.

    Args:
        subject: What is measured.
        mode: CONDITIONED, or the mode of places alone.
        film: Places to use instead of the run's own, for the test of the test.
    """
    names = prompts.findings(subject.cohort.studies())
    texts = list(prompts.texts(names))
    if not texts:
        return
    rows = torch.arange(len(subject.studies))
    if mode is Mode.CONDITIONED:
        rows = torch.randperm(len(rows), generator=_generator(subject))[: PAIRS**2 // max(1, len(texts))]
        scores = subject.conditioned([subject.studies[at] for at in rows.tolist()], texts).double()
    else:
        places = subject.prompt[[subject.prompts[text] for text in texts]]
        scores = subject.close(subject.film if film is None else film, places)
    for name in names:
        present, absent = prompts.pair(name)
        values = torch.tensor([subject.studies[at].labels.get(name, -9) for at in rows.tolist()])
        known = (values == 0) | (values == 1)
        people = [subject.studies[at].patient for at in rows[known].tolist()]
        margin = scores[:, texts.index(present)] - scores[:, texts.index(absent)]
        area = Resampled(people, seed=subject.seed).auc(margin[known], values[known] == 1)
        counts = [int((values == value).sum()) for value in (1, 0, -1)]
        yield ZeroShot(name, present, absent, mode.value, area, *counts)


def encapsulation(subject: Subject, mode: Mode) -> Encapsulation:
    """Return how often films lie inside their own report and inside another's."""
    rows = subject.sample
    studies = [subject.pairs[at] for at in rows.tolist()]
    other = _strangers(subject, rows)
    partner = [studies[at] for at in other.tolist()]
    if mode is Mode.CONDITIONED:
        own = subject.given(studies, [study.report.text for study in studies if study.report])
        strange = subject.given(studies, [study.report.text for study in partner if study.report])
    else:
        film = subject.film[subject.paired[rows]]
        own, strange = (film, subject.report[rows]), (film, subject.report[rows[other]])
    people = Resampled([study.patient for study in studies], seed=subject.seed)
    related = [subject.contains(report, film).double() for film, report in (own, strange)]
    inside, kl, sort = _inside(subject, (own, strange), related)
    nothing = Estimate(None, None, None, len(rows), people.patients, "n/a (symmetric: no inside)")
    gain = people.mean(inside[0].double() - inside[1].double())
    rates = [people.rate(inside[0]), people.rate(inside[1]), gain]
    own_rate, random_rate, difference = rates if sort != "none" else [nothing] * 3
    own_kl, random_kl = (None if one is None else float(one.median()) for one in kl)
    return Encapsulation(
        mode=mode.value,
        sort=sort,
        own=own_rate,
        random=random_rate,
        difference=difference,
        relation_own=people.mean(related[0]),
        relation_random=people.mean(related[1]),
        kl_own=own_kl,
        kl_random=random_kl,
    )


def lie(subject: Subject) -> Iterator[Lie]:
    """Yield how far items lie from the root and how wide they are, by kind."""
    rows = subject.rows
    for kind in dict.fromkeys(rows.kind):
        chosen = torch.tensor([one == kind for one in rows.kind])
        if isinstance(subject.model.method.geometry, Lorentz):
            yield Lie(kind, "root_dist", summary(rows.root_dist[chosen]))
        if rows.log_scale is not None:
            log_scale = rows.log_scale[chosen].double()
            yield Lie(kind, "sigma", summary(log_scale.mean(1).exp()))
            yield Lie(kind, "radius", summary((2 * log_scale).exp().sum(1).sqrt()))


def _retrieval(
    subject: Subject, scores: Float[Tensor, "q g"], rows: Int[Tensor, " q"], direction: Direction, mode: Mode
) -> Retrieval:
    studies = [subject.pairs[at] for at in rows.tolist()]
    people, words = [study.patient for study in studies], wording(studies)
    found = [frozenset(name for name, value in study.labels.items() if value == 1) for study in studies]
    n, ranked, right, pool, classes = len(studies), [], [], [], []
    shared = _shared(found)
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        others = ~same(people, part)
        own = same(words, part)
        ranked.append(ranks(scores[part], own, others))
        right.append(own.sum(1))
        pool.append((own | others).sum(1))
        alike = shared[part].float() @ shared.T.float() > 0
        some = alike.any(1, keepdim=True)
        lists = [precisions(scores[part], alike, others, k) for k in KS]
        base = (alike & others).sum(1) / others.sum(1)
        classes.append(torch.where(some, torch.stack([*lists, base], 1), math.nan))
    rank, of, among = torch.cat(ranked), torch.cat(right), torch.cat(pool)
    by_class, drawn = torch.cat(classes), Resampled(people, seed=subject.seed)
    chance = drawn.mean(by_class[:, -1]).value
    return Retrieval(
        direction=direction,
        mode=mode.value,
        queries=n,
        pool=n,
        with_copies=int((of > 1).sum()),
        median_rank=float(rank.double().median()),
        recall=tuple(At(k, drawn.rate(rank <= k), float(recall_by_chance(of, among, k).mean())) for k in KS),
        precision=tuple(At(k, drawn.mean(by_class[:, at]), chance) for at, k in enumerate(KS)),
        classless=sum(not one for one in found),
    )


def _shared(found: list[frozenset[str]]) -> Bool[Tensor, "n f"]:
    names = sorted(frozenset().union(*found))
    return torch.tensor([[name in one for name in names] for one in found], dtype=torch.bool).reshape(
        len(found), len(names)
    )


def _strangers(subject: Subject, rows: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Return for each pair another of another patient and another text, drawn."""
    studies = [subject.pairs[at] for at in rows.tolist()]
    people, words, generator = [study.patient for study in studies], wording(studies), _generator(subject)
    drawn = []
    for start in range(0, len(studies), _BLOCK):
        part = slice(start, start + _BLOCK)
        apart = ~(same(people, part) | same(words, part))
        lots = torch.rand(apart.shape, generator=generator)
        drawn.append(lots.masked_fill(~apart, -1).argmax(1))
    return torch.cat(drawn)


def _inside(
    subject: Subject, places: tuple[tuple[Density, Density], ...], related: list[Float[Tensor, " n"]]
) -> tuple[list[Bool[Tensor, " n"]], list[Float[Tensor, " n"] | None], Sort]:
    """Return for own and strange pairs whether the film is inside, and its divergence if it has one."""
    space = subject.model.method.geometry
    if not isinstance(space, Lorentz):
        return [torch.zeros_like(one).bool() for one in related], [None, None], "none"
    if not subject.model.method.can(Spreads):
        return (
            [one >= 1 for one in related],
            [None, None],
            "cone",
        )  # the relation is 1 exactly inside the cone
    found = []
    for film, report in places:
        parts = [
            contained(
                film[slice(at, at + 64)], report[slice(at, at + 64)], space, _generator(subject), SAMPLES
            )
            for at in range(0, len(film.mean), 64)
        ]
        found.append((torch.cat([one.inside for one in parts]), torch.cat([one.kl for one in parts])))
    return [inside for inside, _ in found], [kl for _, kl in found], "density"


def _generator(subject: Subject) -> torch.Generator:
    return torch.Generator().manual_seed(subject.seed)
