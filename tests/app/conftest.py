"""One home of drawn films for the tests of the app."""

from pathlib import Path

import drawn
import pytest


@pytest.fixture(scope="session")
def home_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the cohort "drawn" and the untrained run "small"."""
    return drawn.home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def at_home(home: Path, home_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDVIS_HOME", str(home_folder))
    return home_folder
