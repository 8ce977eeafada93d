"""Reports of simulated patients: what each sentence says, and what it leaves open, is kept as truth.

The findings describe, the impression sums up in more general words. A hedge is meant: `leaves_open` is the
distribution from which the film is then drawn, so that "possible" is true of half the films it stands beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from numpy.random import Generator

from medvis.data import phrases
from medvis.data.grammar import Line, line

Certainty = Literal["certain", "probable", "possible"]
PRESENT: dict[Certainty, float] = {"certain": 1.0, "probable": 0.8, "possible": 0.5}
BORDERLINE = 0.47  # cardiothoracic ratio from which a normal heart may be called borderline


@dataclass(frozen=True)
class Fact:
    """One thing that a sentence says.

    Attributes:
        finding: Kind of finding, as in `findings.KINDS`.
        side: "right", "left" or "".
        lobes: Lobes it may lie in ("lower lobe", …); more than one is left open.
        severity: "small", "small to moderate", "moderate", "large" or "".
        certainty: How sure the sentence is.
        negated: Whether it is denied.
        either: Another finding that the sentence leaves open in its place.
        change: Since the last film: "new", "increased", "decreased", "unchanged", "resolved" or "".
        measure: Size in mm, or the cardiothoracic ratio; 0 where nothing was measured.
    """

    finding: str
    side: str = ""
    lobes: tuple[str, ...] = ()
    severity: str = ""
    certainty: Certainty = "certain"
    negated: bool = False
    either: str = ""
    change: str = ""
    measure: float = 0.0

    @property
    def place(self) -> str:
        """Where it is, in words: "right lower lobe", "left middle or lower lobe", "right"."""
        kinds = [lobe.removesuffix(" lobe") for lobe in self.lobes]
        return f"{self.side} {' or '.join(kinds)} lobe" if kinds else self.side

    @property
    def path(self) -> tuple[str, ...]:
        """Its names from the most general to the most specific, then side and place."""
        if self.negated:
            return ("normal", f"no {self.finding}")
        more = tuple(dict.fromkeys(name for name in (self.side, self.place) if name))
        return (*phrases.PATHS[self.finding], *more)


@dataclass(frozen=True)
class Said:
    """One sentence of a report with its truth.

    Attributes:
        section: "findings" or "impression".
        start: First character in the section.
        stop: One past its last character.
        facts: What it says; empty for a sentence about nothing that is simulated.
        spans: Characters of the section in which a slot of the sentence stands: kind, place, size, …
    """

    section: Literal["findings", "impression"]
    start: int
    stop: int
    facts: tuple[Fact, ...]
    spans: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Written:
    """Both sections of a report and the truth of every sentence, in order."""

    findings: str
    impression: str
    said: tuple[Said, ...]


_STYLES = ("both",) * 28 + ("impression", "findings")
_COUNTED = ("nodule", "mass", "granuloma", "effusion", "pneumothorax")
Told = list[tuple[Line, tuple[Fact, ...]]]


def leaves_open(fact: Fact) -> tuple[tuple[str, float], ...]:
    """Return which findings a sentence leaves open, each with its probability; "" is none of them."""
    if fact.negated:
        return (("", 1.0),)
    if fact.either:
        return ((fact.finding, 0.5), (fact.either, 0.5))
    chance = PRESENT[fact.certainty]
    return ((fact.finding, chance), ("", 1 - chance)) if chance < 1 else ((fact.finding, 1.0),)


def written(facts: Sequence[Fact], ratio: float, rng: Generator) -> Written:
    """Write the report of one film.

    Every fact is said in one section or the other, most in both.

    Args:
        facts: All that there is to say; what is not among them may be denied.
        ratio: Cardiothoracic ratio measured on the film.
        rng: Source of every choice.
    """
    abnormal = [fact for fact in facts if not fact.negated]
    if not facts and rng.random() < 0.5:
        return _boilerplate(rng)
    gone = any(fact.negated for fact in facts)
    style = _one(_STYLES, rng) if not gone else "both"
    slots = [(fact, _slots(fact, rng)) for fact in facts]
    left_out = {
        fact for fact in abnormal if style == "both" and rng.random() < 0.06
    }  # said in the impression
    told: Told = [(describe(fact, slot, rng), (fact,)) for fact, slot in slots if fact not in left_out]
    told += _denied({name for fact in abnormal for name in (fact.finding, fact.either)}, ratio, rng)
    if rng.random() < 0.4:
        told = [told[int(place)] for place in rng.permutation(len(told))]
    summed: Told = [
        (summarise(fact, slot, rng), (fact,))
        for number, (fact, slot) in enumerate(slots)
        if not fact.negated and (number == 0 or style != "both" or fact in left_out or rng.random() < 0.85)
    ]
    if not summed:
        summed = [(line(_one(phrases.NOTHING, rng), {}, rng), _nothing())]
    return _composed([] if style == "impression" else told, [] if style == "findings" else summed, rng)


def describe(fact: Fact, slots: dict[str, str], rng: Generator) -> Line:
    """Return a sentence of the findings: where, how large, how sure."""
    if fact.change == "resolved":
        template = _one(phrases.RESOLVED, rng)
    elif fact.either:
        template = _one(phrases.EITHER, rng)
    elif fact.certainty != "certain":
        slots = slots | {"where": _one(phrases.WHERE[fact.finding], rng)}
        template = _one(phrases.HEDGED[fact.certainty], rng)
    else:
        template = _one(phrases.SPECIFIC[fact.finding], rng)
    return line(template, slots, rng)


def summarise(fact: Fact, slots: dict[str, str], rng: Generator) -> Line:
    """Return a sentence of the impression: what it amounts to."""
    if fact.either:
        return line(_one(phrases.EITHER_GENERAL, rng), slots, rng)
    if fact.certainty != "certain":
        noun = "{kind:" + fact.finding.replace("oedema", "edema") + "}"
        slots = slots | {"where": f"[{{side}} |]{noun}", "size": ""}
        return line(_one(phrases.HEDGED[fact.certainty][:-1], rng), slots, rng)
    return line(_one(phrases.GENERAL[fact.finding], rng), slots, rng)


def _slots(fact: Fact, rng: Generator) -> dict[str, str]:
    severity = fact.severity or "moderate"
    degrees = phrases.DEGREES.get(fact.finding, phrases.DEGREES[""])
    sizes = phrases.SIZES[fact.finding]
    noun = {"oedema": "pulmonary edema", "effusion": "[pleural |]effusion"}.get(fact.finding, fact.finding)
    return {
        "place": fact.place,
        "side": _one((f"{fact.side}-sided", fact.side), rng) if fact.side else "",
        "size": _one(sizes.get(severity, sizes["moderate"]), rng),
        "degree": _one(degrees.get(severity, degrees["moderate"]), rng),
        "kind": fact.finding,
        "either": fact.either,
        "an": "a(n)" if fact.finding in _COUNTED else "",
        "noun": noun,
        "change": _one(phrases.CHANGES.get(fact.change, ("",)), rng),
        "ratio": f"{fact.measure:.2f}",
        "mm": f"{fact.measure:.0f}",
    }


def _denied(present: set[str], ratio: float, rng: Generator) -> Told:
    """Return denials of what is not there, each finding at most once, and a few neutral sentences."""
    said: set[str] = set(present)
    told: Told = []
    for number in rng.permutation(len(phrases.DENIALS)):
        template, names = phrases.DENIALS[int(number)]
        if said.isdisjoint(names) and rng.random() < 0.62:
            heart = names == ("cardiomegaly",)
            if heart and ratio >= BORDERLINE:
                template = phrases.BORDERLINE
            said.update(names)
            facts = tuple(Fact(name, negated=True, measure=ratio if heart else 0.0) for name in names)
            told.append((line(template, {"ratio": f"{ratio:.2f}"}, rng), facts))
    told += [(line(neutral, {}, rng), ()) for neutral in phrases.NEUTRAL if rng.random() < 0.2]
    return told


def _nothing() -> tuple[Fact, ...]:
    return tuple(Fact(name, negated=True) for name in ("consolidation", "effusion", "pneumothorax", "oedema"))


def _boilerplate(rng: Generator) -> Written:
    """Return a normal report that many patients share, word for word."""
    lines, summary = phrases.BOILERPLATE[int(rng.integers(len(phrases.BOILERPLATE)))]
    told: Told = [
        (Line(text, {}), tuple(Fact(name, negated=True) for name in names)) for text, names in lines
    ]
    return _composed(told, [(Line(summary, {}), _nothing())], None)


def _composed(findings: Told, impression: Told, rng: Generator | None) -> Written:
    """Join sentences to sections; some impressions are numbered lists, some are in capitals."""
    numbered = rng is not None and len(impression) > 1 and rng.random() < 0.3
    first, said = _section("findings", findings, numbered=False)
    second, more = _section("impression", impression, numbered=numbered)
    if rng is not None and rng.random() < 0.05:
        second = second.upper()
    return Written(first, second, (*said, *more))


def _section(
    name: Literal["findings", "impression"], told: Told, *, numbered: bool
) -> tuple[str, tuple[Said, ...]]:
    text, said = "", []
    for number, (sentence, facts) in enumerate(told, 1):
        text += (" " if text else "") + (f"{number}. " if numbered else "")
        start = len(text)
        text += sentence.text
        spans = {slot: (start + first, start + last) for slot, (first, last) in sentence.spans.items()}
        said.append(Said(name, start, len(text), facts, spans))
    return text, tuple(said)


def changed(fact: Fact, change: str, severity: str) -> Fact:
    """Return a fact as it is at the next visit."""
    gone = change == "resolved"
    return replace(
        fact, change=change, severity=severity, negated=gone, certainty="certain" if gone else fact.certainty
    )


def _one(choices: Sequence[str], rng: Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
