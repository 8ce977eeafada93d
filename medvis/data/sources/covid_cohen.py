"""COVID-19 Image Data Collection (ieee8023/covid-chestxray-dataset): films with the notes of their cases."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medvis.data import facts, report, rows
from medvis.data.rows import Row
from medvis.data.sources import Reading, Source, below, table
from medvis.errors import BadSource
from medvis.types import Film, Report, Study

_NOTES_LICENCE = "CC BY-NC-SA 4.0 (metadata.csv of ieee8023/covid-chestxray-dataset)"
_CREDIT = "Cohen et al., COVID-19 Image Data Collection, arXiv:2006.11988"
# What the dataset's names mean in its own tree; later versions write the whole path.
_TREE = {
    "Pneumonia": (),
    **dict.fromkeys(
        ("Viral", "Bacterial", "Fungal", "Lipoid", "Aspiration", "Organising", "Eosinophilic"), ("Pneumonia",)
    ),
    **dict.fromkeys(
        ("COVID-19", "SARS", "MERS-CoV", "Varicella", "Influenza", "Herpes"), ("Pneumonia", "Viral")
    ),
    **dict.fromkeys(
        ("Streptococcus", "Klebsiella", "E.Coli", "Legionella", "Mycoplasma", "Chlamydophila", "Nocardia"),
        ("Pneumonia", "Bacterial"),
    ),
    **dict.fromkeys(("Pneumocystis", "Aspergillosis"), ("Pneumonia", "Fungal")),
    "Tuberculosis": (), "No Finding": (),
}  # fmt: skip
_ALIASES = {
    "bacterial pneumonia": "Bacterial", "lipoid pneumonia": "Lipoid", "organising pneumonia": "Organising",
    "eosinophilic pneumonia": "Eosinophilic", "aspiration pneumonia": "Aspiration",
    "viral pneumonia": "Viral", "fungal pneumonia": "Fungal",
    "mycoplasma bacterial pneumonia": "Mycoplasma", "no finding": "No Finding",
}  # fmt: skip
_SAYS_NOTHING = {"", "todo", "unknown", "undefined"}


@dataclass(frozen=True)
class Options:
    """What to take from the collection."""

    text: Literal["findings", "notes"] = "findings"
    """findings: what of a note describes the film, where the layout tells it apart; notes: all of it."""


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of the collection: the films of one patient on one day.

    Computed tomography is left out. Labels follow the collection's tree of diagnoses: what a film's
    diagnosis contradicts is absent, what it leaves open is unknown. Sides come from the prepared layout
    or from a hash.

    Args:
        path: A copy of the repository, or the prepared layout.
        options: What to take.

    Raises:
        BadSource: If the path has neither layout.
    """
    if table.is_prepared(path):
        found = table.prepared_rows(path / "metadata.csv")
        if options.text == "notes":
            found = [{**row, "findings": row.get("text", ""), "impression": ""} for row in found]
        return table.prepared(path, found, labels=_labels([row.get("labels", "") for row in found]))
    return _public(path)


def labels(said: str) -> dict[str, int]:
    """Return the labels of a diagnosis as the collection writes it, such as "Pneumonia/Viral/COVID-19".

    >>> labels("COVID-19")["Bacterial"], labels("COVID-19")["Pneumonia"]
    (0, 1)
    >>> "COVID-19" in labels("Pneumonia")
    False
    """
    names = [_ALIASES.get(name.lower(), name) for name in re.split(r"[;,/]\s*", said.strip())]
    names = [name for name in names if name.lower() not in _SAYS_NOTHING]
    present = {one for name in names for one in (*_TREE.get(name, ()), name)}
    if not present & set(_TREE):
        return dict.fromkeys(names, 1)  # another disease, which may come with a pneumonia
    inner = {one for name in present for one in _TREE.get(name, ())}
    finest = present - inner
    # A plain "Pneumonia" leaves open which; a finer one excludes its siblings.
    absent = [name for name, above in _TREE.items() if name not in present and not finest & set(above)]
    return {**dict.fromkeys(sorted(present), 1), **dict.fromkeys(absent, 0)}


def _labels(said: list[str]) -> list[dict[str, int]]:
    """Return the labels of each diagnosis, without the names that no film has."""
    found = [labels(one) for one in said]
    known = {name for one in found for name, value in one.items() if value}
    return [{name: value for name, value in one.items() if name in known} for one in found]


def _public(path: Path) -> Reading:
    """Yield the studies of a copy of the repository."""
    needs = ("patientid", "finding", "view", "modality", "filename", "folder", "license")
    found = [
        row for row in rows.read(path / "metadata.csv", needs=needs) if row["modality"].lower() == "x-ray"
    ]
    if not found:
        raise BadSource(f"{path}/metadata.csv names no X-ray.", remedy="Give a copy of the whole repository.")
    known = _labels([row["finding"] for row in found])
    of: dict[tuple[str, str], list[tuple[Row, dict[str, int]]]] = {}
    for row, one in zip(found, known, strict=True):
        of.setdefault((row["patientid"].strip(), _day(row.get("offset", ""))), []).append((row, one))
    for (patient, day), some in of.items():
        yield _study(f"P{patient}_{day}", f"P{patient}", some, path)


def _day(offset: str) -> str:
    """Return the day of a study for its id; days are counted from the first symptom."""
    try:
        return f"{float(offset):g}".replace("-", "m") if offset.strip() else "na"
    except ValueError:
        return "na"


def _study(
    name: str, patient: str, some: list[tuple[Row, dict[str, int]]], path: Path
) -> tuple[Study, tuple[Path, ...]]:
    films, paths = [], []
    known: dict[str, int] = {}
    for row, labelled in some:
        view, notes = facts.view(row["view"])
        licence = row["license"].strip()
        show = facts.show(licence)
        films.append(Film("", 0, 0, view, notes=notes, licence=licence, credit=_credit(row), show=show))
        folder = path / (row["folder"].strip() or "images")
        paths.append(below(folder, row["filename"], f"metadata.csv ({name})"))
        known |= {one: value for one, value in labelled.items() if value or one not in known}
    notes_of = dict.fromkeys(report.flow(row.get("clinical_notes", "")) for row, _ in some)
    text = "\n".join(note for note in notes_of if note)
    written = Report(text, "", _NOTES_LICENCE, _CREDIT, facts.show(_NOTES_LICENCE)) if text else None
    return Study(name, patient, "", tuple(films), written, known), tuple(paths)


def _credit(row: Row) -> str:
    """Return who is to be named beside a film: people named in "other_notes", else where it comes from."""
    named = re.search(r"(?:Case courtesy|Credit) (?:of|to) [^;\n]+", row.get("other_notes", ""))
    return named.group().strip() if named else row.get("doi", "") or row.get("url", "") or _CREDIT


SOURCE = Source(
    "covid_cohen", "COVID-19 Image Data Collection: films with the notes of their cases", Options, read
)
