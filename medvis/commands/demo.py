"""Opens the app on the embedded default: simulated films, three small trained runs, no network."""

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import tyro

if TYPE_CHECKING:
    from medvis.data.cohort import Cohort

Made = TypeVar("Made")
log = logging.getLogger(__name__)

COHORT = "demo"
METHODS = ("hyden", "meru", "clip")
STEPS, BATCH = 100, 32  # heads on cached features: enough to leave chance, short enough for a first start


@dataclass(frozen=True)
class Demo:
    """Make the embedded default if it is not there yet, then open the app on it."""

    check: bool = False
    """Do everything but serve: walk every page once, print what was seen, exit 0 if all is well."""
    port: int = 8501
    """Port on the loopback address."""
    browser: bool = True
    """Open the page in the browser."""
    patients: int = 64
    """Simulated patients, if the cohort has to be made."""


def main(words: list[str]) -> int:
    """Prepare and serve, or with --check prepare and walk the pages."""
    options = tyro.cli(Demo, args=words, prog="medvis demo")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small steps: two threads mostly wait for each other
    prepare(options.patients)
    if options.check:
        return walk()
    from medvis.commands import app

    return app.serve(app.App(port=options.port, run=f"demo-{METHODS[0]}", browser=options.browser))


def prepare(patients: int) -> None:
    """Make what is missing of the embedded default: cohort, runs, stores. A second call finds all of it."""
    from medvis.data import places
    from medvis.errors import NotFound

    try:
        folder = places.cohort_folder(COHORT)
    except NotFound:
        folder = _timed(f"simulating {patients} patients", lambda: _simulate(patients))
    from medvis.data.cohort import Cohort

    cohort = Cohort.open(folder)
    for method in METHODS:
        _run(method, cohort)


def walk() -> int:
    """Open every page once without a browser and print what was on it; 1 if one of them failed."""
    from app import walk as walking
    from medvis.explain import session

    opened = session.open_session(f"demo-{METHODS[0]}")
    studies = (*opened.cohort.studies(split="test"), *opened.cohort.studies())
    chosen = next(study for study in studies if study.films and study.report)
    failed = 0
    for visit in walking.visits(opened.run.id[:8], chosen.id):
        sys.stdout.write(
            f"{visit.page:<12} {visit.summary}  ({visit.seconds:.2f} s)  {visit.problem}".rstrip() + "\n"
        )
        failed += bool(visit.problem)
    sys.stdout.write("every page opened\n" if not failed else f"{failed} pages failed\n")
    return int(failed > 0)


def _simulate(patients: int) -> Path:
    from medvis.data import cohort, places, sources

    source = sources.find("simulated")
    options = source.options(patients=patients)
    made = cohort.create(
        places.new_cohort(COHORT),
        source.read(Path(), options),
        name=COHORT,
        source=source.name,
        about={"summary": source.summary},
    )
    return Path(made.path)


def _run(method: str, cohort: "Cohort") -> None:
    from medvis.data import places
    from medvis.errors import BadStore, MedvisError
    from medvis.store.runs import Run
    from medvis.store.store import Store
    from train import config, embed, loop

    name = f"demo-{method}"
    try:
        run = Run.open(places.run_folder(name))
        fits = run.record.cohort_hash == cohort.hash
    except MedvisError:
        fits = False
    if not fits:
        settings = config.Train(
            method=method,
            cohort=COHORT,
            to=name,
            steps=STEPS,
            batch=BATCH,
            validate=STEPS // 4,
            checkpoint=STEPS // 2,
        )
        run = _timed(f"training {name}", lambda: loop.train(settings))
    try:
        Store.open(run.folder, cohort.hash, run=run.id)
    except BadStore:
        _timed(f"embedding {name}", lambda: embed.embed(run, cohort))


def _timed(what: str, make: Callable[[], Made]) -> Made:
    started = time.monotonic()
    log.info("medvis: %s …", what)
    made = make()
    log.info("medvis: %s took %.1f s", what, time.monotonic() - started)
    return made
