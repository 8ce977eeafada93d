"""NIH ChestX-ray14: frontal films with labels mined from their reports, which are not public."""

import logging
from dataclasses import dataclass
from pathlib import Path

from medvis.data import facts, rows, split
from medvis.data.rows import Row
from medvis.data.sources import Reading, Source, table
from medvis.errors import BadSource
from medvis.types import Film, Region, Study

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
LICENCE = "NIH Clinical Center: no restrictions on use; credit required"
CREDIT = "NIH Clinical Center; Wang et al., ChestX-ray8, CVPR 2017"
_TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
_BOXES = ("BBox_List_2017.csv",)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to take from the collection."""

    most: int = 0
    """Most films; 0 for all that are there."""


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of the collection: one film each, without a report.

    The 14 findings are closed: one that is not named is absent. The official list of test films makes the
    side "test" and a tenth of the other patients, by hash, "val"; without the lists all sides are hashed.
    Films that are not in the copy are left out.

    Args:
        path: A folder with Data_Entry_2017.csv and the films in images/ or images_001/images/ …, or
            the prepared layout.
        options: What to take.

    Raises:
        BadSource: If there is no table or none of its films.
    """
    if table.is_prepared(path):
        found = table.prepared_rows(path / "metadata.csv")
        some = found[: options.most or None]
        yield from table.prepared(path, some, labels=[_labels(row.get("labels", ""), ";") for row in some])
        return
    found = list(
        rows.read(
            _first(path, _TABLES), needs=("Image Index", "Finding Labels", "Patient ID", "View Position")
        )
    )
    films = {
        one.name: one for folder in sorted(path.glob("images*")) for one in sorted(folder.rglob("*.png"))
    }
    there = [row for row in found if row["Image Index"] in films][: options.most or None]
    if not there:
        raise BadSource(f"{path} has none of the films of its table.", remedy="Put them in images/.")
    if len(there) < len(found):
        _log.warning("%d of %d films are there; the others are left out.", len(there), len(found))
    boxes, sides = _boxes(path), _sides(path)
    for row in there:
        yield _study(row, films[row["Image Index"]], boxes.get(row["Image Index"], ()), sides)


def _study(
    row: Row, file: Path, regions: tuple[Region, ...], sides: dict[str, str]
) -> tuple[Study, tuple[Path, ...]]:
    view, notes = facts.view(row["View Position"])
    film = Film(
        "", 0, 0, view, notes=notes, licence=LICENCE, credit=CREDIT, show=facts.show(LICENCE), regions=regions
    )
    patient = f"N{row['Patient ID'].strip()}"
    side = sides.get(row["Image Index"], "")
    if side == "train":
        side = split.hashed(patient, shares=(90, 10, 0))
    return Study(file.stem, patient, side, (film,), None, _labels(row["Finding Labels"], "|")), (file,)


def _labels(said: str, separator: str) -> dict[str, int]:
    present = {name.replace("_", " ") for name in facts.listed(said, separator)}
    return {name: int(name in present) for name in (*FINDINGS, "No Finding")} if present else {}


def _boxes(path: Path) -> dict[str, tuple[Region, ...]]:
    """Return the boxes that radiologists drew, by film, in pixels of the published 1024 x 1024 films."""
    file = _first(path, _BOXES, needed=False)
    found: dict[str, tuple[Region, ...]] = {}
    for line, row in enumerate(rows.read(file) if file.is_file() else (), start=2):
        # The heading is "Bbox [x,y,w,h]": four columns, three of them without a name.
        name, label, *numbers = list(row.values())[:6]
        x, y, width, height = (rows.number(one, f"{file.name}, row {line}") for one in numbers)
        label = {"Infiltrate": "Infiltration"}.get(label, label)
        found[name] = (
            *found.get(name, ()),
            Region(label, (x, y, x + width, y + height), "drawn by radiologists"),
        )
    return found


def _sides(path: Path) -> dict[str, str]:
    """Return "train" and "test" by film, as the official lists divide them; empty without both."""
    lists = {"train": path / "train_val_list.txt", "test": path / "test_list.txt"}
    if not all(file.is_file() for file in lists.values()):
        return {}
    return {name: side for side, file in lists.items() for name in file.read_text().split()}


def _first(path: Path, names: tuple[str, ...], *, needed: bool = True) -> Path:
    """Return the first of some tables, plain or gzipped, that is there."""
    for name in names:
        for file in (path / name, path / f"{name}.gz"):
            if file.is_file():
                return file
    if needed:
        raise BadSource(
            f"{path} has no {names[0]}.", remedy="Give the folder of the NIH ChestX-ray14 download."
        )
    return path / names[0]


SOURCE = Source(
    "nih", "NIH ChestX-ray14: frontal films with mined labels and boxes, no reports", Options, read
)
