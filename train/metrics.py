"""The form of metrics.json, and its lines for a person."""

from dataclasses import dataclass
from typing import Any, Literal

from medvis.explain.health import Estimate, Summary

Direction = Literal["film to report", "report to film"]
Sort = Literal["density", "cone", "none"]

VERSION = 1
RULES = (
    "Films and reports of the query's own patient, other than the own study, are never in a list.",
    "A report that is word for word the own one counts as the own one; chance allows for it. Ties lose.",
    "A study's film is its first frontal one. Uncertain and unknown labels are in no count of a finding.",
    "Intervals are 95 % percentile bootstraps over patients (1000 draws); galleries stay as they are.",
    "Scores come from places of films alone or given each text in turn, never given their own report only.",
)


@dataclass(frozen=True)
class At:
    """A figure for lists of length k, and what drawing lots would give."""

    k: int
    found: Estimate
    chance: float | None


@dataclass(frozen=True)
class Retrieval:
    """Finding the own report of a film, or the own film of a report.

    Attributes:
        direction: "film to report" or "report to film".
        mode: "point" or "global": places of each alone; "conditioned": the first 200 of those ranked anew,
            each film placed given the text.
        queries: Studies that asked.
        pool: Studies that could be found.
        with_copies: Queries whose report another study has word for word; finding that is finding the own.
        median_rank: Of the own, 1 is best.
        recall: Share of queries that find the own among the first k.
        precision: Share of the first k, the own patient's left out, that share a present finding.
        classless: Queries without a present finding; they have no precision.
    """

    direction: Direction
    mode: str
    queries: int
    pool: int
    with_copies: int
    median_rank: float
    recall: tuple[At, ...]
    precision: tuple[At, ...]
    classless: int


@dataclass(frozen=True)
class ZeroShot:
    """Telling films with a finding from films without it, by two prompts.

    Attributes:
        finding: Label.
        present: The prompt that says it is there.
        absent: The prompt that says it is not.
        mode: As in Retrieval; "conditioned": the film placed given each prompt.
        auc: Area under the ROC curve of closeness to `present` less closeness to `absent`.
        n_pos: Films with it.
        n_neg: Films known to be without it.
        uncertain: Films left out because their label hedges.
    """

    finding: str
    present: str
    absent: str
    mode: str
    auc: Estimate
    n_pos: int
    n_neg: int
    uncertain: int


@dataclass(frozen=True)
class Encapsulation:
    """Whether films lie inside their own report more often than inside another patient's.

    Attributes:
        mode: As in Retrieval; "conditioned": the film placed given the very report that is asked about.
        sort: "density": KL + 2 standard errors at most 0.35 nats a dimension; "cone": inside the entailment
            cone; "none": the method knows no inside.
        own: Rate for the own report.
        random: Rate for a report drawn from another patient.
        difference: Own less random, film by film.
        relation_own: Mean of the method's relation, in [0, 1].
        relation_random: Likewise.
        kl_own: Median Kullback-Leibler divergence of film from report, nats; None for points.
        kl_random: Likewise.
    """

    mode: str
    sort: Sort
    own: Estimate
    random: Estimate
    difference: Estimate
    relation_own: Estimate
    relation_random: Estimate
    kl_own: float | None
    kl_random: float | None


@dataclass(frozen=True)
class Lie:
    """How one quantity lies for one kind of item.

    Attributes:
        kind: "film", "report", "findings", "impression", "sentence" or "prompt".
        quantity: "root_dist": distance to the root; "sigma": geometric mean of the standard deviations;
            "radius": root of the sum of their squares.
        values: Its summary.
    """

    kind: str
    quantity: Literal["root_dist", "sigma", "radius"]
    values: Summary


@dataclass(frozen=True)
class Evaluation:
    """The form of metrics.json: these fields, their fields as nested objects, None as null, never NaN.

    Attributes:
        version: Of this form.
        run: Id of the run.
        name: Its name.
        method: Its method.
        inferred: Whether the method holds settings that its paper does not state.
        cohort: Hash of the cohort.
        cohort_name: Its name.
        trained_on: Hash of the cohort that the run was trained on.
        split: "train", "val", "test" or "all".
        generation: Of the store that was measured.
        created: UTC, ISO 8601.
        counts: Studies of the split, with a film, with a report, with both; patients of those.
        rules: What was counted how, in words for a person.
        retrieval: See Retrieval.
        zero_shot: See ZeroShot.
        encapsulation: See Encapsulation.
        lie: See Lie.
        self_test: The same code on random places: unless it comes out at chance, no figure means anything.
    """

    version: int
    run: str
    name: str
    method: str
    inferred: bool
    cohort: str
    cohort_name: str
    trained_on: str
    split: str
    generation: int
    created: str
    counts: dict[str, int]
    rules: tuple[str, ...]
    retrieval: tuple[Retrieval, ...]
    zero_shot: tuple[ZeroShot, ...]
    encapsulation: tuple[Encapsulation, ...]
    lie: tuple[Lie, ...]
    self_test: tuple[Retrieval, ...]


def summary(found: dict[str, Any]) -> str:
    """Return an evaluation as lines for a person."""
    counts = ", ".join(f"{count} {name}" for name, count in found["counts"].items())
    lines = [
        f"{found['name']} ({found['method']}{', settings inferred' if found['inferred'] else ''}) "
        f"on split {found['split']} of {found['cohort_name']}: {counts}"
    ]
    for one in found["retrieval"]:
        lines.append(
            f"{one['direction']}, {one['mode']}, {one['pool']} in all, median rank {one['median_rank']:g}"
        )
        lines += [
            f"  R@{at['k']:<3} {_shown(at['found'])}   chance {at['chance']:.3f}" for at in one["recall"]
        ]
        lines += [
            f"  P@{at['k']:<3} {_shown(at['found'])}   chance {_number(at['chance'])}"
            for at in one["precision"]
        ]
    lines.append("zero-shot AUC")
    lines += [
        f"  {one['finding']:<28} {one['mode']:<12} {_shown(one['auc'])}   {one['n_pos']} with, "
        f"{one['n_neg']} without   '{one['present']}' / '{one['absent']}'"
        for one in found["zero_shot"]
    ]
    lines.append("film inside report")
    lines += [
        f"  {one['sort']:<8} {one['mode']:<12} own {_shown(one['own'])}   random {_shown(one['random'])}   "
        f"difference {_shown(one['difference'])}"
        for one in found["encapsulation"]
    ]
    lines += [
        f"{one['quantity']:<9} of {one['kind']:<10} median {one['values']['quantiles'][2]:.3g} "
        f"(5 % {one['values']['quantiles'][0]:.3g}, 95 % {one['values']['quantiles'][4]:.3g}), "
        f"n {one['values']['n']}"
        for one in found["lie"]
    ]
    lines += [
        f"self-test, random places, {one['direction']}: "
        + ", ".join(
            f"R@{at['k']} {at['found']['value']:.3f} (chance {at['chance']:.3f})" for at in one["recall"]
        )
        for one in found["self_test"]
    ]
    return "\n".join([*lines, *(f"- {rule}" for rule in found["rules"])]) + "\n"


def _shown(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return f"{estimate['why']:<24}"
    if estimate["low"] is None:
        return f"{estimate['value']:.3f} ({estimate['why']})"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
