"""Fixtures: a real Chromium on a real server with one home of drawn films, served from another folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app import serve

sys.path.append(str(Path(__file__).parents[1] / "app"))
import drawn

CHROME_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb",
    "--hide-scrollbars",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    found = os.environ.get("MEDVIS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("these tests need a Chromium: apt-get install chromium, or name one in MEDVIS_CHROMIUM")
    return {**browser_type_launch_args, "args": CHROME_ARGS, "executable_path": found}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    return {**browser_context_args, "viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def home_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the cohort "drawn" and the untrained run "small"."""
    return drawn.home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def app_url(home_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, served from a folder that is not the project's."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    yield from served(home_folder, elsewhere)


def served(home_folder: Path, elsewhere: Path) -> Iterator[str]:
    """Serve a home until the caller is done; what the server says is in `server.log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = elsewhere / "server.log"
    environment = {
        **os.environ,
        "MEDVIS_HOME": str(home_folder),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *serve.arguments(port, browser=False)],
            cwd=elsewhere, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def page(page: Page) -> Page:
    """A page whose waits are long enough for a busy machine with two cores."""
    page.set_default_timeout(30_000)
    return page


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=1).read()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
