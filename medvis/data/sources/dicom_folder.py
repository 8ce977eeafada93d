"""A folder of DICOM files as an archive exports it, in any nesting, without reports."""

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

from medvis.data import facts, film
from medvis.data.sources import Reading, Source
from medvis.errors import BadSource
from medvis.types import Film, Study

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What the files' owner says of them."""

    licence: str = ""
    """Licence of every film; without one they stay on this machine."""
    credit: str = ""
    """Credit to be shown beside every film."""
    most: int = 0
    """Most studies; 0 for all."""


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of a folder: the DICOM files that share a study, of patients numbered as they come.

    Patients and studies are told apart inside the decoder process, under a key that is made here and
    forgotten: no identifier is ever known to this one. A file that names no patient is of a patient of its
    own. Files that are not DICOM are left out.

    Args:
        path: Searched with all folders below; links are not followed.
        options: What to write beside the films.

    Raises:
        BadSource: If there is no DICOM file.
    """
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink()]
    studies, patients = _grouped(files)
    if not studies:
        raise BadSource(f"{path} has no DICOM file.", remedy="Give the folder that an archive exported to.")
    known = Film("", 0, 0, licence=options.licence, credit=options.credit, show=facts.show(options.licence))
    for number, (study, found) in enumerate(list(studies.items())[: options.most or None], start=1):
        patient = f"patient{patients[study]:05d}"
        yield Study(f"study{number:05d}", patient, "", (known,) * len(found)), tuple(found)


def _grouped(files: list[Path]) -> tuple[dict[str, list[Path]], dict[str, int]]:
    """Return the files of each study, and the number of its patient."""
    key = secrets.token_bytes(32)
    studies: dict[str, list[Path]] = {}
    owners: dict[str, int] = {}
    patients: dict[str, int] = {}
    skipped = 0
    for file in files:
        kin = film.kin(file, key)
        if kin is None:
            skipped += 1
            continue
        alone = f"file {len(studies)}"
        patient, study = kin[0] or alone, kin[1] or alone
        studies.setdefault(study, []).append(file)
        number = owners.setdefault(patient, len(owners) + 1)
        patients.setdefault(study, number)
    if skipped:
        _log.warning("%d files are not DICOM and were left out.", skipped)
    return studies, patients


SOURCE = Source("dicom_folder", "A folder of DICOM files, grouped by study, without reports", Options, read)
