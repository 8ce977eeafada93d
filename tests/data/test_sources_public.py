"""Made-up copies of the public layouts: NIH ChestX-ray14, Open-i, MIMIC-CXR."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from test_sources import draw, imported, table

from medvis.data import markup
from medvis.errors import BadSource
from medvis.types import Region


def nih(folder: Path) -> Path:
    draw(folder / "images_001" / "images" / "00000001_000.png", 1, (64, 64))
    draw(folder / "images_002" / "images" / "00000002_000.png", 2, (64, 64))
    draw(folder / "images_002" / "images" / "00000002_001.png", 3, (64, 64))
    lines = [
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        "00000001_000.png,Cardiomegaly|Pleural_Thickening,000,1,058Y,M,PA,2682,2749,0.143,0.143,",
        "00000002_000.png,No Finding,000,2,081Y,M,AP,2500,2048,0.171,0.171,",
        "00000002_001.png,Mass,001,2,081Y,M,PA,2500,2048,0.171,0.171,",
        "00000003_000.png,Hernia,000,3,081Y,F,PA,2582,2991,0.143,0.143,",
    ]
    (folder / "Data_Entry_2017.csv").write_text("\n".join(lines))
    boxes = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000002_001.png,Infiltrate,10.5,20,30,16,,,\n"
    (folder / "BBox_List_2017.csv").write_text(boxes)
    return folder


def test_nih_reads_the_public_download(tmp_path: Path) -> None:
    made = imported("nih", nih(tmp_path / "in"), tmp_path / "out")
    assert [study.id for study in made.studies()] == ["00000001_000", "00000002_000", "00000002_001"]
    first, normal, mass = made.studies()
    assert first.patient == "N1"
    assert normal.patient == mass.patient
    assert {name for name, value in first.labels.items() if value} == {"Cardiomegaly", "Pleural Thickening"}
    assert len(first.labels) == 15
    assert normal.labels["No Finding"] == 1
    assert (normal.films[0].view, normal.films[0].show) == ("AP", "open")
    assert "NIH Clinical Center" in normal.films[0].credit
    assert mass.films[0].regions == (
        Region("Infiltration", (10.5, 20.0, 40.5, 36.0), "drawn by radiologists"),
    )
    assert first.report is None


def test_nih_keeps_the_official_test_list(tmp_path: Path) -> None:
    folder = nih(tmp_path / "in")
    (folder / "train_val_list.txt").write_text("00000001_000.png\n")
    (folder / "test_list.txt").write_text("00000002_000.png\n00000002_001.png\n")
    made = imported("nih", folder, tmp_path / "out")
    assert [study.split for study in made.studies()][1:] == ["test", "test"]
    assert made.studies()[0].split in ("train", "val")
    assert made.about["division"] == "the source's"


def xml(number: int, findings: str, terms: list[str], images: tuple[str, ...] = ()) -> str:
    shown = "".join(f'<parentImage id="{name}"><caption>x</caption></parentImage>' for name in images)
    majors = "".join(f"<major>{term}</major>" for term in terms)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR{number}"/>'
        f"<ccLicense>byncnd</ccLicense><MedlineCitation><Article><Abstract>"
        '<AbstractText Label="COMPARISON">None.</AbstractText>'
        f'<AbstractText Label="FINDINGS">{findings}</AbstractText><AbstractText Label="IMPRESSION"/>'
        f"</Abstract></Article></MedlineCitation><MeSH>{majors}</MeSH>{shown}</eCitation>"
    )


REPORTS = {
    "1.xml": xml(1, "Clear lungs &amp; heart.", ["normal"], ("CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001")),
    "2.xml": xml(
        2, "Opacity\n   at the left base.", ["Opacity/lung/base/left", "Opacity/lung"], ("CXR2_IM-1",)
    ),
    "10.xml": xml(10, "Small effusion.", ["No Indexing"]),
}


def archive(path: Path, files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(f"ecgen-radiology/{name}")
            member.size = len(text.encode())
            made.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("ecgen-radiology/99.xml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    path.write_bytes(held.getvalue())
    return held.getvalue()


def test_openi_joins_reports_and_films(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "ecgen-radiology").mkdir(parents=True)
    for name, text in REPORTS.items():
        (folder / "ecgen-radiology" / name).write_text(text)
    draw(folder / "images" / "CXR1_1_IM-0001-3001.png", 1)
    draw(folder / "images" / "CXR1_1_IM-0001-4001.png", 2)
    table(
        folder / "indiana_projections.csv",
        [{"uid": 1, "filename": "CXR1_1_IM-0001-4001.png", "projection": "Lateral"}],
    )
    made = imported("openi", folder, tmp_path / "out", least=1)
    assert [study.id for study in made.studies()] == ["CXR1", "CXR2", "CXR10"]
    first, second, third = made.studies()
    assert [shown.view for shown in first.films] == ["", "LATERAL"]
    assert first.films[0].licence == "CC BY-NC-ND 4.0"
    assert first.films[0].show == "local"
    assert first.report is not None
    assert first.report.findings == "Clear lungs & heart."
    assert second.films == ()
    assert second.report is not None
    assert second.report.findings == "Opacity at the left base."
    assert (first.labels, second.labels, third.labels) == (
        {"No Finding": 1, "Opacity": 0},
        {"Opacity": 1, "No Finding": 0},
        {},
    )


@pytest.mark.parametrize("kind", ["tgz", "wheel", "installed"])
def test_openi_reads_the_archive_where_it_lies(tmp_path: Path, kind: str) -> None:
    data = archive(tmp_path / "NLMCXR_reports.tgz", REPORTS)
    path = tmp_path / "NLMCXR_reports.tgz"
    if kind == "wheel":
        path = tmp_path / "torchxrayvision-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("torchxrayvision/__init__.py", "raise SystemExit('was run')")
            wheel.writestr("torchxrayvision/data/NLMCXR_reports.tgz", data)
    elif kind == "installed":
        path = tmp_path / "torchxrayvision"
        (path / "data").mkdir(parents=True)
        (path / "data" / "NLMCXR_reports.tgz").write_bytes(data)
    made = imported("openi", path, tmp_path / "out")
    assert [study.id for study in made.studies()] == ["CXR1", "CXR2", "CXR10"]
    assert made.health().without_film == 3


def test_a_damaged_archive_is_a_named_error(tmp_path: Path) -> None:
    data = archive(tmp_path / "a.tgz", REPORTS)
    for spoilt in (data[: len(data) // 2], b"junk", gzip.compress(b"junk")):
        (tmp_path / "a.tgz").write_bytes(spoilt)
        with pytest.raises(BadSource):
            imported("openi", tmp_path / "a.tgz", tmp_path / "out")


def test_one_bad_report_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    archive(tmp_path / "a.tgz", {**REPORTS, "3.xml": "<eCitation>"})
    made = imported("openi", tmp_path / "a.tgz", tmp_path / "out")
    assert len(made.studies()) == 3
    assert "3.xml was left out" in caplog.text


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        FILE,
        "<!DOCTYPE x><x/>",
        "<x>" * 200 + "</x>" * 200,
        "<x>&b;</x>",
        "<x>",
        "",
        "<x/>" + " " * (5 << 20),
    ],
)
def test_hostile_xml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"declares|deep|well-formed|large"):
        markup.parse(text.encode())
    if not text.startswith("<x/>"):
        with pytest.raises(ValueError, match=r"declares|deep|well-formed"):
            markup.parse(text.encode("utf-16"))


def mimic(folder: Path) -> Path:
    base = folder / "files" / "p10" / "p10000032"
    draw(base / "s50414267" / "aaa.jpg", 1)
    draw(base / "s50414267" / "bbb.jpg", 2)
    draw(folder / "files" / "p11" / "p11000011" / "s51029426" / "ccc.jpg", 3)
    shared = {"subject_id": "10000032", "study_id": "50414267", "Rows": 24, "StudyDate": "21800506"}
    table(
        folder / "mimic-cxr-2.0.0-metadata.csv",
        [
            {"dicom_id": "aaa", **shared, "ViewPosition": "PA"},
            {"dicom_id": "bbb", **shared, "ViewPosition": "LATERAL"},
            {"dicom_id": "ccc", "subject_id": "11000011", "study_id": "51029426", "ViewPosition": "AP"},
            {"dicom_id": "ddd", "subject_id": "12000000", "study_id": "52000000", "ViewPosition": "AP"},
        ],
    )
    split = "dicom_id,study_id,subject_id,split\naaa,50414267,10000032,train\nbbb,50414267,10000032,train\n"
    split += "ccc,51029426,11000011,validate\nddd,52000000,12000000,test\n"
    (folder / "mimic-cxr-2.0.0-split.csv.gz").write_bytes(gzip.compress(split.encode()))
    table(
        folder / "mimic-cxr-2.0.0-chexpert.csv",
        [
            {
                "subject_id": "10000032",
                "study_id": "50414267",
                "Edema": "1.0",
                "Pneumonia": "-1.0",
                "Fracture": "0.0",
                "Lung Lesion": "",
            }
        ],
    )
    reports = folder.parent / "mimic-cxr-reports" / "files"
    for name, text in {
        "p10/p10000032/s50414267.txt": "FINAL REPORT\n FINDINGS: Mild\n edema.\n\n IMPRESSION: Edema, ___.\n",
        "p12/p12000000/s52000000.txt": " INDICATION: ___\n\n No pneumonia.\n",
    }.items():
        (reports / name).parent.mkdir(parents=True)
        (reports / name).write_text(text)
    return folder


def test_mimic_cxr_joins_films_reports_sides_and_labels(tmp_path: Path) -> None:
    made = imported("mimic_cxr", mimic(tmp_path / "mimic-cxr-jpg"), tmp_path / "out")
    assert [(study.id, study.patient, study.split) for study in made.studies()] == [
        ("s50414267", "p10000032", "train"),
        ("s51029426", "p11000011", "val"),
        ("s52000000", "p12000000", "test"),
    ]
    assert made.health().unread == {}, "a film that is not in the copy is left out, not unreadable"
    first, second, third = made.studies()
    assert [shown.view for shown in first.films] == ["PA", "LATERAL"]
    assert first.report is not None
    assert (first.report.findings, first.report.impression) == ("Mild edema.", "Edema, ___.")
    assert first.labels == {"Edema": 1, "Pneumonia": -1, "Fracture": 0}
    assert second.report is None
    assert third.films == ()
    assert third.report is not None
    assert third.report.findings == "No pneumonia."
    assert "display values, not detector values" in first.films[0].notes
    assert {shown.show for study in made.studies() for shown in study.films} == {"restricted"}
    assert first.report.show == made.about["show"] == made.health().show == "restricted"
    assert b"21800506" not in (made.path / "cohort.duckdb").read_bytes(), "dates are not kept"


def test_mimic_cxr_takes_its_reports_from_where_it_is_told(tmp_path: Path) -> None:
    folder = mimic(tmp_path / "a" / "jpg")
    (tmp_path / "a" / "mimic-cxr-reports").rename(tmp_path / "texts")
    assert imported("mimic_cxr", folder, tmp_path / "one").health().reports == 0
    assert (
        imported("mimic_cxr", folder, tmp_path / "two", reports=str(tmp_path / "texts")).health().reports == 2
    )
    with pytest.raises(BadSource, match="no reports"):
        imported("mimic_cxr", folder, tmp_path / "three", reports=str(tmp_path / "a"))
