"""One simulated patient: what there is, what the reports say, and the films that show it.

Facts are drawn first and written down; where a sentence leaves something open the film is drawn from what it
leaves open. Everything depends on (seed, patient number) alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from medvis.data import anatomy, beam, exposure, findings, story, wording
from medvis.data.findings import Finding
from medvis.data.slabs import Slabs
from medvis.data.wording import Fact

_NORMAL = 0.34  # share of patients without any finding
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples spread evenly: a small cohort has of everything


@dataclass(frozen=True)
class Visit:
    """One examination.

    Attributes:
        number: 1 for the first.
        body: The patient's body on that day, with what findings do to its shape.
        stance: How the patient stood.
        how: How the film was exposed.
        place: The map from the film to the thorax.
        ratio: Cardiothoracic ratio measured on the film.
        facts: What the report is about.
        present: What is really there and has a lesion, or changes the body.
        report: Both sections and the truth of every sentence.
        seed: Source of the film's noise.
    """

    number: int
    body: anatomy.Body
    stance: beam.Position
    how: exposure.Exposure
    place: beam.Map
    ratio: float
    facts: tuple[Fact, ...]
    present: tuple[Finding, ...]
    report: wording.Written
    seed: int

    def labels(self) -> dict[str, int]:
        """Return finding -> 1 really there, 0 not there, -1 left open by the report."""
        there = {found.name for found in self.present}
        hedged = {
            name
            for fact in self.facts
            if fact.certainty != "certain" or fact.either
            for name in (fact.finding, fact.either)
            if name
        }
        found = {name: -1 if name in hedged else int(name in there) for name in findings.KINDS}
        return found | {"no finding": int(not self.facts and not there)}


def visits(slabs: Slabs, seed: int, number: int) -> Iterator[Visit]:
    """Yield the visits of a patient: mostly one, for one patient in four a second."""
    rng = np.random.default_rng([seed, number])
    body = anatomy.body(rng)
    at = (seed * _GOLDEN**2 + number * _GOLDEN) % 1
    facts = story.coming((at - _NORMAL) / (1 - _NORMAL), rng) if at >= _NORMAL else ()
    count = 2 if rng.random() < 0.25 else 1
    present = story.there(facts, rng)
    ratio = 0.0
    for turn in range(1, count + 1):
        if turn > 1:
            facts, present = story.later(facts, present, rng)
        visit = _examined(slabs, body, turn, facts, present, rng, ratio)
        ratio = visit.ratio
        yield visit


def _examined(
    slabs: Slabs,
    body: anatomy.Body,
    number: int,
    facts: tuple[Fact, ...],
    present: tuple[Finding, ...],
    rng: Generator,
    before: float,
) -> Visit:
    stance = beam.position(rng)
    shaped = _shaped(body, present)
    place = beam.mapped(slabs, shaped, stance)
    ratio = beam.cardiothoracic_ratio(place)
    big = any(found.name == "cardiomegaly" for found in present)
    while ratio >= 0.49 and not big and shaped.heart > 0.6:  # a heart that is not ill is not large
        shaped = replace(shaped, heart=0.94 * shaped.heart)
        place = beam.mapped(slabs, shaped, stance)
        ratio = beam.cardiothoracic_ratio(place)
    while ratio < 0.5 and big:
        shaped = replace(shaped, heart=1.06 * shaped.heart)
        place = beam.mapped(slabs, shaped, stance)
        ratio = beam.cardiothoracic_ratio(place)
    said = tuple(_measured(fact, ratio, before, present) for fact in facts)
    report = wording.written(said, ratio, rng)
    how = exposure.exposure(rng, stance.view)
    return Visit(number, shaped, stance, how, place, ratio, said, present, report, int(rng.integers(2**62)))


def heart_severity(ratio: float) -> str:
    """Return how a large heart is called by its cardiothoracic ratio."""
    return "small" if ratio < 0.55 else "moderate" if ratio < 0.60 else "large"


def heart_change(before: float, ratio: float) -> str:
    """Return how a heart is said to have changed between two measured ratios."""
    return "unchanged" if abs(ratio - before) < 0.02 else "increased" if ratio > before else "decreased"


def _measured(fact: Fact, ratio: float, before: float, present: tuple[Finding, ...]) -> Fact:
    """Put into a fact what can only be said once the film is there: the words follow the measure."""
    if fact.finding == "cardiomegaly" and not fact.negated:
        change = fact.change if fact.change in ("", "new") else heart_change(before, ratio)
        return replace(fact, severity=heart_severity(ratio), measure=ratio, change=change)
    sizes = {found.name: found.size for found in present}
    if fact.finding == "nodule":
        return replace(fact, measure=2 * findings.nodule_radius(sizes.get("nodule", 0.3)))
    if fact.finding == "mass":
        return replace(fact, measure=2 * findings.mass_radius(sizes.get("mass", 0.3)))
    return fact


def _shaped(body: anatomy.Body, present: tuple[Finding, ...]) -> anatomy.Body:
    """Return the body with what findings do to its shape."""
    right, left = body.domes
    heart = body.heart
    for found in present:
        lift = {"elevated hemidiaphragm": 22 + 26 * found.size, "atelectasis": 4 + 8 * found.size}.get(
            found.name, 0.0
        )
        right += lift * (found.side == "right")
        left += lift * (found.side == "left")
        heart *= 1.12 + 0.3 * found.size if found.name == "cardiomegaly" else 1.0
    return replace(body, domes=(right, left), heart=heart)
