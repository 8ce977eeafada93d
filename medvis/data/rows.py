"""Tables from outside as rows of text: CSV (also gzipped) and Parquet. Text is data, never SQL."""

import csv
import glob
import gzip
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from medvis.errors import BadSource

Row = dict[str, str]
_LONGEST_CELL = 1 << 24  # characters; reports are far below


def read(path: Path, *, needs: tuple[str, ...] = ()) -> Iterator[Row]:
    """Yield the rows of a table, every cell as text, "" where there is none.

    Args:
        path: .csv, .tsv, .csv.gz or .parquet; the heading tells what parts its cells.
        needs: Columns that must be there.

    Raises:
        BadSource: If the file is missing or no such table, or lacks a column.
    """
    if not path.is_file():
        raise BadSource(f"{path} does not exist.", remedy="Give the folder or the table of the dataset.")
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    try:
        first = next(rows, None)
        if first is None:
            return
        missing = [name for name in needs if name not in first]
        if missing:
            raise BadSource(
                f"{path} has no column {', '.join(missing)}.", remedy=f"It has: {', '.join(first)}."
            )
        yield first
        yield from rows
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadSource(
            f"{path} cannot be read as a table ({type(error).__name__}).", remedy="Give UTF-8 CSV or Parquet."
        ) from error


def number(text: str, where: str) -> float:
    """Return the number in a cell.

    Args:
        text: The cell.
        where: For the message, such as "boxes.csv, row 12".

    Raises:
        BadSource: If it is no finite number.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadSource(f"{where}: a number is missing or is none.", remedy="Write it like 12.5.")
    return found


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
        heading = text.readline()
        # Spreadsheets write semicolons where a comma is the decimal point.
        separator = "\t" if ".tsv" in path.suffixes else max(",;\t", key=heading.count)
        for row in csv.DictReader(itertools.chain([heading], text), delimiter=separator, restval=""):
            yield {name: value for name, value in row.items() if isinstance(name, str)}


def _parquet(path: Path) -> Iterator[Row]:
    import duckdb

    with duckdb.connect() as connection:
        try:
            found = connection.execute(
                "SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)", [glob.escape(str(path))]
            )
            names = [column[0] for column in found.description or ()]
            while batch := found.fetchmany(2000):
                for values in batch:
                    yield {name: value or "" for name, value in zip(names, values, strict=True)}
        except duckdb.Error as error:
            raise BadSource(f"{path} cannot be read as Parquet.", remedy="Give CSV or Parquet.") from error
