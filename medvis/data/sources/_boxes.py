"""Known places on the films of the prepared layout: tables of boxes, boxes in a cell, masks."""

from pathlib import Path

from medvis.data import facts, rows
from medvis.data.rows import Row, number
from medvis.data.sources import below
from medvis.errors import BadSource
from medvis.types import Region

_WHOLE = (0.0, 0.0, 0.0, 0.0)  # the box is read off the mask
_TABLES = ("region_boxes.csv", "lung_boxes.csv")


def read(folder: Path, found: list[Row]) -> dict[str, list[Region]]:
    """Return the known places of each image, in pixels of its file.

    Args:
        folder: Of the films' table; the tables of boxes lie beside it.
        found: The rows of the films' table.

    Raises:
        BadSource: If a box is not four numbers, or a mask lies outside the folder.
    """
    regions: dict[str, list[Region]] = {}
    for name in _TABLES:
        for image, region in _table(folder / name) if (folder / name).is_file() else ():
            regions.setdefault(image, []).append(region)
    for line, row in enumerate(found, start=2):
        where = f"metadata.csv, row {line}"
        places = [_in_cell(one, where) for one in facts.listed(row.get("boxes", ""))]
        if row.get("lung_mask"):
            mask = str(below(folder, row["lung_mask"], where))
            places.append(Region("lungs", _WHOLE, row.get("mask_source", ""), mask))
        if places:
            regions.setdefault(row["image"], []).extend(places)
    return regions


def _table(file: Path) -> list[tuple[str, Region]]:
    found = []
    needs = ("image", "region", "x0", "y0", "x1", "y1", "source")
    for line, row in enumerate(rows.read(file, needs=needs), start=2):
        x0, y0, x1, y1 = (number(row[name], f"{file.name}, row {line}") for name in ("x0", "y0", "x1", "y1"))
        source = row["source"] if file.name == _TABLES[0] else f"drawn by people: {row['source']}"
        found.append((row["image"], Region(row["region"], (x0, y0, x1, y1), source)))
    return found


def _in_cell(text: str, where: str) -> Region:
    """Return the place that a cell names as "label:x,y,w,h"."""
    label, _, numbers = text.rpartition(":")
    sides = [number(one, where) for one in numbers.split(",")]
    if len(sides) != 4:
        raise BadSource(f"{where}: a box is {len(sides)} numbers.", remedy="Write label:x,y,width,height.")
    x, y, width, height = sides
    return Region(label, (x, y, x + width, y + height), "box of the dataset")
