"""Encoder weights as one self-describing file, named by the hash of its tensors."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from medvis.data import aside
from medvis.errors import BadWeights

from . import weights


def write(folder: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> str:
    """Write a tower as `DIGEST.safetensors` unless it is there already, and return the digest.

    Args:
        folder: Where towers lie.
        tensors: Its state.
        about: JSON-able: kind, record and, for a text encoder, its tokenizer.
    """
    from safetensors.torch import save_file

    digest = weights.digest_of(tensors)
    path = folder / f"{digest}.safetensors"
    if not path.exists():
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        with aside.writing(path) as file:
            save_file(plain, file, metadata={"medvis": json.dumps(about, sort_keys=True)})
    return digest


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what a tower says of itself, and its tensors.

    Raises:
        BadWeights: If it is no tower, or if its tensors are not those that its name promises.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "Copy it again from where it was made, or train the run again."
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("medvis", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        raise BadWeights(f"{path.name} cannot be read ({type(error).__name__}).", remedy=remedy) from error
    if not isinstance(about, dict) or not {"kind", "record"} <= about.keys():
        raise BadWeights(
            f"{path.name} does not say which architecture it fits.",
            remedy="Name it: timm:ARCHITECTURE@FILE.safetensors.",
        )
    found = weights.digest_of(tensors)
    if path.stem != found:
        raise BadWeights(f"{path.name} holds tensors of hash {found[:12]}…: damaged.", remedy=remedy)
    return about, tensors
