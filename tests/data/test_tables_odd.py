"""Tables as people have them: what is odd is read, or said with file, row and remedy."""

from pathlib import Path

import pytest
from test_sources import imported, table

from medvis.data import rows
from medvis.errors import BadSource


@pytest.mark.parametrize("said", ["", "ten", "nan", "1e999"])
def test_a_cell_that_is_no_number_is_named_by_file_and_row(said: str) -> None:
    with pytest.raises(BadSource, match=r"boxes\.csv, row 7: a number"):
        rows.number(said, "boxes.csv, row 7")
    assert rows.number(" -2.5 ", "") == -2.5


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ("Opacity:1,2,ten,4", "row 2: a number"),
        ("Opacity:1,2,3", "row 2: a box is 3 numbers"),
        ("Opacity", "row 2: a number"),
    ],
)
def test_a_box_that_is_none_is_named_by_its_row(tmp_path: Path, boxes: str, says: str) -> None:
    row = {"image": "a.png", "study_id": "s", "patient_id": "p", "license": "", "boxes": boxes}
    table(tmp_path / "metadata.csv", [row])
    with pytest.raises(BadSource, match=says):
        imported("table", tmp_path, tmp_path / "out", preset="medvis")
