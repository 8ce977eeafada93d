"""The protocol that every source keeps, and the sources that are tables."""

import csv
import gzip
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from medvis.data import cohort, film, rows, sources
from medvis.data.cohort import Cohort
from medvis.data.sources import covid_cohen
from medvis.errors import BadSource, NotFound
from medvis.types import Radiograph, Region


def draw(path: Path, seed: float = 0, shape: tuple[int, int] = (24, 20)) -> None:
    """Write a film that can be told from others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    film.write(Radiograph((0.5 + 0.4 * np.sin(y / 5 + seed) * np.cos(x / 4)).astype(np.float32)), path)


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def imported(name: str, path: Path, to: Path, **options: Any) -> Cohort:
    source = sources.find(name)
    return cohort.create(to, source.read(path, source.options(**options)), name="c", source=name, about={})


@pytest.mark.parametrize("name", sources.names())
def test_every_source_keeps_the_protocol(name: str, tmp_path: Path) -> None:
    source = sources.find(name)
    assert source.name == name
    assert source.summary
    assert len(source.summary) < 90
    assert source.options() == source.options(), "options are frozen values with defaults"
    with pytest.raises(AttributeError):
        source.options().anything = 1


@pytest.mark.parametrize("name", ["covid_cohen", "mimic_cxr", "nih", "openi", "table"])
def test_a_folder_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    with pytest.raises(BadSource):
        imported(name, tmp_path / "in", tmp_path / "out")
    with pytest.raises(BadSource):
        imported(name, tmp_path / "missing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_source_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match="covid_cohen, "):
        sources.find("../../secret")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.png", "a/../../b.png", "..\\b.png", "C:/b.png", "", "."]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSource, match="row 3 names a file outside"):
        sources.below(tmp_path, name, "row 3")


def test_columns_are_named_by_options(tmp_path: Path) -> None:
    draw(tmp_path / "png" / "a.png", 1)
    draw(tmp_path / "png" / "b.png", 2)
    table(
        tmp_path / "list.csv",
        [
            {
                "file": "a.png",
                "exam": "E1",
                "who": "P1",
                "projection": "PA",
                "report": "FINDINGS: Small effusion. IMPRESSION: Effusion.",
                "tags": "Effusion|Edema",
                "terms": "CC BY 4.0",
            },
            {
                "file": "b.png",
                "exam": "E1",
                "who": "P1",
                "projection": "lateral",
                "report": "",
                "tags": "",
                "terms": "",
            },
            {"file": "", "exam": "E2", "who": "P2", "report": "Clear lungs.", "tags": "Edema"},
        ],
    )
    made = imported(
        "table",
        tmp_path / "list.csv",
        tmp_path / "out",
        films="png",
        image="file",
        study="exam",
        patient="who",
        view="projection",
        text="report",
        labels="tags",
        separator="|",
        licence="terms",
        every_licence="CC BY-NC 4.0",
    )
    first, second = made.studies()
    assert (first.id, first.patient, second.films) == ("E1", "P1", ())
    assert [shown.view for shown in first.films] == ["PA", "LATERAL"]
    assert [shown.show for shown in first.films] == ["open", "local"]
    assert first.report is not None
    assert (first.report.findings, first.report.impression) == ("Small effusion.", "Effusion.")
    assert first.labels == {"Effusion": 1, "Edema": 1}
    assert second.report is not None
    assert second.report.licence == "CC BY-NC 4.0"


def test_a_plain_table_needs_no_option(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png", 1)
    table(
        tmp_path / "in" / "x.csv",
        [{"image": "a.png", "findings": "Clear.", "patient": "p", "split": "validate"}],
    )
    study = imported("table", tmp_path / "in", tmp_path / "out").studies()[0]
    assert (study.id, study.patient, study.split) == ("x-1", "p", "val")


def test_findings_not_listed_are_absent_only_where_that_is_said(tmp_path: Path) -> None:
    some = [{"study": f"s{n}", "findings": "Clear.", "labels": "A" if n % 2 else "B"} for n in range(20)]
    table(tmp_path / "x.csv", [*some, {"study": "none", "findings": "Clear.", "labels": ""}])
    open_world = imported("table", tmp_path / "x.csv", tmp_path / "a")
    closed_world = imported("table", tmp_path / "x.csv", tmp_path / "b", closed=True)
    assert open_world.study("s1").labels == {"A": 1}
    assert closed_world.study("s1").labels == {"A": 1, "B": 0}
    assert closed_world.study("none").labels == {}


def test_parquet_and_gzipped_tables_say_the_same_as_csv(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", [{"study": "s", "findings": "No \"effusion\",\nno edema; 'x'", "n": 1.5}])
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * FROM read_csv(?)) TO '" + str(tmp_path / "x.parquet") + "' (FORMAT parquet)",
            [str(tmp_path / "x.csv")],
        )
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress((tmp_path / "x.csv").read_bytes()))
    found = [list(rows.read(tmp_path / name)) for name in ("x.csv", "x.parquet", "x.csv.gz")]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00a", b"PAR1junk", b'a,b\n"x'])
def test_a_damaged_table_is_a_named_error(tmp_path: Path, content: bytes) -> None:
    for name in ("x.parquet", "x.csv.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadSource, match=r"x\."):
            list(rows.read(tmp_path / name))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", [{"image": "a"}])
    with pytest.raises(BadSource, match=r"no column study\. It has: image"):
        list(rows.read(tmp_path / "x.csv", needs=("study",)))


def prepared_copy(folder: Path) -> Path:
    draw(folder / "images" / "a.png", 1, (40, 30))
    mask = np.zeros((40, 30), np.float32)
    mask[10:20, 5:15] = 1
    (folder / "masks").mkdir()
    film.write(Radiograph(mask), folder / "masks" / "a.png")
    shared = {
        "patient_id": "G1",
        "study_id": "S1",
        "view_class": "frontal",
        "split": "test",
        "license": "CC BY 4.0",
    }
    text = {"findings": "Left opacity.", "text": "Fever. Left opacity.", "text_license": "CC BY-NC-SA 4.0"}
    table(
        folder / "metadata.csv",
        [
            {
                "image": "images/a.png",
                "view": "AP Supine",
                "labels": "COVID-19",
                "credit": "Dr. A",
                **shared,
                **text,
                "lung_mask": "masks/a.png",
                "boxes": "Opacity:1,2,10,20",
            },
            {
                "image": "images/a.png",
                "view": "L",
                "labels": "COVID-19",
                **shared,
                **text,
                "source_url_or_doi": "doi",
            },
        ],
    )
    table(
        folder / "region_boxes.csv",
        [
            {
                "image": "images/a.png",
                "region": "left_lung",
                "x0": 15,
                "y0": 1,
                "x1": 29,
                "y1": 39,
                "source": "thirds",
            }
        ],
    )
    return folder


def test_the_prepared_layout_brings_places_licences_and_credits(tmp_path: Path) -> None:
    made = imported("table", prepared_copy(tmp_path / "in"), tmp_path / "out", preset="medvis")
    study = made.study("S1")
    first, second = study.films
    assert (first.view, first.notes[0], first.credit) == ("AP", "supine", "Dr. A")
    assert (second.view, second.credit) == ("LATERAL", "doi")
    assert study.report is not None
    assert (study.report.text, study.report.licence, study.report.show) == (
        "Left opacity.",
        "CC BY-NC-SA 4.0",
        "local",
    )
    assert study.split == "test"
    assert first.regions[0] == Region("left_lung", (15.0, 1.0, 29.0, 39.0), "thirds")
    assert first.regions[1] == Region("Opacity", (1.0, 2.0, 11.0, 22.0), "box of the dataset")
    assert first.regions[2].box == (5, 10, 15, 20), "the box of a mask is read off it"
    assert made.mask(first.regions[2]) is not None


def test_covid_cohen_knows_the_prepared_layout_and_its_diagnoses(tmp_path: Path) -> None:
    folder = prepared_copy(tmp_path / "in")
    study = imported("covid_cohen", folder, tmp_path / "out").study("S1")
    assert study.labels == {"COVID-19": 1, "Pneumonia": 1, "Viral": 1}
    notes = imported("covid_cohen", folder, tmp_path / "notes", text="notes").study("S1")
    assert notes.report is not None
    assert notes.report.text == "Fever. Left opacity."


@pytest.mark.parametrize(
    ("said", "present", "absent", "unknown"),
    [
        (
            "COVID-19, ARDS",
            {"COVID-19", "Viral", "Pneumonia", "ARDS"},
            {"Bacterial", "No Finding", "SARS"},
            set(),
        ),
        ("Pneumonia", {"Pneumonia"}, {"No Finding"}, {"Viral", "COVID-19", "Streptococcus"}),
        ("Bacterial pneumonia", {"Bacterial", "Pneumonia"}, {"COVID-19"}, {"Klebsiella"}),
        ("No Finding", {"No Finding"}, {"Pneumonia", "COVID-19"}, set()),
        ("ARDS", {"ARDS"}, set(), {"Pneumonia", "No Finding"}),
        ("todo", set(), set(), {"Pneumonia", "No Finding"}),
    ],
)
def test_a_diagnosis_excludes_its_siblings_and_leaves_its_kinds_open(
    said: str, present: set[str], absent: set[str], unknown: set[str]
) -> None:
    labels = covid_cohen.labels(said)
    assert {name for name, value in labels.items() if value == 1} == present
    assert {name for name, value in labels.items() if value == 0} >= absent
    assert not unknown & set(labels)


def public_covid(folder: Path) -> Path:
    for number in range(4):
        draw(folder / "images" / f"{number}.png", number)
    shared = {"sex": "M", "age": "54", "folder": "images", "modality": "X-ray"}
    table(
        folder / "metadata.csv",
        [
            {
                "patientid": "2",
                "offset": "0",
                "finding": "Pneumonia/Viral/COVID-19",
                "view": "PA",
                "filename": "0.png",
                "license": "CC BY-NC-SA",
                "clinical_notes": "Fever.  Bilateral opacities.",
                "doi": "10.1/x",
                "other_notes": "Case courtesy of Dr A. B., rID: 1",
                **shared,
            },
            {
                "patientid": "2",
                "offset": "0",
                "finding": "Pneumonia/Viral/COVID-19",
                "view": "L",
                "filename": "1.png",
                "license": "",
                "clinical_notes": "Fever.  Bilateral opacities.",
                "url": "https://x",
                **shared,
            },
            {
                "patientid": "2",
                "offset": "-5",
                "finding": "No Finding",
                "view": "AP Supine",
                "filename": "2.png",
                "license": "CC0",
                "clinical_notes": "",
                **shared,
            },
            {
                "patientid": "3",
                "offset": "",
                "finding": "todo",
                "view": "PA",
                "filename": "3.png",
                "license": "CC BY",
                "clinical_notes": "x",
                **shared,
            },
            {
                "patientid": "4",
                "offset": "0",
                "finding": "COVID-19",
                "view": "Axial",
                "filename": "ct.png",
                "license": "CC0",
                "clinical_notes": "ct",
                **shared,
                "modality": "CT",
                "folder": "volumes",
            },
        ],
    )
    return folder


def test_covid_cohen_reads_the_public_repository(tmp_path: Path) -> None:
    made = imported("covid_cohen", public_covid(tmp_path / "in"), tmp_path / "out")
    assert [study.id for study in made.studies()] == ["P2_0", "P2_m5", "P3_na"]
    first, before, unknown = made.studies()
    assert (first.patient, before.patient) == ("P2", "P2")
    assert first.split == before.split
    assert [shown.view for shown in first.films] == ["PA", "LATERAL"]
    assert [shown.credit for shown in first.films] == ["Case courtesy of Dr A. B., rID: 1", "https://x"]
    assert [shown.show for shown in first.films] == ["local", "local"]
    assert before.films[0].show == "open"
    assert first.report is not None
    assert first.report.findings == "Fever. Bilateral opacities."
    assert before.report is None
    assert first.labels["Viral"] == 1
    assert first.labels["No Finding"] == 0
    assert before.labels == {"No Finding": 1, "Pneumonia": 0, "Viral": 0, "COVID-19": 0}
    assert unknown.labels == {}


def test_covid_cohen_wants_films_that_stay_in_the_folder(tmp_path: Path) -> None:
    folder = public_covid(tmp_path / "in")
    text = (folder / "metadata.csv").read_text().replace("3.png", "../../secret.png")
    (folder / "metadata.csv").write_text(text)
    with pytest.raises(BadSource, match="outside"):
        imported("covid_cohen", folder, tmp_path / "out")


def test_the_real_covid_cohen_comes_in_whole(prepared: Path, tmp_path: Path) -> None:
    made = imported("covid_cohen", prepared / "covid_cohen", tmp_path / "out")
    health = made.health()
    assert (health.studies, health.films, health.patients, health.reports) == (214, 258, 114, 196)
    assert (health.unread, health.left_out, health.duplicate_films) == ({}, 0, 0)
    assert (health.leaking_patients, health.leaking_texts, health.leaking_films) == (0, 0, 0)
    assert health.show == "local"
    assert made.damaged() == ()
    lungs = [
        (study.films[0], region)
        for study in made.studies()
        for region in study.films[0].regions
        if region.name == "lungs"
    ]
    assert len(lungs) > 100
    darker = 0
    for shown, region in lungs[::10]:
        mask, pixels = made.mask(region), made.radiograph(shown).pixels
        assert mask is not None
        darker += bool(pixels[mask].mean() < pixels[~mask].mean())
    assert darker >= 0.7 * len(lungs[::10]), "lungs are darker than the rest: masks lie on their films"
