"""Measures a run on a split of a cohort, and keeps the figures beside its store as metrics.json."""

import dataclasses
import json
import logging
from datetime import UTC, datetime
from typing import Any

import torch

from medvis.data import aside
from medvis.data.cohort import Cohort
from medvis.errors import BadCohort, NotFound
from medvis.methods.base import Method
from medvis.store.runs import Run
from medvis.store.store import Store
from medvis.types import Density, Mode

from . import measures
from .metrics import RULES, VERSION, Evaluation
from .metrics import summary as summary  # noqa: PLC0414  the command prints it
from .subject import Subject, subject

FILE = "metrics.json"
log = logging.getLogger(__name__)


def evaluate(run: Run, cohort: Cohort, *, split: str = "test") -> dict[str, Any]:
    """Measure a run, write metrics.json beside its store and return it.

    Args:
        run: A run that was embedded on this cohort.
        cohort: The cohort.
        split: "train", "val", "test" or "all".

    Raises:
        BadStore: If the run was not embedded on this cohort with these weights.
        BadCohort: If the split has no film.
        NotFound: If there is no such split.
    """
    if split not in {"train", "val", "test", "all"}:
        raise NotFound("There is no such split.", remedy="Use train, val, test or all.")
    with (
        Store.open(run.folder, cohort.hash, run=run.id, cohort=cohort.path.name) as store,
        torch.inference_mode(),
    ):
        measured = subject(run.model(), cohort, store, None if split == "all" else split)
        if not measured.studies:
            raise BadCohort(
                f"Split {split} of {cohort.path.name} has no film.",
                remedy="Use --split all, or another cohort.",
            )
        found = _evaluation(run, measured, split, store)
        values = dataclasses.asdict(found)
        with aside.writing(store.folder / FILE) as file:
            file.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    read: dict[str, Any] = json.loads(json.dumps(values))
    return read


def _evaluation(run: Run, measured: Subject, split: str, store: Store) -> Evaluation:
    method: type[Method] = type(measured.model.method)
    studies = measured.cohort.studies(None if split == "all" else split)
    films = measured.film[measured.paired]
    enough = len(measured.paired) > 1
    anew = measured.conditions
    log.info("measuring %s on %d films", run.record.name, len(measured.studies))
    return Evaluation(
        version=VERSION,
        run=run.id,
        name=run.record.name,
        method=run.record.method,
        inferred=method.paper.inferred,
        cohort=measured.cohort.hash,
        cohort_name=measured.cohort.path.name,
        trained_on=run.record.cohort_hash,
        split=split,
        generation=store.manifest.generation,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        counts={
            "studies": len(studies),
            "with a film": len(measured.studies),
            "with a report": sum(study.report is not None for study in studies),
            "with both": len(measured.paired),
            "patients": len({study.patient for study in measured.studies}),
        },
        rules=RULES,
        retrieval=(
            *(measures.retrieval(measured, films, measured.report) if enough else ()),
            *(measures.reranked(measured) if enough and anew else ()),
        ),
        zero_shot=(
            *measures.zero_shot(measured, measured.mode),
            *(measures.zero_shot(measured, Mode.CONDITIONED) if anew else ()),
        ),
        encapsulation=(
            *((measures.encapsulation(measured, measured.mode),) if enough else ()),
            *((measures.encapsulation(measured, Mode.CONDITIONED),) if enough and anew else ()),
        ),
        lie=tuple(measures.lie(measured)),
        self_test=tuple(
            measures.retrieval(measured, _random(films, 1), _random(measured.report, 2)) if enough else ()
        ),
    )


def _random(like: Density, seed: int) -> Density:
    """Return places that know nothing, as many and as far out as the given ones."""
    drawn = torch.randn(like.mean.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    length = like.mean.double().norm(dim=1, keepdim=True)
    return Density(torch.nn.functional.normalize(drawn, dim=1) * length)
