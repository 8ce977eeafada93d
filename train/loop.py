"""The training loop: from a configuration to a run on disk."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from medvis.data import batch, places, report
from medvis.data.cohort import Cohort
from medvis.errors import NonFinite
from medvis.models import schedule
from medvis.store import runs
from medvis.store.record import RECORD
from medvis.store.runs import Run
from medvis.types import Encoded, Loss, Placed

from . import checkpoint, memory, start, work
from .checkpoint import Checkpoint
from .config import Train
from .journal import Journal
from .pairs import Pair
from .work import Work

log = logging.getLogger(__name__)


def train(train: Train) -> Run:
    """Train, or go on with a training that was stopped, and return the finished run.

    Resumed on the same machine with the same number of threads, every loss is the same to the bit: whatever
    is drawn is a function of the seed and the step.

    Raises:
        BadCohort: If it has no studies with both a film and a report to learn from.
        BadRun: If the run's folder holds something else.
        NonFinite: If a loss or a gradient stops being a number; the last checkpoint stays.
    """
    memory.keep()
    if train.threads:
        torch.set_num_threads(train.threads)
    folder = places.new_run(train.to)
    cohort = Cohort.open(places.cohort_folder(train.cohort))
    start.method_config(train)
    known = start.claim(folder, train, cohort)
    if (folder / RECORD).exists():
        log.info("%s is finished already.", folder)
        return Run.open(folder)
    model = start.model(train, cohort, folder, known)
    what = work.build(train, cohort, model)
    saved = checkpoint.latest(folder)
    if saved is not None:
        log.info("Going on after step %s.", saved.step)
        _load(what, checkpoint.unpack("now", saved.tensors))
        checkpoint.unpack_optimizer(what.optimizer, saved.tensors)
    best = _run(what, folder, saved)
    _load(what, best.tensors)
    return runs.write_run(folder, start.record(train, cohort, folder, model, best.step), model)


@dataclass(frozen=True)
class _Best:
    """The weights with the lowest validation loss so far; without validation, the last."""

    step: int
    loss: float
    tensors: dict[str, Tensor]


def _run(what: Work, folder: Path, saved: Checkpoint | None) -> _Best:
    """Take the steps that are left and return the best weights."""
    first = saved.step if saved else 0
    best = _Best(0, math.inf, {})
    if saved is not None:
        facts = saved.facts
        best = _Best(facts["best_step"], facts["best_loss"], checkpoint.unpack("best", saved.tensors))
    steps = what.settings.steps
    with Journal(folder / start.LOG, keep=first) as journal:
        bar = tqdm(range(first, steps), initial=first, total=steps, desc=what.train.method, disable=None)
        for number, chosen in zip(bar, what.plan.steps(first), strict=False):
            line = step(what, number, chosen)
            last = number + 1 == steps
            if last or (number + 1) % what.train.validate == 0:
                found = validate(what)
                line |= found
                loss = found.get("validation", -float(number))
                if loss < best.loss:
                    best = _Best(number + 1, loss, _snapshot(what))
            journal.write({"step": number + 1, **line})
            bar.set_postfix(loss=f"{line['loss']:.3f}")
            if last or (number + 1) % what.train.checkpoint == 0:
                checkpoint.save(folder, _checkpoint(what, number + 1, best))
    return best


def step(what: Work, number: int, chosen: Sequence[Pair]) -> dict[str, Any]:
    """Take one step, the first has number 0, and return its line of the log.

    Raises:
        NonFinite: If a term of the loss or a gradient is not a number; nothing was changed then.
    """
    began = time.perf_counter()
    seed = what.train.seed * 1_000_003 + number
    torch.manual_seed(seed)  # dropout of the encoders
    for part in _learning(what).values():
        part.train()
    image, text = _encoded(what, chosen, seed)
    loss = _loss(what, image, text, chosen, seed)
    for name, term in (*loss.terms.items(), ("total", loss.total)):
        if not torch.isfinite(term):
            raise NonFinite(
                f"Step {number + 1}: the term {name} of {what.train.method} is {float(term.detach())}.",
                remedy="The last checkpoint is kept. Lower --rate, or look at log.jsonl for what grew.",
            )
    what.optimizer.zero_grad()
    loss.total.backward()  # type: ignore[no-untyped-call]
    learning = [one for group in what.optimizer.param_groups for one in group["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(learning, what.train.clip))
    if not math.isfinite(norm):
        raise NonFinite(
            f"Step {number + 1}: the gradient of {_culprit(what)} is not finite; its terms are.",
            remedy="The last checkpoint is kept. Lower --rate, or report the step's seed.",
        )
    share = schedule.share(number, what.settings.steps, what.train.warmup)
    for group in what.optimizer.param_groups:
        group["lr"] = group["top"] * share
    what.optimizer.step()
    return {
        "loss": float(loss.total.detach()),
        "terms": {name: float(term.detach()) for name, term in loss.terms.items()},
        "rate": what.settings.rate * share,
        "gradient": norm,
        "scalars": _scalars(what),
        "seconds": round(time.perf_counter() - began, 4),
    }


@torch.no_grad()
def validate(what: Work) -> dict[str, float]:
    """Return the mean loss of the validation pairs, and how wide and how far out they are placed.

    Empty without validation pairs. Films are placed alone, as a store holds them.
    """
    for part in _learning(what).values():
        part.eval()
    found: dict[str, list[float]] = {}
    for at, chosen in enumerate(what.check):
        image, text = _encoded(what, chosen, None)
        loss = _loss(what, image, text, chosen, at)
        found.setdefault("validation", []).append(float(loss.total))
        for encoded in (image, text):
            for name, value in _spread(what.model.method.place(encoded)).items():
                found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _encoded(what: Work, chosen: Sequence[Pair], moves: int | None) -> tuple[Encoded, Encoded]:
    image, text = what.source.encoded(chosen, moves)
    return _to(image, what.device), _to(text, what.device)


def _to(one: Encoded, device: torch.device) -> Encoded:
    return Encoded(one.kind, one.whole.to(device), one.parts.to(device), one.real.to(device), one.grid)


def _loss(what: Work, image: Encoded, text: Encoded, chosen: Sequence[Pair], seed: int) -> Loss:
    studies = [one.study.id for one in chosen]
    patients = [one.study.patient for one in chosen]
    apart = batch.apart(studies, patients, [report.text_hash(one.text) for one in chosen])
    generator = torch.Generator(what.device).manual_seed(seed)
    return what.model.method.loss(image, text, apart.to(what.device), generator)


def _learning(what: Work) -> dict[str, nn.Module]:
    """Return what learns, by the names under which a run keeps it."""
    learning: dict[str, nn.Module] = {"method": what.model.method}
    return (
        learning if what.settings.frozen else {**learning, "image": what.model.image, "text": what.model.text}
    )


def _snapshot(what: Work) -> dict[str, Tensor]:
    return {
        name: one.detach().cpu().clone()
        for prefix, part in _learning(what).items()
        for name, one in checkpoint.pack(prefix, part.state_dict()).items()
    }


def _load(what: Work, tensors: dict[str, Tensor]) -> None:
    for prefix, part in _learning(what).items():
        part.load_state_dict(checkpoint.unpack(prefix, tensors), strict=True)


def _checkpoint(what: Work, step: int, best: _Best) -> Checkpoint:
    tensors = {
        **checkpoint.pack("now", _snapshot(what)),
        **checkpoint.pack("best", best.tensors),
        **checkpoint.pack_optimizer(what.optimizer),
    }
    return Checkpoint(step, tensors, {"best_step": best.step, "best_loss": best.loss})


def _scalars(what: Work) -> dict[str, float]:
    """Return every learned number of the method, such as its curvature, as it is stored."""
    named = what.model.method.named_parameters()
    return {name: float(one.detach()) for name, one in named if one.numel() == 1}


def _spread(placed: Placed) -> dict[str, float]:
    """Return the mean length of places' space components and, of densities, the mean spread of an axis."""
    found = {f"{placed.kind}_length": float(placed.whole.mean.norm(dim=-1).mean())}
    if placed.whole.log_scale is not None:
        found[f"{placed.kind}_sigma"] = float(placed.whole.log_scale.exp().mean())
    return found


def _culprit(what: Work) -> str:
    """Return the name of the first parameter whose gradient is not finite."""
    for prefix, part in _learning(what).items():
        for name, one in part.named_parameters():
            if one.grad is not None and not torch.isfinite(one.grad).all():
                return f"{prefix}.{name}"
    return "the whole"
