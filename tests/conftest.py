"""What every test shares: one thread, no network, the prepared sets where they are given."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import hypothesis
import pytest
import torch

import medvis  # noqa: F401  the torchvision hook must be in place before timm or transformers

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("ci")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def prepared() -> Path:
    """The folder of the prepared real sets, from MEDVIS_DATA; the test is skipped without it."""
    folder = os.environ.get("MEDVIS_DATA")
    if not folder:
        pytest.skip("set MEDVIS_DATA to the folder of the prepared sets to run this test on real films")
    return Path(folder)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home for cohorts and runs."""
    monkeypatch.setenv("MEDVIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
