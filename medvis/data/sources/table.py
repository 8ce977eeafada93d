"""Any table (CSV or Parquet) with a folder of films: one row a film, columns told by options."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from medvis.data import facts, report, rows, split
from medvis.data.rows import Row
from medvis.data.sources import Reading, Source, _boxes, _columns, below
from medvis.errors import BadSource
from medvis.types import Film, Region, Report, Study


@dataclass(frozen=True)
class Options:
    """Which column holds what; a column that is not there is left out."""

    preset: Literal["plain", "medvis"] = "plain"
    """medvis: the layout with metadata.csv and region boxes; of the other options only closed counts."""
    films: str = "."
    """Folder of the films, from the table's folder."""
    image: str = "image"
    """Column with the film's path in that folder; empty for a report without a film."""
    study: str = "study"
    """Column with the study's id; without it each row is a study."""
    patient: str = "patient"
    """Column with the patient's pseudonym; without it each study is a patient of its own."""
    view: str = "view"
    """Column with PA, AP or LATERAL."""
    split: str = "split"
    """Column with train, val or test."""
    findings: str = "findings"
    """Column with the findings."""
    impression: str = "impression"
    """Column with the impression."""
    text: str = "text"
    """Column with a whole report, whose headings are looked for where the two above are empty."""
    labels: str = "labels"
    """Column with a list of the findings that are present."""
    separator: str = ";"
    """What separates labels."""
    closed: bool = False
    """Findings that are not listed are absent, not unknown (where the row lists any)."""
    licence: str = "licence"
    """Column with the licence of a film."""
    report_licence: str = "report_licence"
    """Column with the licence of a report; the film's where it is empty."""
    every_licence: str = ""
    """Licence of everything without one of its own."""
    credit: str = "credit"
    """Column with the credit to be shown."""


