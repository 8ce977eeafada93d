"""MIMIC-CXR-JPG with the reports of MIMIC-CXR: credentialed, so everything of it is restricted."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medvis.data import facts, report, rows, split
from medvis.data.rows import Row
from medvis.data.sources import Reading, Source, below
from medvis.errors import BadSource
from medvis.types import Film, Report, Study

LICENCE = "PhysioNet Credentialed Health Data License 1.5.0"
CREDIT = "Johnson et al., MIMIC-CXR and MIMIC-CXR-JPG, PhysioNet"
# The publisher equalised the histograms, so no window of the detector can be found again.
_NOTES = ("display values, not detector values",)
_NOT_FINDINGS = {"subject_id", "study_id"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to take from the collection."""

    reports: str = ""
    """Folder of the report tree; by default looked for in and beside the path."""
    labels: Literal["chexpert", "negbio"] = "chexpert"
    """Which labeller's table to read."""
    most: int = 0
    """Most studies; 0 for all."""


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of the collection with the films and the report that are there.

    Args:
        path: The folder of MIMIC-CXR-JPG: files/pNN/pSUBJECT/sSTUDY/IMAGE.jpg and its csv tables,
            gzipped or not.
        options: What to take.

    Raises:
        BadSource: If the tables are missing, or no film and no report is there.
    """
    metadata = _table(path, "metadata")
    if metadata is None:
        raise BadSource(
            f"{path} has no mimic-cxr-…-metadata.csv.", remedy="Give the folder of MIMIC-CXR-JPG."
        )
    of: dict[tuple[str, str], list[Row]] = {}
    for row in rows.read(metadata, needs=("dicom_id", "subject_id", "study_id", "ViewPosition")):
        of.setdefault((row["subject_id"], row["study_id"]), []).append(row)
    sides = _sides(_table(path, "split"))
    labels = _labels(_table(path, options.labels))
    texts = _report_folder(path, options.reports)
    for (subject, study), some in list(of.items())[: options.most or None]:
        folder = f"p{subject[:2]}/p{subject}"
        films = [
            (row, below(path, f"files/{folder}/s{study}/{row['dicom_id']}.jpg", metadata.name))
            for row in some
        ]
        there = [(_film(row), file) for row, file in films if file.is_file()]
        written = None if texts is None else _report(below(texts, f"{folder}/s{study}.txt", metadata.name))
        yield (
            Study(
                f"s{study}", f"p{subject}", sides.get(study, ""), tuple(film for film, _ in there), written,
                labels.get(study, {}),
            ),
            tuple(file for _, file in there),
        )  # fmt: skip


def _film(row: Row) -> Film:
    view, notes = facts.view(row["ViewPosition"])
    return Film("", 0, 0, view, notes=(*notes, *_NOTES), licence=LICENCE, credit=CREDIT, show="restricted")


def _report(file: Path) -> Report | None:
    if not file.is_file():
        return None
    found = report.sections(file.read_text(encoding="utf-8", errors="replace"))
    return Report(found.findings, found.impression, LICENCE, CREDIT, "restricted") if found.text else None


def _sides(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    return {row["study_id"]: split.side(row["split"]) for row in rows.read(file, needs=("study_id", "split"))}


def _labels(file: Path | None) -> dict[str, dict[str, int]]:
    """Return the labels of each study; a blank is unknown."""
    if file is None:
        return {}
    return {
        row["study_id"]: {
            name: round(rows.number(value, f"{file.name}, study {row['study_id']}, {name}"))
            for name, value in row.items()
            if value and name not in _NOT_FINDINGS
        }
        for row in rows.read(file, needs=("study_id",))
    }


def _table(path: Path, what: str) -> Path | None:
    """Return the newest table of a kind, whatever its version."""
    found = sorted(path.glob(f"mimic-cxr-*-{what}.csv*"))
    return found[-1] if found else None


def _report_folder(path: Path, named: str) -> Path | None:
    """Return the folder above p10, p11, … of the report tree."""
    roots = [Path(named)] if named else [path / "mimic-cxr-reports", path, path.parent / "mimic-cxr-reports"]
    for root in roots:
        for folder in (root / "files", root):
            if next(folder.glob("p[0-9][0-9]/p*/s*.txt"), None) is not None:
                return folder
    if named:
        raise BadSource(
            f"{named} has no reports.", remedy="Give the folder that holds files/p10/… of MIMIC-CXR."
        )
    _log.warning("No reports were found beside the films: the studies have films only.")
    return None


SOURCE = Source(
    "mimic_cxr", "MIMIC-CXR-JPG and the MIMIC-CXR reports (credentialed, restricted)", Options, read
)
