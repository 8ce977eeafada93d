"""Everything that a training needs in memory, put together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medvis.data.cohort import Cohort
from medvis.errors import BadCohort
from medvis.models.image import ImageEncoder
from medvis.models.text import TextEncoder
from medvis.store.runs import Model
from medvis.types import Study

from . import config, features, pairs
from .config import Settings, Train
from .pairs import Pair, Plan, Source


@dataclass(frozen=True)
class Work:
    """A training in memory.

    Attributes:
        train: As the person wrote it.
        settings: As the size decided it.
        model: What learns, and what it reads with.
        source: Where encodings come from.
        optimizer: Of whatever learns.
        plan: What each step reads.
        check: To validate on, in fixed batches; may be empty.
        device: Where it happens.
    """

    train: Train
    settings: Settings
    model: Model
    source: Source
    optimizer: torch.optim.Optimizer
    plan: Plan
    check: tuple[tuple[Pair, ...], ...]
    device: torch.device


def build(train: Train, cohort: Cohort, model: Model) -> Work:
    """Return a training before its first step; frozen encoders encode the cohort if no cache knows it.

    Raises:
        BadCohort: If there is nothing to tell apart.
    """
    settings = config.settings(train)
    studies = pairs.trainable(cohort.studies("train"))
    if len({study.patient for study in studies}) < 2:
        raise BadCohort(
            f"{cohort.name} has {len(studies)} training studies with a film and a report: too few.",
            remedy="Import a cohort whose studies have both.",
        )
    held = pairs.trainable(cohort.studies("val"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for part in (model.method, model.image, model.text):
        part.to(device)
    source = _source(train, settings, cohort, model, (*studies, *held))
    check = tuple(
        tuple(Pair(study, study.report.text) for study in one if study.report is not None)
        for one in pairs.whole_batches(held, settings.batch, seed=train.seed, epoch=0)
    )
    texts = tuple((study, pairs.texts_of(study)) for study in studies)
    plan = Plan(texts, settings.batch, train.sentences, train.seed)
    return Work(train, settings, model, source, _optimizer(train, settings, model), plan, check, device)


def freeze(encoder: ImageEncoder | TextEncoder, thaw: float) -> None:
    """Let only the upper share of an encoder's layers learn.

    Args:
        encoder: At 1 all of it learns, at 0 nothing; between, the upper layers of a transformer (its
            longest list of modules) and none of its input embeddings.
        thaw: Share of the layers, in [0, 1].
    """
    lists = [list(one) for one in encoder.modules() if isinstance(one, torch.nn.ModuleList)]
    layers = max(lists, key=len, default=[])
    upper = layers[len(layers) - round(thaw * len(layers)) :]
    learn = {id(parameter) for layer in upper for parameter in layer.parameters()}
    for parameter in encoder.parameters():
        parameter.requires_grad_(thaw >= 1 or id(parameter) in learn)


def _source(
    train: Train, settings: Settings, cohort: Cohort, model: Model, studies: Sequence[Study]
) -> Source:
    """Return cached encodings of frozen encoders, or encoders that learn."""
    if settings.frozen:
        freeze(model.image, 0.0)
        freeze(model.text, 0.0)
        return pairs.cached(model, cohort)
    freeze(model.image, 1.0)
    freeze(model.text, train.thaw)
    half = train.precision == "bfloat16" or (train.precision == "auto" and torch.cuda.is_available())
    films = features.pixels(cohort, studies, settings.pixels)
    return pairs.Live(films, model.image, model.text, torch.bfloat16 if half else torch.float32)


def _optimizer(train: Train, settings: Settings, model: Model) -> torch.optim.Optimizer:
    """Return AdamW over what learns: matrices decay; encoders learn slower than what is new."""
    groups = []
    parts = ((model.method, 1.0), (model.image, train.encoder_rate), (model.text, train.encoder_rate))
    for part, share in parts:
        learning = [one for one in part.parameters() if one.requires_grad]
        matrices = [one for one in learning if one.ndim > 1]
        others = [one for one in learning if one.ndim <= 1]
        for chosen, decay in ((matrices, train.decay), (others, 0.0)):
            if chosen:
                groups.append({"params": chosen, "weight_decay": decay, "top": settings.rate * share})
    return torch.optim.AdamW(groups, lr=settings.rate)
