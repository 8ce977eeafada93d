"""Checkpoints: tensors in safetensors, facts in JSON, hashes of both; a folder, renamed when complete."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from medvis.data import aside
from medvis.errors import BadRun
from medvis.models.weights import sha256

KEPT = 3
TENSORS, FACTS, SUMS = "state.safetensors", "state.json", "SHA256SUMS"


@dataclass(frozen=True)
class Checkpoint:
    """A training as it stood after a step.

    Attributes:
        step: Steps done.
        tensors: Weights, optimizer state and best weights so far, by name.
        facts: JSON-able: everything else.
    """

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save(run_folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, then forget all but the last three; what a killed writer left is swept.

    There is no state of random numbers in it: every draw of a training is a function of its seed and step.
    """
    folder = _folder(run_folder)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.tmp"):
        shutil.rmtree(left)
    path = folder / f"step-{checkpoint.step}"
    with aside.folder(path) as new:
        plain = {name: one.detach().cpu().contiguous().clone() for name, one in checkpoint.tensors.items()}
        save_file(plain, new / TENSORS)
        (new / FACTS).write_text(json.dumps({**checkpoint.facts, "step": checkpoint.step}, indent=2) + "\n")
        (new / SUMS).write_text(_sums(new))
    for old in saved(run_folder)[:-KEPT]:
        shutil.rmtree(old)
    return path


def saved(run_folder: Path) -> list[Path]:
    """Return the complete checkpoints, oldest first."""
    found = _folder(run_folder).glob("step-*")
    return sorted(
        (path for path in found if re.fullmatch(r"step-\d+", path.name)),
        key=lambda path: int(path.name.removeprefix("step-")),
    )


def latest(run_folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint, None if there is none yet.

    Raises:
        BadRun: If it is not what was written.
    """
    paths = saved(run_folder)
    return read(paths[-1]) if paths else None


def read(path: Path) -> Checkpoint:
    """Return a checkpoint.

    Raises:
        BadRun: If a file of it is missing or is not what was written.
    """
    remedy = f"Remove {path} and start again: training goes on from the checkpoint before it."
    try:
        if (path / SUMS).read_text() != _sums(path):
            raise BadRun(f"The checkpoint {path} is damaged: its files have other hashes.", remedy=remedy)
        facts = json.loads((path / FACTS).read_text())
        tensors = load_file(path / TENSORS)
        return Checkpoint(int(facts["step"]), tensors, facts)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadRun(f"The checkpoint {path} is damaged ({type(error).__name__}).", remedy=remedy) from error


def pack(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state under a prefix."""
    return {f"{prefix}.{name}": one for name, one in state.items()}


def unpack(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what `pack` put under a prefix."""
    start = f"{prefix}."
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state; rates and decays belong to the configuration, not to it."""
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {f"optimizer.{at}.{name}": one for at, slots in state.items() for name, one in slots.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state that `pack_optimizer` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, one in unpack("optimizer", tensors).items():
        at, _, slot = name.partition(".")
        state.setdefault(int(at), {})[slot] = one
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _sums(path: Path) -> str:
    """Return the hashes of both files, as sha256sum writes them."""
    return "".join(f"{sha256(path / name)}  {name}\n" for name in (FACTS, TENSORS))


def _folder(run_folder: Path) -> Path:
    return run_folder / "checkpoints"
