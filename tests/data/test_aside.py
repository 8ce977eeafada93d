import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medvis.data import aside


def write_half(path: Path) -> None:
    path.write_text("half of the n")
    raise PermissionError


def test_the_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(PermissionError), aside.writing(path) as beside:
        write_half(beside)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "below" / "run.json"
    with aside.writing(path) as beside:
        beside.write_text("new")
        assert not path.exists()
        assert str(os.getpid()) in beside.name
        assert beside.suffix == ".tmp"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), aside.writing(tmp_path / "run.json"):
        pass


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), aside.folder(tmp_path / "step-1") as beside:
        write_half(beside / "weights")
    assert list(tmp_path.iterdir()) == []
    with aside.folder(tmp_path / "step-1") as beside:
        (beside / "films").mkdir()
        (beside / "films" / "0.png").write_text("film")
    assert (tmp_path / "step-1" / "films" / "0.png").read_text() == "film"


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "step-1").mkdir()
    with pytest.raises(FileExistsError), aside.folder(tmp_path / "step-1"):
        pass


WRITER = """
import itertools, sys
from pathlib import Path
from medvis.data import aside
for number in itertools.count():
    with aside.writing(Path(sys.argv[1])) as beside:
        beside.write_text(str(number) * 100_000)
"""


def whole(text: str) -> bool:
    return text != "" and text == text[: len(text) // 100_000] * 100_000


def test_neither_readers_nor_a_killed_writer_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    for delay in (0.05, 0.11, 0.17):
        path.unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        until = time.monotonic() + delay
        while time.monotonic() < until:
            assert whole(path.read_text()), "a reader saw half a file"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert whole(path.read_text())
