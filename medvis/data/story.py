"""What simulated patients have, and how it goes on: facts first, then what is really there.

A fact may leave something open; what is there is drawn from what it leaves open.
"""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from medvis.data import wording
from medvis.data.findings import Finding
from medvis.data.wording import Fact

SIZES = {
    "small": (0.0, 0.3),
    "small to moderate": (0.15, 0.55),
    "moderate": (0.35, 0.65),
    "large": (0.7, 1.0),
}
_LOBES = {"right": ("upper lobe", "middle lobe", "lower lobe"), "left": ("upper lobe", "lower lobe")}
_LOBED = ("consolidation", "nodule", "mass", "granuloma")
# Why a patient comes, how often, and what then may be found with which chance.
_STORIES: tuple[tuple[float, tuple[tuple[str, float], ...]], ...] = (
    (0.24, (("consolidation", 1.0), ("effusion", 0.25), ("atelectasis", 0.1))),
    (0.15, (("oedema", 1.0), ("cardiomegaly", 0.75), ("effusion", 0.5))),
    (0.13, (("effusion", 1.0), ("atelectasis", 0.3), ("cardiomegaly", 0.15))),
    (0.12, (("pneumothorax", 1.0), ("effusion", 0.1), ("atelectasis", 0.15))),
    (0.11, (("nodule", 1.0), ("granuloma", 0.15))),
    (0.08, (("mass", 1.0), ("effusion", 0.25), ("atelectasis", 0.1))),
    (0.07, (("atelectasis", 1.0), ("elevated hemidiaphragm", 0.3))),
    (0.05, (("cardiomegaly", 1.0),)),
    (0.03, (("granuloma", 1.0),)),
    (0.02, (("elevated hemidiaphragm", 1.0), ("atelectasis", 0.3))),
)
_SIDELESS = ("oedema", "cardiomegaly")


def coming(at: float, rng: Generator) -> tuple[Fact, ...]:
    """Return why a patient comes, as facts that a report will state.

    Args:
        at: Chooses the story, in [0, 1): evenly spread values meet every story as often as it is common.
        rng: Source of all else.
    """
    reach = np.cumsum([chance for chance, _ in _STORIES])
    _, parts = _STORIES[int(np.searchsorted(reach, at * reach[-1], side="right"))]
    side = "right" if rng.random() < 0.53 else "left"
    facts: list[Fact] = []
    for name, chance in parts:
        if rng.random() >= chance:
            continue
        facts.append(_fact(name, side, rng))
        if name == "effusion" and parts[0][0] == "oedema" and rng.random() < 0.5:
            facts.append(_fact(name, "left" if side == "right" else "right", rng))
    return tuple(facts)


def _fact(name: str, side: str, rng: Generator) -> Fact:
    certainty: wording.Certainty = "certain"
    draw = rng.random()
    if name != "cardiomegaly" and draw < 0.2:
        certainty = "probable" if draw < 0.1 else "possible"
    severity = str(rng.choice(["small", "moderate", "large"], p=[0.4, 0.38, 0.22]))
    if name == "effusion" and rng.random() < 0.15:
        severity = "small to moderate"
    lobes: tuple[str, ...] = ()
    if name in _LOBED:
        lobes = (str(rng.choice(_LOBES[side])),)
        if side == "right" and certainty != "certain" and rng.random() < 0.4:
            lobes = ("middle lobe", "lower lobe")
    either = ""
    if name == "consolidation" and lobes == ("lower lobe",) and certainty == "certain" and rng.random() < 0.3:
        either = "atelectasis"
    return Fact(name, "" if name in _SIDELESS else side, lobes, severity, certainty, either=either)


def there(facts: tuple[Fact, ...], rng: Generator) -> tuple[Finding, ...]:
    """Draw what is really there from what the facts leave open."""
    return tuple(found for fact in facts if (found := drawn(fact, rng)) is not None)


def drawn(fact: Fact, rng: Generator) -> Finding | None:
    """Draw one finding, or none, from what a fact leaves open: kind, lobe and size."""
    names, chances = zip(*wording.leaves_open(fact), strict=True)
    name = str(rng.choice(names, p=chances))
    low, high = SIZES[fact.severity]
    size, seed = float(rng.uniform(low, high)), int(rng.integers(2**31))
    if not name:
        return None
    lobe = str(rng.choice(fact.lobes)) if fact.lobes else ""
    region = f"lung_{lobe.replace(' ', '_')}_{fact.side}" if lobe and name in _LOBED else ""
    return Finding(name, fact.side, region, size, seed)


def later(
    facts: tuple[Fact, ...], present: tuple[Finding, ...], rng: Generator
) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    """Let time pass: what was certain changes, what was open stays open, something new may come."""
    said: list[Fact] = []
    present_now: list[Finding] = []
    for fact in (fact for fact in facts if not fact.negated):
        kept = [found for found in present if (found.name, found.side) in _pairs(fact)]
        if fact.certainty != "certain" or fact.either:
            said.append(wording.changed(fact, "unchanged", fact.severity))
            present_now += kept
            continue
        change = str(
            rng.choice(["resolved", "decreased", "unchanged", "increased"], p=[0.25, 0.25, 0.3, 0.2])
        )
        if fact.finding in ("granuloma", "mass", "nodule", "elevated hemidiaphragm") and change in (
            "resolved",
            "decreased",
        ):
            change = "unchanged"
        size = {"resolved": 0.0, "decreased": 0.45, "unchanged": 1.0, "increased": 1.5}[change]
        present_now += [replace(found, size=min(1.0, size * found.size)) for found in kept if size]
        said.append(
            wording.changed(fact, change, _severity(kept[0].size * size, fact) if kept else fact.severity)
        )
    if not said and rng.random() < 0.4:
        fresh = coming(float(rng.random()), rng)[:1]
        said += [replace(fact, change="new") for fact in fresh]
        present_now += there(fresh, rng)
    return tuple(said), tuple(present_now)


def _pairs(fact: Fact) -> tuple[tuple[str, str], ...]:
    return (fact.finding, fact.side), (fact.either, fact.side)


def _severity(size: float, fact: Fact) -> str:
    """Return the word for a size; the same word where the size still fits it."""
    low, high = SIZES[fact.severity]
    if low <= size <= high:
        return fact.severity
    return "small" if size < 0.33 else "moderate" if size < 0.68 else "large"
