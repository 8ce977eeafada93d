"""The start of a training: its folder, its encoders, its method."""

import dataclasses
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from medvis import __version__, methods
from medvis.data import aside, places
from medvis.data.cohort import Cohort
from medvis.errors import BadRun, BadSource
from medvis.models import image, pretrain, text, tower
from medvis.models.text import TextEncoder
from medvis.store.record import RECORD, RunRecord
from medvis.store.runs import Model

from . import config, pairs
from .config import Train

CLAIM, LOG = "train.json", "log.jsonl"


def claim(folder: Path, train: Train, cohort: Cohort) -> dict[str, Any]:
    """Return what the folder knows of this training, having made it its own if it is new.

    Raises:
        BadRun: If another training lives there; the message names what differs.
    """
    wanted: dict[str, Any] = {"training": config.record(train), "cohort": cohort.hash}
    if (folder / RECORD).exists() and not (folder / CLAIM).exists():
        raise BadRun(f"{folder} holds a run that was not trained here.", remedy="Choose another --to.")
    if not (folder / LOG).exists():  # nothing was learned: the folder is still free
        write_claim(folder, wanted)
    known: dict[str, Any] = json.loads((folder / CLAIM).read_text())
    differs = sorted(
        name for name, one in wanted["training"].items() if known["training"].get(name, one) != one
    ) + ["cohort"] * (known["cohort"] != wanted["cohort"])
    if differs:
        raise BadRun(
            f"{folder} holds a training with other settings: {', '.join(differs)}.",
            remedy="Choose another --to, or give the settings it was started with.",
        )
    return known


def write_claim(folder: Path, known: dict[str, Any]) -> None:
    """Write what a training is before anything is learned."""
    with aside.writing(folder / CLAIM) as file:
        file.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


def model(train: Train, cohort: Cohort, folder: Path, known: dict[str, Any]) -> Model:
    """Return encoders and a method with fresh weights, the same every time for one training.

    A text encoder that is made here is kept as a tower at once, so that resuming finds the same.
    """
    chosen = config.settings(train)
    seen = image.load(train.image, size=chosen.pixels, seed=train.seed)
    read = _text(train, cohort, folder, known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(train.seed)
        width, words = seen.record.width, read.record.width
        method = methods.build(train.method, width, words, method_config(train))
    return Model(method, seen, read)


def method_config(train: Train) -> dict[str, object]:
    """Return every setting of the method, those of the command line read as the type of their default.

    Raises:
        BadSource: If a setting is unknown or is no such value.
    """
    whole: dict[str, object] = dataclasses.asdict(methods.find(train.method).Config())
    for item in train.config:
        name, _, value = item.partition("=")
        if name not in whole:
            raise BadSource(f"{train.method} has no setting {name!r}.", remedy=f"It has {', '.join(whole)}.")
        kind = type(whole[name])
        try:
            whole[name] = value == "true" if kind is bool else kind(value)  # type: ignore[call-arg]
        except ValueError as error:
            raise BadSource(f"{name}={value} is no {kind.__name__}.", remedy="Write name=value.") from error
    return whole


def record(train: Train, cohort: Cohort, folder: Path, model: Model, steps: int) -> RunRecord:
    """Return what there is to know of a training that ended with the weights of a step."""
    return RunRecord(
        name=folder.name,
        method=train.method,
        config=method_config(train),
        training=config.record(train),
        cohort_name=train.cohort,
        cohort_hash=cohort.hash,
        image=model.image.record.json(),
        text=model.text.record.json(),
        towers={"image": "", "text": ""} if config.settings(train).frozen else {},
        steps=steps,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={
            "medvis": __version__,
            **{name: version(name) for name in ("torch", "timm", "transformers")},
        },
    )


def _text(train: Train, cohort: Cohort, folder: Path, known: dict[str, Any]) -> TextEncoder:
    if train.text not in ("own", "random"):
        return text.load(train.text)
    if "text_tower" not in known:
        texts = [one for study in cohort.studies("train") for one in pairs.texts_of(study)]
        made = (
            pretrain.pretrain(texts, size=train.size, steps=train.text_steps, seed=train.seed)
            if train.text == "own"
            else text.load("random", texts=texts, seed=train.seed)
        )
        about = {"kind": "text", "record": made.record.json(), "tokenizer": made.tokenizer.json}
        known["text_tower"] = tower.write(places.towers(), made.state_dict(), about)
        write_claim(folder, known)
    return text.load(str(places.towers() / f"{known['text_tower']}.safetensors"))
