"""The health of a cohort: what is there, what is missing, what occurs twice, what leaks between sides."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from medvis.data import report as reports
from medvis.data.split import SIDES
from medvis.types import Report, Study


@dataclass(frozen=True)
class Health:
    """Counts of a cohort, each of which may be zero.

    Attributes:
        studies: Studies in the cohort.
        patients: Patients they are of.
        films: Films of all studies.
        reports: Studies with a report.
        sides: Studies and patients of each side, in words.
        division: Where the sides come from, in words.
        without_film: Studies with a report only.
        without_report: Studies with films only.
        empty_findings: Reports without findings.
        empty_impression: Reports without an impression.
        views: Films of each view; "" is not known.
        licences: Films and reports under each licence.
        show: Strictest class: "open", "local" or "restricted".
        words: Words of all reports.
        vocabulary: Different words, in lower case.
        words_a_report: Median.
        sentences: Sentences of all reports.
        negated: Sentences that deny their finding.
        uncertain: Sentences that hedge it.
        findings: For each label: studies where it is present, absent, uncertain.
        duplicate_texts: Reports whose text another report has too.
        most_common_text: How many reports share the commonest text.
        duplicate_films: Films whose bytes another film has too.
        leaking_patients: Patients on two sides.
        leaking_texts: Texts on two sides.
        leaking_films: Films on two sides, byte for byte.
        unread: Films that could not be read, by cause.
        unread_films: Which those are: study, number of the film in the source, code.
        left_out: Studies left out because neither a film nor a report could be read.
    """

    studies: int
    patients: int
    films: int
    reports: int
    sides: dict[str, str]
    division: str
    without_film: int
    without_report: int
    empty_findings: int
    empty_impression: int
    views: dict[str, int]
    licences: dict[str, int]
    show: str
    words: int
    vocabulary: int
    words_a_report: float
    sentences: int
    negated: int
    uncertain: int
    findings: dict[str, tuple[int, int, int]]
    duplicate_texts: int
    most_common_text: int
    duplicate_films: int
    leaking_patients: int
    leaking_texts: int
    leaking_films: int
    unread: dict[str, int]
    unread_films: tuple[str, ...]
    left_out: int

    @property
    def leaks(self) -> bool:
        """Whether a patient, a text or a film stands on two sides."""
        return bool(self.leaking_patients or self.leaking_texts or self.leaking_films)

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' '):<17} {value}" for name, value in _lines(self))


def examine(
    studies: Sequence[Study],
    digests: Mapping[str, str],
    unread: Sequence[tuple[str, int, str, str]],
    about: Mapping[str, Any],
) -> Health:
    """Return the health of studies.

    Args:
        studies: All of them.
        digests: sha256 of each film's bytes, by its file.
        unread: Study, number, code and cause of each film that could not be read.
        about: The cohort's own: "division", "licences", "show" and "left_out".
    """
    texts = [(reports.text_hash(study.report.text), study.split) for study in studies if study.report]
    films = [(digests.get(film.file, film.file), study.split) for study in studies for film in study.films]
    known = [study.report for study in studies if study.report]
    return Health(
        studies=len(studies),
        patients=len({study.patient for study in studies}),
        films=len(films),
        reports=len(known),
        sides=_sides(studies),
        division=str(about.get("division", "not stated")),
        without_film=sum(not study.films for study in studies),
        without_report=sum(study.report is None for study in studies),
        empty_findings=sum(not one.findings for one in known),
        empty_impression=sum(not one.impression for one in known),
        views=dict(Counter(film.view for study in studies for film in study.films).most_common()),
        licences=dict(about.get("licences", {})),
        show=str(about.get("show", "local")),
        **_language(known),
        findings=_findings(studies),
        duplicate_texts=_doubles(texts),
        most_common_text=max(Counter(one for one, _ in texts).values(), default=0),
        duplicate_films=_doubles(films),
        leaking_patients=_leaks((study.patient, study.split) for study in studies),
        leaking_texts=_leaks(texts),
        leaking_films=_leaks(films),
        unread=dict(Counter(f"{code}: {cause}" for _, _, code, cause in unread).most_common()),
        unread_films=tuple(f"{study} film {number}: {code}" for study, number, code, _ in unread),
        left_out=int(about.get("left_out", 0)),
    )


def _language(known: Sequence[Report]) -> dict[str, Any]:
    sentences = [one for report in known for one in reports.sentences(report)]
    words = [[word.text.lower() for word in reports.words(report.text)] for report in known]
    return {
        "words": sum(map(len, words)),
        "vocabulary": len({word for some in words for word in some}),
        "words_a_report": float(statistics.median(map(len, words))) if words else 0.0,
        "sentences": len(sentences),
        "negated": sum(sentence.negated for sentence in sentences),
        "uncertain": sum(sentence.uncertain for sentence in sentences),
    }


def _sides(studies: Sequence[Study]) -> dict[str, str]:
    found = {}
    for side in (*SIDES, *sorted({study.split for study in studies} - set(SIDES))):
        some = [study for study in studies if study.split == side]
        found[side] = f"{len(some)} studies of {len({study.patient for study in some})} patients"
    return found


def _findings(studies: Sequence[Study]) -> dict[str, tuple[int, int, int]]:
    """Return present, absent, uncertain of each label, commonest first."""
    counts: dict[str, Counter[int]] = {}
    for study in studies:
        for name, value in study.labels.items():
            counts.setdefault(name, Counter())[value] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1][1], item[0]))
    return {name: (count[1], count[0], count[-1]) for name, count in ranked}


def _doubles(items: Iterable[tuple[str, str]]) -> int:
    return sum(count for count in Counter(one for one, _ in items).values() if count > 1)


def _leaks(items: Iterable[tuple[str, str]]) -> int:
    sides: dict[str, set[str]] = {}
    for one, side in items:
        sides.setdefault(one, set()).add(side)
    return sum(len(found) > 1 for found in sides.values())


_MANY = 12


def _lines(health: Health) -> Iterable[tuple[str, str]]:
    """Yield a name and a value for each field, long tables cut."""
    for one in fields(health):
        value = getattr(health, one.name)
        if one.name == "findings":
            value = {name: "/".join(map(str, counts)) for name, counts in value.items()}
            yield one.name, f"{_table(value)} (present/absent/uncertain)" if value else "none"
        elif isinstance(value, dict):
            yield one.name, _table({name or "not known": count for name, count in value.items()}) or "none"
        elif isinstance(value, tuple):
            yield one.name, _table(dict.fromkeys(value, "")) or "none"
        else:
            yield one.name, f"{value:g}" if isinstance(value, float) else str(value)


def _table(values: Mapping[str, object]) -> str:
    shown = [f"{name} {value}".strip() for name, value in list(values.items())[:_MANY]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more > 0 else "")