PREPARED = Options(
    preset="medvis", study="study_id", patient="patient_id", text="",
    licence="license", report_licence="text_license",
)  # fmt: skip


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of a table or of a folder with one.

    Raises:
        BadSource: If there is no table or no row, a column that an option names is missing, or a row names a
            file outside the folder.
    """
    if options.preset == "medvis":
        return prepared(path, closed=options.closed)
    table = _table(path)
    found = list(rows.read(table))
    if found:
        _columns.check(table, list(found[0]), asdict(options), asdict(Options()))
    return studies(found, table, options, {})


def prepared(
    path: Path,
    found: list[Row] | None = None,
    *,
    closed: bool = False,
    labels: list[dict[str, int]] | None = None,
) -> Reading:
    """Yield the studies of the layout of preset medvis, with the regions of its box tables.

    Args:
        path: The folder, or its metadata.csv.
        found: The rows, where the source changed them.
        closed: As in Options.
        labels: Of each row, where the source knows better than the column.
    """
    table = path / "metadata.csv" if path.is_dir() else path
    found = prepared_rows(table) if found is None else found
    return studies(found, table, replace(PREPARED, closed=closed), _boxes.read(table.parent, found), labels)


def prepared_rows(table: Path) -> list[Row]:
    """Return the rows of the layout of preset medvis; who is to be credited is in "credit"."""
    found = rows.read(table, needs=("image", "patient_id", "study_id", "license"))
    return [{**row, "credit": row.get("credit") or row.get("source_url_or_doi", "")} for row in found]


def is_prepared(path: Path) -> bool:
    """Whether a folder has the layout of preset medvis."""
    try:
        first = next(rows.read(path / "metadata.csv"), {})
    except BadSource:
        return False
    return {"image", "patient_id", "study_id", "license", "view_class"} <= set(first)


def studies(
    found: list[Row],
    table: Path,
    options: Options,
    regions: dict[str, list[Region]],
    labels: list[dict[str, int]] | None = None,
) -> Reading:
    """Yield studies of rows: rows of one study are its films, their different texts its report.

    Args:
        found: Rows of films.
        table: Where they stand, for paths and messages.
        options: Which column holds what.
        regions: Known places of each image, in pixels of its file.
        labels: Of each row; read from their column by default.

    Raises:
        BadSource: If there is no row, or one names a file outside the folder.
    """
    if not found:
        raise BadSource(f"{table} has no rows.", remedy="Give the table with one row a film.")
    labels = _labels(found, options) if labels is None else labels
    of: dict[str, list[int]] = {}
    for number, row in enumerate(found):
        of.setdefault(row.get(options.study, "") or f"{table.stem}-{number + 1}", []).append(number)
    for name, numbers in of.items():
        yield _study(
            name, [(number, found[number], labels[number]) for number in numbers], table, options, regions
        )


def _labels(found: list[Row], options: Options) -> list[dict[str, int]]:
    lists = [facts.listed(row.get(options.labels, ""), options.separator) for row in found]
    return facts.closed(lists) if options.closed else [dict.fromkeys(names, 1) for names in lists]


def _study(
    name: str,
    some: list[tuple[int, Row, dict[str, int]]],
    table: Path,
    options: Options,
    regions: dict[str, list[Region]],
) -> tuple[Study, tuple[Path, ...]]:
    folder = table.parent / options.films
    films, paths = [], []
    for number, row, _ in some:
        image = row.get(options.image, "")
        if image.strip():
            paths.append(below(folder, image, f"{table.name}, row {number + 2}"))
            films.append(_film(row, options, tuple(regions.get(image, ()))))
    labels: dict[str, int] = {}
    for _, _, known in some:
        labels |= {one: value for one, value in known.items() if value or one not in labels}
    patient = _one(options.patient, [row.get(options.patient, "").strip() for _, row, _ in some], name)
    side = _one(options.split, [split.side(row.get(options.split, "")) for _, row, _ in some], name)
    texts = _report([row for _, row, _ in some], options)
    return Study(name, patient or name, side, tuple(films), texts, labels), tuple(paths)


def _one(column: str, said: list[str], study: str) -> str:
    """Return what the rows of a study say alike; rows that say nothing do not count.

    Raises:
        BadSource: If they disagree: films of one patient would stand on two sides, or under two names.
    """
    found = sorted({one for one in said if one})
    if len(found) > 1:
        raise BadSource(
            f"The rows of study {study!r} have {len(found)} values in column {column!r}.",
            remedy=f"Give all rows of a study the same {column}, or name another --study column.",
        )
    return found[0] if found else ""


def _film(row: Row, options: Options, regions: tuple[Region, ...]) -> Film:
    view, notes = facts.view(row.get(options.view, ""))
    licence = row.get(options.licence, "") or options.every_licence
    return Film(
        "", 0, 0, view, notes=notes, licence=licence, credit=row.get(options.credit, ""),
        show=facts.show(licence), regions=regions,
    )  # fmt: skip


def _report(some: Iterable[Row], options: Options) -> Report | None:
    """Return what a study's rows say of it, each block once, under the licences of those that say it."""
    parts = [part for part in (_sections(row, options) for row in some) if part.text]
    if not parts:
        return None
    return Report(
        _joined("\n", [part.findings for part in parts]),
        _joined("\n", [part.impression for part in parts]),
        _joined("; ", [part.licence for part in parts]),
        _joined("; ", [part.credit for part in parts]),
        facts.strictest({part.show for part in parts}),
    )


def _joined(between: str, said: list[str]) -> str:
    return between.join(dict.fromkeys(filter(None, said)))


def _sections(row: Row, options: Options) -> Report:
    findings, impression = row.get(options.findings, ""), row.get(options.impression, "")
    licence = row.get(options.report_licence, "") or row.get(options.licence, "") or options.every_licence
    known = Report(
        report.flow(findings),
        report.flow(impression),
        licence,
        row.get(options.credit, ""),
        facts.show(licence),
    )
    if known.text or not options.text:
        return known
    parts = report.sections(row.get(options.text, ""))
    return replace(known, findings=parts.findings, impression=parts.impression)


def _table(path: Path) -> Path:
    if not path.is_dir():
        return path
    tables = sorted(one for one in path.iterdir() if one.suffix in (".csv", ".tsv", ".parquet"))
    if len(tables) != 1:
        names = ", ".join(one.name for one in tables) or "none"
        raise BadSource(f"{path} must hold one table, it holds: {names}.", remedy="Give the table itself.")
    return tables[0]


SOURCE = Source(
    "table", "Any CSV or Parquet table with a folder of films, columns named by options", Options, read
)
