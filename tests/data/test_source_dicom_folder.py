"""A folder of DICOM files becomes studies of numbered patients, and nobody learns who they are."""

import io

import numpy as np
import pytest
from dicom_files import film, ramp, saved
from pydicom import dcmread

from medvis.data import film as door
from medvis.data import sources
from medvis.data.cohort import Cohort, create
from medvis.errors import BadSource

SOURCE = sources.find("dicom_folder")


def of(patient, study, number=0, **elements):
    stored = np.roll(ramp(12), number, axis=1)
    dataset = dcmread(io.BytesIO(film(stored, **elements)))
    dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID = patient, f"{patient}^SEEDTOKEN", study
    return saved(dataset)


@pytest.fixture
def folder(tmp_path):
    files = {
        "b/1": of("SEEDTOKEN-1", "1.2.31", 1, ViewPosition="PA"),
        "b/2.dcm": of("SEEDTOKEN-1", "1.2.31", 2, ViewPosition="LL"),
        "c/later.dcm": of("SEEDTOKEN-1", "1.2.32", 3),
        "a/other.dcm": of("SEEDTOKEN-2", "1.2.33", 4, syntax="deflated"),
        "d/nobody1.dcm": of("", "", 5),
        "d/nobody2.dcm": of("", "", 6),
        "e/ct.dcm": of("SEEDTOKEN-3", "1.2.34", 7, Modality="CT"),
        "notes.txt": b"SEEDTOKEN",
    }
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def test_files_are_grouped_by_study_and_studies_by_patient(folder):
    found = list(SOURCE.read(folder, SOURCE.options()))
    names = [[path.relative_to(folder).as_posix() for path in paths] for _, paths in found]
    assert names == [
        ["a/other.dcm"], ["b/1", "b/2.dcm"], ["c/later.dcm"], ["d/nobody1.dcm"], ["d/nobody2.dcm"],
        ["e/ct.dcm"],
    ]  # fmt: skip
    patients = [study.patient for study, _ in found]
    assert patients[1] == patients[2]
    assert len(set(patients)) == 5
    assert len({study.id for study, _ in found}) == 6


def test_a_cohort_of_a_folder_holds_its_films_and_names_nobody(folder, tmp_path, caplog):
    made = create(
        tmp_path / "cohort", SOURCE.read(folder, SOURCE.options()), name="c", source="dicom_folder", about={}
    )
    assert isinstance(made, Cohort)
    assert [len(study.films) for study in made.studies()] == [1, 2, 1, 1, 1]
    assert [film.view for film in made.studies()[1].films] == ["PA", "LATERAL"]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "cohort").rglob("*") if path.is_file())
    assert b"SEEDTOKEN" not in everything + caplog.text.encode()
    assert b"1.2.31" not in everything
    assert any("CT" in cause for cause in made.health().unread)


def test_pseudonyms_agree_under_one_key_only(folder):
    first, same, other = (door.kin(folder / name, b"key") for name in ("b/1", "b/2.dcm", "a/other.dcm"))
    assert first == same
    assert first[0] != other[0]
    assert door.kin(folder / "b/1", b"another key")[0] != first[0]
    assert door.kin(folder / "d/nobody1.dcm", b"key") == ("", "")
    assert door.kin(folder / "notes.txt", b"key") is None


def test_a_folder_without_dicom_is_said(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(BadSource, match="has no DICOM file"):
        list(SOURCE.read(tmp_path, SOURCE.options()))
