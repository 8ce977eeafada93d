"""A cohort's tables in DuckDB, versioned: the only place that writes and reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from medvis.errors import BadCohort

VERSION = "1"
STORAGE = "v1.0.0"  # DuckDB 2's default format is unreadable by every 1.x
_COLUMNS: dict[str, dict[str, str]] = {
    "meta": {"key": "VARCHAR", "value": "VARCHAR"},
    "study": {"id": "VARCHAR", "patient": "VARCHAR", "split": "VARCHAR"},
    "film": {
        "study": "INTEGER", "file": "VARCHAR", "height": "INTEGER", "width": "INTEGER", "view": "VARCHAR",
        "spacing": "DOUBLE[]", "orientation": "VARCHAR[]", "notes": "VARCHAR[]", "licence": "VARCHAR",
        "credit": "VARCHAR", "show": "VARCHAR", "sha256": "VARCHAR",
    },
    "region": {
        "film": "INTEGER", "name": "VARCHAR", "box": "DOUBLE[]", "source": "VARCHAR", "mask": "VARCHAR",
        "sha256": "VARCHAR",
    },
    "report": {
        "study": "INTEGER", "findings": "VARCHAR", "impression": "VARCHAR", "licence": "VARCHAR",
        "credit": "VARCHAR", "show": "VARCHAR",
    },
    "label": {"study": "INTEGER", "finding": "VARCHAR", "value": "INTEGER"},
    "unread": {"study": "VARCHAR", "number": "INTEGER", "code": "VARCHAR", "cause": "VARCHAR"},
}  # fmt: skip
# A reader can reach no other file, load nothing, and cannot be told otherwise.
HARDENED = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "lock_configuration": True,
}
_AT_ONCE = 20_000  # rows a statement


def _create(name: str, columns: Mapping[str, str]) -> str:
    kinds = ", ".join(f'"{column}" {kind}' for column, kind in {"row": "INTEGER", **columns}.items())
    return f"CREATE TABLE {name} ({kinds})"


def _insert(name: str, columns: Mapping[str, str]) -> str:
    kinds = ("INTEGER", *columns.values())
    return f"INSERT INTO {name} SELECT " + ", ".join(
        f"unnest(${n}::{kind}[])" for n, kind in enumerate(kinds, 1)
    )


def _select(name: str, columns: Mapping[str, str]) -> str:
    wanted = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {wanted} FROM {name} ORDER BY row"


# The words of all statements are those above: no value is ever written into SQL.
_CREATE = {name: _create(name, columns) for name, columns in _COLUMNS.items()}
_INSERT = {name: _insert(name, columns) for name, columns in _COLUMNS.items()}
_SELECT = {name: _select(name, columns) for name, columns in _COLUMNS.items()}

Tables = Mapping[str, Sequence[tuple[Any, ...]]]


def write(path: Path, tables: Tables) -> None:
    """Write all tables to a new file; nothing is left beside it.

    Rows keep their order; `film.study`, `report.study`, `label.study` and `region.film` count rows of
    those tables from 0.
    """
    with duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE}) as connection:
        for name in _COLUMNS:
            connection.execute(_CREATE[name])
            rows = [(number, *values) for number, values in enumerate(tables.get(name, ()))]
            for start in range(0, len(rows), _AT_ONCE):
                batch = [list(column) for column in zip(*rows[start : start + _AT_ONCE], strict=True)]
                connection.execute(_INSERT[name], batch)
        connection.execute("CHECKPOINT")


def read(path: Path) -> Tables:
    """Read all tables, rows in order, without their numbers.

    Raises:
        BadCohort: If the file is missing, damaged, of another schema, or has a log beside it.
    """
    again = "Import the cohort again."
    if not path.is_file():
        raise BadCohort(f"{path.parent} has no {path.name}.", remedy=again)
    if path.with_name(path.name + ".wal").exists():
        raise BadCohort(f"{path} was not written to its end.", remedy=again)
    try:
        with duckdb.connect(str(path), read_only=True, config=HARDENED) as connection:
            found = {}
            for name in _COLUMNS:
                found[name] = connection.cursor().execute(_SELECT[name]).fetchall()
                if name == "meta":
                    _check_version(path, dict(found["meta"]).get("schema"))
    except duckdb.Error as error:
        raise BadCohort(
            f"{path} is damaged or is no cohort ({type(error).__name__}).", remedy=again
        ) from error
    return found


def _check_version(path: Path, found: object) -> None:
    if found != VERSION:
        raise BadCohort(
            f"{path} was written with schema {found!r}, this medvis reads {VERSION}.",
            remedy="Import the cohort again.",
        )
