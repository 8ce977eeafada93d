"""The command line answers at once and speaks plainly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medvis import cli


def test_help_names_every_command() -> None:
    text = cli.overview()
    assert all(f"  {word}" in text for word in cli.ORDER)


def test_help_imports_nothing_heavy() -> None:
    heavy = "('torch', 'numpy', 'streamlit', 'duckdb', 'tyro')"
    code = (
        f"import sys; from medvis import cli; cli.overview(); print([m for m in {heavy} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["polish"]) == 2
    assert "doctor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["embed", "no-such-run"], "no-such-run"),
        (["cohorts", "no-such-cohort"], "no-such-cohort"),
        (["import", "no-such-source", "x", "--to", "y"], "no-such-source"),
        (["import", "table", "no-such-path", "--to", "y"], "no-such-path"),
    ],
)
def test_bad_names_end_in_one_line_with_a_remedy(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_doctor_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"clip", "meru", "hyden"} <= set(found["methods"])
    assert {"table", "covid_cohen", "nih", "openi", "mimic_cxr", "dicom_folder"} <= set(found["sources"])
    assert found["versions"]["torch"].startswith("2.13")


def test_empty_lists_say_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["cohorts"]) == 0
    assert "medvis import" in capsys.readouterr().out


def test_one_cohort_is_told_as_its_import_told_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDVIS_HOME", str(tmp_path / "home"))
    (tmp_path / "x.csv").write_text("patient,findings\np,Clear lungs.\n")
    assert cli.run(["import", "table", str(tmp_path / "x.csv"), "--to", "small"]) == 0
    told = capsys.readouterr().out.partition("\n")[2]
    assert "reports           1" in told
    assert cli.run(["cohorts", "small"]) == 0
    assert capsys.readouterr().out == told
    assert cli.run(["cohorts", "small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"] == 1
