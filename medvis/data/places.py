"""Where cohorts, runs, towers and features lie: names to folders."""

import hashlib
import os
import re
from pathlib import Path

from medvis.errors import BadCohort, BadRun, NotFound

DEMO = Path(__file__).parents[2] / "assets" / "demo"


def home() -> Path:
    """Return the folder of everything a person makes: $MEDVIS_HOME, or ./data."""
    return Path(os.environ.get("MEDVIS_HOME") or "data")


def towers() -> Path:
    """Return the folder of encoder weights, which runs share by sha256."""
    return home() / "towers"


def features() -> Path:
    """Return the folder of cached features of frozen encoders."""
    return home() / "features"


def cohorts() -> list[Path]:
    """Return the folders of all cohorts, own ones first, each lot by name."""
    return _folders("cohorts", "cohort.duckdb")


def runs() -> list[Path]:
    """Return the folders of all runs, own ones first, each lot by name."""
    return _folders("runs", "run.json")


def cohort_folder(name: str) -> Path:
    """Return the folder of a cohort; a name with "/" is a path.

    Raises:
        NotFound: If there is none; the remedy lists the known names.
    """
    found = _find(name, "cohorts", "cohort.duckdb")
    if found is None:
        raise NotFound(f"There is no cohort {name!r}.", remedy=_known("cohorts", cohorts()))
    return found


def run_folder(name: str) -> Path:
    """Return the folder of a run by its name, by at least 4 characters of its id, or by its path.

    Raises:
        NotFound: If there is none, or if a prefix fits several; the remedy lists the known names.
    """
    found = _find(name, "runs", "run.json")
    if found is not None:
        return found
    if re.fullmatch(r"[0-9a-f]{4,64}", name):
        fitting = [folder for folder in runs() if run_id(folder).startswith(name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise NotFound(f"{name!r} fits {len(fitting)} runs.", remedy=_known("of these", fitting))
    raise NotFound(f"There is no run {name!r}.", remedy=_known("runs", runs()))


def run_id(folder: Path) -> str:
    """Return a run's id: sha256 of the bytes of weights.safetensors (if any), then of run.json."""
    digest = hashlib.sha256()
    for name in ("weights.safetensors", "run.json"):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def new_cohort(name: str) -> Path:
    """Return where a new cohort of this name belongs.

    Raises:
        BadCohort: If the name is not one, or is taken.
    """
    path = _new(name, "cohorts")
    if path is None:
        raise BadCohort(f"{name!r} cannot be the name of a cohort.", remedy=_NAMING)
    if path.exists():
        raise BadCohort(f"There is a cohort at {path} already.", remedy="Choose another name or remove it.")
    return path


def new_run(name: str) -> Path:
    """Return where a run of this name belongs; it may be there already, to be resumed.

    Raises:
        BadRun: If the name is not one.
    """
    path = _new(name, "runs")
    if path is None:
        raise BadRun(f"{name!r} cannot be the name of a run.", remedy=_NAMING)
    return path


_NAMING = "Use letters, digits, dots, dashes and underscores, or a path with a slash."


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None


def _new(name: str, kind: str) -> Path | None:
    if _is_path(name):
        return Path(name)
    return home() / kind / name if _is_name(name) else None


def _find(name: str, kind: str, mark: str) -> Path | None:
    if _is_path(name):
        path = Path(name).expanduser()
        return path if (path / mark).is_file() else None
    if not _is_name(name):
        return None
    found = [root / kind / name for root in (home(), DEMO) if (root / kind / name / mark).is_file()]
    return found[0] if found else None


def _folders(kind: str, mark: str) -> list[Path]:
    own, demo = (sorted((root / kind).glob(f"[!.]*/{mark}")) for root in (home(), DEMO))
    taken = {file.parent.name for file in own}
    return [file.parent for file in own] + [file.parent for file in demo if file.parent.name not in taken]


def _known(what: str, folders: list[Path]) -> str:
    names = ", ".join(folder.name for folder in folders)
    return f"Known {what}: {names}." if names else f"There are no {what} yet in {home()}."
