"""What a cohort holds, as one hash, and whether its films are still those that were imported."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from medvis.data.cohort_schema import Tables


def digest(tables: Tables) -> str:
    """Return the hash of a cohort: what it holds, whatever file it is in.

    sha256 over its studies sorted by id: id, patient, side, the sha256 of every film's bytes, the report,
    and what is known to be true (regions with their masks, labels). Licences and credits are not in it.
    """
    films: dict[int, list[tuple[str, list[object]]]] = {}
    regions: dict[int, list[object]] = {}
    for film_row, name, box, _, _, sha256 in tables["region"]:
        regions.setdefault(film_row, []).append([name, [float(at) for at in box], sha256])
    for number, row in enumerate(tables["film"]):
        films.setdefault(row[0], []).append((row[-1], regions.get(number, [])))
    reports = {row[0]: list(row[1:3]) for row in tables["report"]}
    labels: dict[int, list[tuple[str, int]]] = {}
    for study, finding, value in tables["label"]:
        labels.setdefault(study, []).append((finding, value))
    found = hashlib.sha256()
    for number in sorted(range(len(tables["study"])), key=lambda at: tables["study"][at][0]):
        truth = sorted(labels.get(number, []))
        entry = [*tables["study"][number], films.get(number, []), reports.get(number), truth]
        found.update(json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode())
        found.update(b"\n")
    return found.hexdigest()


def damaged(folder: Path, digests: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files that are missing or whose bytes have another sha256."""
    return tuple(
        name
        for name, wanted in digests.items()
        if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != wanted
    )
