"""The whole path on a tiny table: import, train, embed, evaluate, export, open in five lines."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medvis
from medvis import cli

SIDES = ("left", "right")


def draw(side: str, seed: int) -> np.ndarray:
    """Return a grey film with a bright square in the patient's left (viewer's right) or right half."""
    pixels = np.random.default_rng(seed).normal(90, 12, (160, 128))
    column = 80 if side == "left" else 16
    pixels[96:136, column : column + 32] += 120
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    with (folder / "metadata.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["image", "patient_id", "study_id", "split", "findings", "impression", "labels", "license"]
        )
        for k in range(24):
            side = SIDES[k % 2]
            Image.fromarray(draw(side, k)).save(folder / f"{k}.png")
            split = ("train", "train", "train", "train", "val", "test")[k // 4]
            report = (f"There is a {side} effusion. No pneumothorax.", f"{side.capitalize()} effusion.")
            rows.writerow([f"{k}.png", f"P{k}", f"S{k}", split, *report, f"{side} effusion", "CC0"])
    return folder


@pytest.fixture(scope="module")
def chain(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every command of the chain has been run."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDVIS_HOME", str(home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        small = ["--steps", "12", "--batch", "8", "--pixels", "64", "--validate", "6", "--checkpoint", "6"]
        small += ["--image", "random", "--text", "random", "--threads", "1"]
        assert cli.run(["import", "table", str(table), "--to", "tiny", "--preset", "medvis"]) == 0
        assert cli.run(["train", "hyden", "--cohort", "tiny", "--to", "tiny-hyden", *small]) == 0
        assert cli.run(["embed", "tiny-hyden"]) == 0
    return home


@pytest.fixture
def at_home(chain: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDVIS_HOME", str(chain))
    return chain


def test_evaluate_prints_figures_beside_chance(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "tiny-hyden", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "chance" in json.dumps(found)
    assert "retrieval" in found


def test_lists_show_what_was_made(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["cohorts", "--json"]) == 0
    (cohort,) = (row for row in json.loads(capsys.readouterr().out) if row["name"] == "tiny")
    assert (cohort["studies"], cohort["films"], cohort["reports"]) == (24, 24, 24)
    assert cli.run(["runs", "--json"]) == 0
    (run,) = (row for row in json.loads(capsys.readouterr().out) if row["name"] == "tiny-hyden")
    assert run["method"] == "hyden"
    assert run["stores"]


def test_five_lines_of_python_open_a_run(at_home: Path) -> None:
    session = medvis.open("tiny-hyden")
    study = session.cohort.studies(split="test")[0]
    seen = session.see(study)
    maps = session.word_maps(study, seen)
    assert ("f0", 3) in maps.units
    assert np.nanmean(maps.of("f0", 3)) == pytest.approx(1, abs=1e-4), "times uniform averages to 1"
    assert session.place(seen).whole.mean.shape[0] == 1


def test_a_run_that_was_exported_opens_elsewhere(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["export", "tiny-hyden", "--to", str(tmp_path / "bundle")]) == 0
    before = medvis.open("tiny-hyden").place_texts(["left effusion"]).whole.mean
    assert not list((tmp_path / "bundle").rglob("*.csv"))
    cohort = str(at_home / "cohorts" / "tiny")
    monkeypatch.setenv("MEDVIS_HOME", str(tmp_path / "nothing"))
    after = medvis.open(str(tmp_path / "bundle"), cohort=cohort).place_texts(["left effusion"]).whole.mean
    assert before.equal(after)


def test_a_second_training_of_a_finished_run_changes_nothing(at_home: Path) -> None:
    before = medvis.open("tiny-hyden").run.id
    small = ["--steps", "12", "--batch", "8", "--pixels", "64", "--validate", "6", "--checkpoint", "6"]
    small += ["--image", "random", "--text", "random", "--threads", "1"]
    assert cli.run(["train", "hyden", "--cohort", "tiny", "--to", "tiny-hyden", *small]) == 0
    assert medvis.open("tiny-hyden").run.id == before
