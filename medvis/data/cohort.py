"""Cohorts: studies on disk, read whole and never changed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image

from medvis.data import aside, cohort_hash, cohort_schema, cohort_write
from medvis.data.health import Health, examine
from medvis.errors import BadCohort, NotFound
from medvis.types import Film, Radiograph, Region, Report, Study

SIDE = 1024


def create(
    path: Path,
    studies: Iterable[tuple[Study, tuple[Path | Radiograph, ...]]],
    *,
    name: str,
    source: str,
    about: dict[str, object],
    side: int = SIDE,
    format: cohort_write.Format = "jpeg",
) -> "Cohort":
    """Write studies to a new cohort folder, whole or not at all, and open it.

    Films are decoded through the film gate and encoded anew, so nothing of a file but its pixels and the
    facts of Film gets in. A film that cannot be read is left out, and the health says so; so is a study
    without a film and a report. The source's division into sides holds if it is whole and by patient;
    else patients are divided by hash, 80/10/10 (`split.settle`).

    Args:
        path: The folder, which must not exist.
        studies: Each study with its films as files or ready, in the order of `Study.films`, whose facts
            are taken over; boxes and spacing count pixels of the file and are scaled with the film. The
            mask of a region is a file too.
        name: Shown name.
        source: Name of the source.
        about: What is known of the whole, for people, such as a summary, a licence or a credit; JSON values.
        side: Longest side of a film in pixels.
        format: "jpeg" (quality 92) or "png" (exact, but 8-bit).

    Raises:
        BadCohort: If there is something at the path.
        BadSource: If no study can be read, or two have one id.
    """
    if path.exists():
        raise BadCohort(f"There is something at {path} already.", remedy="Choose another name or remove it.")
    with aside.folder(path) as folder:
        making = cohort_write.Making(folder, side, format)
        cohort_write.write(making, studies, about={**about, "name": name, "source": source}, seed=0)
    return Cohort.open(path)


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """A cohort as it was imported: read once when opened, the same ever after.

    Attributes:
        path: Its folder.
        name: Its shown name.
        source: The source that it was read from.
        hash: sha256 of what it holds (`cohort_hash.digest`).
        about: What is known of the whole: what the importer said, "licences" with counts, the strictest
            class as "show", "division" into sides in words, "left_out" studies.
    """

    path: Path
    name: str
    source: str
    hash: str
    about: dict[str, Any]
    _studies: tuple[Study, ...]
    _index: MappingProxyType[str, int]
    _digests: MappingProxyType[str, str]
    _unread: tuple[tuple[str, int, str, str], ...]

    @classmethod
    def open(cls, path: Path) -> "Cohort":
        """Read a cohort's folder.

        Raises:
            BadCohort: If it is incomplete, damaged or of another schema.
        """
        tables = cohort_schema.read(path / "cohort.duckdb")
        try:
            meta: dict[str, str] = dict(tables["meta"])
            about = json.loads(meta["about"])
            studies = _studies(tables)
            found = cls(
                path, about["name"], about["source"], meta["hash"], about, studies,
                MappingProxyType({study.id: number for number, study in enumerate(studies)}),
                MappingProxyType({row[1]: row[-1] for row in tables["film"]}),
                tuple(tables["unread"]),
            )  # fmt: skip
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BadCohort(f"{path} lacks parts of a cohort.", remedy="Import it again.") from error
        if cohort_hash.digest(tables) != found.hash:
            raise BadCohort(f"{path} does not hold what its hash says.", remedy="Import it again.")
        return found

    def __repr__(self) -> str:
        return f"Cohort({self.name!r}, {len(self._studies)} studies, {self.hash[:8]})"

    def studies(self, split: str | None = None) -> tuple[Study, ...]:
        """Return the studies of one side, or all, in the source's order."""
        if split is None:
            return self._studies
        return tuple(study for study in self._studies if study.split == split)

    def study(self, id: str) -> Study:
        """Return one study.

        Raises:
            NotFound: If this cohort does not have it.
        """
        if id not in self._index:
            raise NotFound(f"Cohort {self.name} has no such study.", remedy="Choose one from the worklist.")
        return self._studies[self._index[id]]

    def search(
        self,
        text: str = "",
        *,
        finding: str | None = None,
        view: str | None = None,
        split: str | None = None,
        has_film: bool | None = None,
        has_report: bool | None = None,
        limit: int | None = None,
    ) -> tuple[Study, ...]:
        """Return the studies that fit everything asked, in the source's order.

        Args:
            text: Words of which each stands somewhere in the report or the id, in any case.
            finding: A label that is present.
            view: "PA", "AP", "LATERAL", or "" for films whose view is not known.
            split: Side.
            has_film: Whether there is a film.
            has_report: Whether there is a report.
            limit: Most studies; None for all.
        """
        words = text.lower().split()
        found = (
            study
            for study in self._studies
            if (split is None or study.split == split)
            and (has_film is None or bool(study.films) == has_film)
            and (has_report is None or (study.report is not None) == has_report)
            and (finding is None or study.labels.get(finding) == 1)
            and (view is None or any(film.view == view for film in study.films))
            and (not words or _holds(study, words))
        )
        return tuple(study for study, _ in zip(found, range(limit), strict=False)) if limit else tuple(found)

    def radiograph(self, film: Film) -> Radiograph:
        """Return the pixels of one of the cohort's films with its facts.

        Raises:
            BadCohort: If its file is missing or damaged.
        """
        grey = self._decode(film.file)
        return Radiograph(
            grey.astype(np.float32) / 255, film.spacing, film.view, film.orientation, film.notes
        )

    def mask(self, region: Region) -> Bool[np.ndarray, "h w"] | None:
        """Return where a region is, in the pixels of its film; None if only its box is known.

        Raises:
            BadCohort: If its file is missing or damaged.
        """
        return self._decode(region.mask) > 127 if region.mask else None

    def health(self) -> Health:
        """Return what is there, what is missing and what is doubtful."""
        return examine(self._studies, self._digests, self._unread, self.about)

    def damaged(self) -> tuple[str, ...]:
        """Return the films whose bytes are not those that were imported; reads every film."""
        return cohort_hash.damaged(self.path, self._digests)

    def _decode(self, name: str) -> Any:  # noqa: ANN401  one grey picture
        path = self.path / name
        try:
            # Files of our own making, but a folder may have been copied from elsewhere.
            if not path.resolve().is_relative_to(self.path.resolve()):
                raise ValueError
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                return np.asarray(picture.convert("L"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise BadCohort(f"{path} is missing or damaged.", remedy="Import the cohort again.") from error


def _holds(study: Study, words: list[str]) -> bool:
    text = f"{study.id} {study.report.text if study.report else ''}".lower()
    return all(word in text for word in words)


def _studies(tables: cohort_schema.Tables) -> tuple[Study, ...]:
    """Return the studies that the rows tell of."""
    regions: dict[int, list[Region]] = {}
    for film_row, name, box, source, mask, _ in tables["region"]:
        regions.setdefault(film_row, []).append(Region(name, tuple(box), source, mask))
    films: dict[int, list[Film]] = {}
    for number, row in enumerate(tables["film"]):
        study, file, height, width, view, spacing, orientation, notes, licence, credit, show, _ = row
        films.setdefault(study, []).append(Film(
            file, height, width, view, tuple(spacing) if spacing else None,
            tuple(orientation) if orientation else None, tuple(notes), licence, credit, show,
            tuple(regions.get(number, ())),
        ))  # fmt: skip
    reports = {row[0]: Report(*row[1:]) for row in tables["report"]}
    labels: dict[int, dict[str, int]] = {}
    for study, finding, value in tables["label"]:
        labels.setdefault(study, {})[finding] = value
    return tuple(
        Study(id, patient, side, tuple(films.get(n, ())), reports.get(n), labels.get(n, {}))
        for n, (id, patient, side) in enumerate(tables["study"])
    )
