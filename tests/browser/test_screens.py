"""The embedded default from nothing, and the pictures of its pages.

`pytest -m screens` writes the pictures to assets/screens; any other call writes them to a scratch folder,
so that the pictures in the README are passed tests. Whoever changes a page looks at them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from serving import served

import medvis
from app import shell

pytestmark = [pytest.mark.browser, pytest.mark.screens, pytest.mark.slow, pytest.mark.timeout(600)]
SCREENS = Path(__file__).parents[2] / "assets" / "screens"
PAGES = ("worklist", "case", "hierarchy", "retrieve", "read_me")


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which `medvis demo --check` was the first thing that ever ran."""
    home = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "medvis.cli", "demo", "--check"]
    environment = {**os.environ, "MEDVIS_HOME": str(home)}
    found = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=550)
    assert found.returncode == 0, found.stdout + found.stderr
    assert all(page in found.stdout for page in PAGES), found.stdout
    return home


@pytest.fixture(scope="module")
def demo_url(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(demo_home, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def chosen(demo_home: Path) -> str:
    """The address of a held-out study and of a word that names a finding which is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDVIS_HOME", str(demo_home))
        session = medvis.open("demo-hyden")
        for study in session.cohort.studies(split="test"):
            present = {name.lower() for name, value in study.labels.items() if value == 1}
            for sentence in session.sentences(study):
                words = [word.text.lower() for word in sentence.words]
                for at, word in enumerate(words):
                    if word in present and not sentence.negated and sentence.section == "findings":
                        return f"study={study.id}&run=demo-hyden&sent={sentence.id}&word={at}"
    pytest.fail("no held-out study of the embedded default names a finding that it has")


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: into the repository only when they are asked for by name."""
    return SCREENS if request.config.getoption("markexpr") == "screens" else tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_embedded_default_makes_a_picture(
    page: Page, demo_url: str, chosen: str, folder: Path, name: str
) -> None:
    page.goto(f"{demo_url}/{'' if name == 'worklist' else name}?{chosen}")  # the first page has no path
    expect(page.get_by_text(shell.NOTICE.partition(".")[0])).to_be_visible()
    expect(page.get_by_text("simulated", exact=False).first).to_be_visible()
    ready = {
        "worklist": "img",
        "case": "canvas",
        "hierarchy": ".js-plotly-plot .main-svg",
        "retrieve": "img",
        "read_me": "h3, h2, strong",
    }
    page.locator(ready[name]).first.wait_for(state="visible")
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_timeout(800)  # transitions of the frame have no event of their own
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.png"
    page.screenshot(path=picture)
    grey = np.asarray(Image.open(picture).convert("L"))
    assert grey.shape == (900, 1400)
    assert grey.std() > 10, f"{picture} is nearly empty"
