from pathlib import Path

import pytest

from medvis.data import places
from medvis.errors import BadCohort, BadRun, NotFound


def make_run(folder: Path, text: str = "{}") -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    return folder


def test_names_lie_in_the_home_and_slashes_are_paths(home: Path, tmp_path: Path) -> None:
    assert places.new_cohort("films") == home / "cohorts" / "films"
    assert places.new_run("hyden") == home / "runs" / "hyden"
    assert places.new_run(f"{tmp_path}/mine") == tmp_path / "mine"
    assert places.towers() == home / "towers"


def test_a_run_is_found_by_name_path_and_id(home: Path) -> None:
    folder = make_run(home / "runs" / "hyden", '{"seed": 1}')
    make_run(home / "runs" / "clip", '{"seed": 2}')
    assert places.run_folder("hyden") == folder
    assert places.run_folder(str(folder)) == folder
    assert places.run_folder(places.run_id(folder)[:8]) == folder
    assert [path.name for path in places.runs()] == ["clip", "hyden"]


def test_the_id_covers_weights_and_record(home: Path) -> None:
    folder = make_run(home / "runs" / "hyden")
    before = places.run_id(folder)
    (folder / "weights.safetensors").write_bytes(b"x")
    assert places.run_id(folder) != before


def test_what_is_missing_is_answered_with_what_is_there(home: Path) -> None:
    make_run(home / "runs" / "hyden")
    with pytest.raises(NotFound, match="Known runs: hyden"):
        places.run_folder("hiden")
    with pytest.raises(NotFound, match="no cohorts yet"):
        places.cohort_folder("films")


def test_a_prefix_that_fits_two_runs_is_told(home: Path) -> None:
    make_run(home / "runs" / "a", "same")
    make_run(home / "runs" / "b", "same")
    with pytest.raises(NotFound, match="fits 2 runs"):
        places.run_folder(places.run_id(home / "runs" / "a")[:8])


@pytest.mark.parametrize("name", ["..", ".", "", ".hidden", "a b", "x" * 200, "a\nb", "*", "-rf"])
def test_odd_names_reach_no_folder(name: str) -> None:
    with pytest.raises(BadCohort):
        places.new_cohort(name)
    with pytest.raises(BadRun):
        places.new_run(name)
    with pytest.raises(NotFound):
        places.cohort_folder(name)


def test_a_cohort_is_not_made_twice(home: Path) -> None:
    (home / "cohorts" / "films").mkdir(parents=True)
    with pytest.raises(BadCohort, match="already"):
        places.new_cohort("films")


def test_the_demo_is_searched_last(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "DEMO", tmp_path / "demo")
    shipped = make_run(tmp_path / "demo" / "runs" / "hyden")
    assert places.run_folder("hyden") == shipped
    own = make_run(home / "runs" / "hyden")
    assert places.run_folder("hyden") == own
    assert places.runs() == [own]


def test_a_half_written_run_is_not_listed(home: Path) -> None:
    make_run(home / "runs" / ".hyden.12-ab.tmp")
    assert places.runs() == []
