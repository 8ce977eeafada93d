"""A cohort of drawn films whose items are placed by hand, so that every figure of a scene is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from medvis.data import report as reports
from medvis.data.cohort import Cohort, create
from medvis.explain.session import Session
from medvis.geometry.lorentz import Lorentz
from medvis.store.matrix import Rows
from medvis.store.publish import publish
from medvis.store.record import RunRecord
from medvis.store.runs import Run
from medvis.store.schema import About
from medvis.types import Film, Radiograph, Report, Study

FINDINGS = "Small left effusion. No pneumothorax. Perhaps <b>mass</b>."
IMPRESSION = "Left effusion."
CURV = 0.6
REFS = ("film0", "report", "findings", "impression", "f0", "f1", "f2", "i0")


def study(name: str, *, findings: str = FINDINGS, show: str = "open") -> Study:
    film = Film("", 32, 32, view="PA", licence="CC0 1.0", show="open")
    report = Report(findings, IMPRESSION, licence="CC0 1.0", show=show)  # type: ignore[arg-type]
    return Study(name, f"patient-{name}", "test", (film,), report)


def cohort(folder: Path, studies: Sequence[Study]) -> Cohort:
    film = Radiograph(np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1)), view="PA")
    pairs = iter([(one, (film,)) for one in studies])
    return create(folder, pairs, name="hand", source="hand", about={}, format="png")


def session(
    folder: Path,
    studies: Sequence[Study],
    tangents: Mapping[tuple[str, str], Sequence[float]],
    scales: Mapping[tuple[str, str], Sequence[float]] | None = None,
    *,
    geometry: str = "lorentz",
    method: str = "hyden",
    config: dict[str, float] | None = None,
) -> Session:
    """Return a session whose items lie where tangent vectors of the root lead, with standard deviations.

    Args:
        folder: An empty folder.
        studies: The cohort.
        tangents: (study, ref) -> tangent vector, or unit vector of a sphere; a study of "" makes a prompt.
        scales: (study, ref) -> standard deviations; None places points.
        geometry: Of the store.
        method: Of the run, which has no weights.
        config: Settings of the method.
    """
    made = cohort(folder / "cohorts" / "hand", studies)
    record = RunRecord("hand", method, config or {}, {}, made.name, made.hash, {}, {}, {}, 0, "", {})
    run = Run(folder / "runs" / "hand", record, "0" * 64)
    said = {one.id: words(one) for one in studies}
    patients = {one.id: one.patient for one in studies}
    keys = list(tangents)
    space = Lorentz(CURV)
    given = torch.tensor([list(tangents[key]) for key in keys], dtype=torch.float64)
    mean = (space.exp0(given) if geometry == "lorentz" else given).float()
    sigma = None if scales is None else torch.tensor([list(scales[key]) for key in keys]).log()
    rows = Rows(
        kind=tuple(_kind(*key) for key in keys),
        study=tuple(name for name, _ in keys),
        patient=tuple(patients.get(name, "") for name, _ in keys),
        split=tuple("test" if name else "" for name, _ in keys),
        ref=tuple(ref for _, ref in keys),
        text_hash=tuple(_hash(said, *key) for key in keys),
        mean=mean,
        log_scale=sigma,
        root_dist=space.root_dist(mean.double()),
    )
    about = About(
        run.id, made.hash, "hand", geometry, mean.shape[1],  # type: ignore[arg-type]
        curv=CURV if geometry == "lorentz" else 0.0, densities=scales is not None,
    )  # fmt: skip
    publish(run.folder, made.hash, [rows], about)
    return Session(run, made)


def words(one: Study) -> dict[str, str]:
    assert one.report is not None
    found = {"report": one.report.text, "findings": one.report.findings, "impression": one.report.impression}
    return found | {sentence.id: sentence.text for sentence in reports.sentences(one.report)}


def _hash(said: Mapping[str, Mapping[str, str]], name: str, ref: str) -> str:
    text = said[name].get(ref, "") if name else ref
    return reports.text_hash(text) if text else ""


def _kind(name: str, ref: str) -> str:
    if not name:
        return "prompt"
    if ref.startswith("film"):
        return "film"
    return ref if ref in {"report", "findings", "impression"} else "sentence"
