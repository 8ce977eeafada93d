"""What a store file holds, versioned: its one table, its statements, its manifest.

A store is derived from a run and a cohort, so there are no migrations: a file of another version is
refused and written anew.
"""

import dataclasses
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

VERSION = 1
KINDS = ("film", "report", "findings", "impression", "sentence", "prompt")

INSERT = "INSERT INTO item SELECT * FROM batch"
COUNTS = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"

# A parameter that is NULL chooses everything.
_CHOICE = """
FROM item
WHERE ($kinds IS NULL OR list_contains($kinds, kind))
  AND ($split IS NULL OR split = $split)
  AND ($study IS NULL OR study = $study)
"""
# Not ordered: sorting would hold every vector a second time. Rows come with their number.
SELECT = f"SELECT row, kind, study, patient, split, ref, text_hash, mean, log_scale, root_dist {_CHOICE}"
SELECT_NAMES = f"SELECT row, kind, study, patient, ref, text_hash {_CHOICE}"
SELECT_MEANS = f"SELECT row, mean {_CHOICE}"


def create(d: int) -> str:
    """Return the statement that makes the table for vectors of `d` numbers.

    Raises:
        ValueError: If `d` is not a positive whole number: it is the only thing written into SQL.
    """
    if isinstance(d, bool) or not isinstance(d, int) or d < 1:
        raise ValueError(f"a store holds vectors of at least one number, not {d!r}")
    return (
        "CREATE TABLE item (row INTEGER NOT NULL, kind VARCHAR NOT NULL, study VARCHAR NOT NULL, "
        "patient VARCHAR NOT NULL, split VARCHAR NOT NULL, ref VARCHAR NOT NULL, text_hash VARCHAR NOT NULL, "
        f"mean FLOAT[{d:d}] NOT NULL, log_scale FLOAT[{d:d}], root_dist DOUBLE NOT NULL)"
    )


@dataclass(frozen=True)
class About:
    """What a store is of: the run, the cohort and the space its vectors live in.

    Attributes:
        run: Id of the run: the vectors are worth nothing beside other weights.
        cohort: Hash of the cohort.
        cohort_name: Its name, for the command that rebuilds the store.
        geometry: "lorentz" or "sphere".
        d: Numbers of a vector.
        curv: Space of curvature `-curv`; 0 on the sphere.
        densities: Whether every item has a spread.
        left_out: What the cohort has and the store lacks, with its count, such as "studies without a film".
        restricted: Whether any of it was made from data that must not be passed on; never exported.
    """

    run: str
    cohort: str
    cohort_name: str
    geometry: Literal["lorentz", "sphere"]
    d: int
    curv: float = 0.0
    densities: bool = False
    left_out: dict[str, int] = field(default_factory=dict)
    restricted: bool = False


@dataclass(frozen=True)
class Manifest:
    """What a published generation is: readers believe a file only if it agrees with this.

    Attributes:
        schema: Version of the table.
        generation: Counts up; a reader never sees it go back.
        file: Name of the DuckDB file beside the manifest.
        sha256: Of the file's bytes.
        size: Of the file, in bytes.
        counts: Rows of each kind.
        about: What it is of.
        created: When it was published, UTC, ISO 8601.
        software: Versions that wrote it.
    """

    schema: int
    generation: int
    file: str
    sha256: str
    size: int
    counts: dict[str, int]
    about: About
    created: str
    software: dict[str, str]

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Read it from JSON.

        Raises:
            ValueError: If the text is no manifest of this version, told in words for a person.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError:
            raise ValueError("is not JSON") from None
        found = values.get("schema") if isinstance(values, dict) else None
        if found != VERSION:
            raise ValueError(f"was written with schema {found!r}, this medvis reads {VERSION}")
        try:
            manifest = cls(**(values | {"about": About(**values["about"])}))
            manifest.check()
        except (KeyError, TypeError, AttributeError):
            raise ValueError("lacks fields or has foreign ones") from None
        return manifest

    def check(self) -> None:
        """Refuse values that no publisher writes, above all a file name that leads out of the folder.

        Raises:
            ValueError: If a value has the wrong type or form.
        """
        about = self.about
        texts = (self.sha256, self.created, about.run, about.cohort, about.cohort_name)
        numbers = (self.generation, self.size, about.d, *self.counts.values(), *about.left_out.values())
        fits = (
            all(isinstance(text, str) for text in texts)
            and all(type(number) is int and number >= 0 for number in numbers)
            and self.file == generation_file(self.generation)
            and re.fullmatch(r"[0-9a-f]{64}", self.sha256) is not None
            and set(self.counts) <= set(KINDS)
            and about.geometry in {"lorentz", "sphere"}
            and about.d > 0
            and (about.curv > 0) == (about.geometry == "lorentz")
        )
        if not fits:
            raise ValueError("has values that no store has")


def generation_file(generation: int) -> str:
    """Return the file name of a generation."""
    return f"gen-{generation:d}.duckdb"


def shown(path: Path) -> str:
    """Return the path from its run on: RUN/stores/HASH/FILE."""
    parts = path.parts
    at = len(parts) - 1 - parts[::-1].index("stores") if "stores" in parts else len(parts) - 1
    return "/".join(parts[max(at - 1, 0) :])
