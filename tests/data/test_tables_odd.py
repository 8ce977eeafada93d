"""Tables as people have them: what is odd is read, or said with file, row and remedy."""

from pathlib import Path

import duckdb
import pytest
from test_sources import imported, table

from medvis.data import facts, rows
from medvis.data import report as reports
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


@pytest.mark.parametrize("column", ["patient", "split"])
def test_a_study_of_two_patients_or_sides_is_refused(tmp_path: Path, column: str) -> None:
    values = {"patient": ("p0", "p1"), "split": ("train", "test")}[column]
    shared = {"study": "s", "findings": "Clear."}
    some = [{**shared, column: values[0]}, {**shared, column: ""}, {**shared, column: values[1]}]
    table(tmp_path / "x.csv", some)
    with pytest.raises(BadSource, match=f"study 's' have 2 values in column '{column}'"):
        imported("table", tmp_path / "x.csv", tmp_path / "out")
    table(tmp_path / "x.csv", some[:2])
    made = imported("table", tmp_path / "x.csv", tmp_path / "out").studies()[0]
    assert values[0] in (made.patient, made.split), "a row that says nothing does not disagree"


def test_a_report_has_the_licence_of_the_rows_that_hold_it(tmp_path: Path) -> None:
    table(
        tmp_path / "x.csv",
        [
            {"study": "s", "findings": "", "licence": "CC0", "credit": "nobody"},
            {"study": "s", "findings": "Clear.", "licence": "CC BY 4.0", "credit": "A"},
            {"study": "s", "findings": "Normal.", "licence": "PhysioNet Credentialed", "credit": "B"},
        ],
    )
    report = imported("table", tmp_path / "x.csv", tmp_path / "out").study("s").report
    assert report is not None
    assert (report.findings, report.show) == ("Clear.\nNormal.", "restricted")
    assert (report.licence, report.credit) == ("CC BY 4.0; PhysioNet Credentialed", "A; B")


@pytest.mark.parametrize(
    ("name", "between", "start"),
    [("x.csv", ",", "\ufeff"), ("x.csv", ";", ""), ("x.csv", "\t", "\ufeff"), ("x.tsv", "\t", "")],
)
def test_a_spreadsheet_reads_alike_however_it_parts_its_cells(
    tmp_path: Path, name: str, between: str, start: str
) -> None:
    lines = [["study", "findings", "labels"], ["s", '"Clear; no effusion,\nno mass"', '"A;B"']]
    (tmp_path / name).write_text(start + "\r\n".join(map(between.join, lines)), encoding="utf-8")
    assert list(rows.read(tmp_path / name)) == [
        {"study": "s", "findings": "Clear; no effusion,\nno mass", "labels": "A;B"}
    ]


def test_a_column_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", [{"image": "a.png", "patient": "p"}])
    with pytest.raises(BadSource, match=r"no column who\. It has: image, patient"):
        imported("table", tmp_path / "x.csv", tmp_path / "out", patient="who")


def test_a_table_of_other_columns_says_how_to_name_them(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", [{"path": "a.png", "report": "Clear."}])
    with pytest.raises(BadSource, match=r"It has: path, report\. Say which is which, such as --image path"):
        imported("table", tmp_path / "x.csv", tmp_path / "out")


def test_a_table_without_patients_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table(tmp_path / "x.csv", [{"subject": "p", "findings": "Clear."}])
    imported("table", tmp_path / "x.csv", tmp_path / "a")
    assert "Name it with --patient" in caplog.text
    caplog.clear()
    imported("table", tmp_path / "x.csv", tmp_path / "b", patient="subject")
    assert not caplog.text


def test_a_name_with_brackets_is_that_file_and_no_other(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for number, name in enumerate(("a1.parquet", "a[1].parquet", "a*.parquet")):
            made = connection.sql("SELECT ?::VARCHAR AS findings", params=[str(number)])
            made.write_parquet(str(tmp_path / name))
    for number, name in enumerate(("a1.parquet", "a[1].parquet", "a*.parquet")):
        assert list(rows.read(tmp_path / name)) == [{"findings": str(number)}]


def test_the_rows_of_a_study_stay_apart_in_its_report(tmp_path: Path) -> None:
    some = [{"study": "s", "findings": "Small effusion"}, {"study": "s", "findings": "No pneumothorax"}]
    table(tmp_path / "x.csv", some)
    report = imported("table", tmp_path / "x.csv", tmp_path / "out").study("s").report
    assert report is not None
    found = [(one.text, one.negated) for one in reports.sentences(report)]
    assert found == [("Small effusion", False), ("No pneumothorax", True)]


@pytest.mark.parametrize(
    ("said", "view", "notes"),
    [
        ("pa", "PA", ()),
        ("AP portable erect", "AP", ("portable", "erect")),
        ("PA view", "PA", ()),
        ("Left lateral", "LATERAL", ()),
        ("L", "LATERAL", ()),
        ("lateral decubitus", "", ()),
        ("AP axial", "", ()),
        ("Frontal", "", ("frontal, AP or PA not stated",)),
        ("", "", ()),
    ],
)
def test_a_view_is_read_as_people_write_it(said: str, view: str, notes: tuple[str, ...]) -> None:
    assert facts.view(said) == (view, notes)
