"""Says what this installation has: methods, sources, versions, decoders, weights, device."""

import importlib.metadata
import importlib.util
import json
import platform
import sys
from dataclasses import dataclass
from typing import Any

import tyro

from medvis import __version__

PACKAGES = (
    "torch", "torchvision", "streamlit", "plotly", "transformers", "timm", "umap-learn", "grad-cam",
    "pydicom", "geoopt", "duckdb", "tyro", "jaxtyping", "safetensors", "pillow", "numpy", "scipy",
    "scikit-learn",
)  # fmt: skip


@dataclass(frozen=True)
class Doctor:
    """What this installation has and what is missing, with the command that adds it."""

    json: bool = False
    """Print one JSON object instead of lines."""


def main(words: list[str]) -> int:
    """Print the findings; 1 if something that every command needs is missing."""
    options = tyro.cli(Doctor, args=words, prog="medvis doctor")
    found = examine()
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2, sort_keys=True) + "\n")
    else:
        sys.stdout.write("".join(f"{key:<12} {_line(value)}\n" for key, value in found.items()))
    return 0 if found["healthy"] else 1


def examine() -> dict[str, Any]:
    """Return what is installed, as JSON-able values."""
    import torch

    from medvis import methods
    from medvis.data import dicom, places, sources
    from medvis.models import weights

    versions = {name: _version(name) for name in PACKAGES}
    methods.discover()
    return {
        "medvis": __version__,
        "python": platform.python_version(),
        "healthy": all(versions.values()) and _imports("timm", "transformers"),
        "methods": {
            name: {
                "paper": method.paper.title,
                "settings": "inferred" if method.paper.inferred else "as published",
                "capabilities": sorted(method.capabilities()),
            }
            for name, method in sorted(methods.METHODS.items())
        },
        "sources": {name: sources.find(name).summary for name in sources.names()},
        "decoders": dicom.decoders(),
        "weights": weights.found_embedded(),
        "device": {
            "cuda": torch.cuda.is_available(),
            "threads": torch.get_num_threads(),
            "bf16": torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        },
        "home": str(places.home()),
        "cohorts": [folder.name for folder in places.cohorts()],
        "runs": [folder.name for folder in places.runs()],
        "versions": versions,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _imports(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


def _line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key}: {_line(inner)}" if inner != "" else str(key) for key, inner in value.items()
        )
    if isinstance(value, list):
        return ", ".join(str(inner) for inner in value) or "none"
    return str(value)
