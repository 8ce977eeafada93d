from pathlib import Path

import pytest

from medvis.data.cohort import create
from medvis.errors import NotFound
from medvis.explain.session import Session
from medvis.store.record import RunRecord
from medvis.store.runs import Run
from medvis.types import Film, Report, Study


@pytest.mark.parametrize("index", [-1, 1, 7])
def test_a_film_that_a_study_does_not_have_is_not_another_one(tmp_path: Path, index: int) -> None:
    report = Study("s", "p", "test", (), Report("Clear.", ""))
    made = create(tmp_path / "c", [(report, ())], name="c", source="test", about={})
    run = Run(tmp_path, RunRecord("r", "clip", {}, {}, "c", made.hash, {}, {}, {}, 0, "", {}), "0" * 64)
    with pytest.raises(NotFound, match=f"1 films, number {index}"):
        Session(run, made).see(Study("s", "p", "test", (Film("films/0.png", 8, 8),)), index)
