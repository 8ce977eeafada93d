"""What an encoder is: source, hash and preprocessing, as a run keeps them in its run.json."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ImageRecord:
    """An image encoder without its weights: enough to build it again and to prepare films for it.

    Attributes:
        source: As the person named it.
        backbone: "pyramid" (CNN and other maps), "tokens" (timm ViT) or "transformer" (transformers).
        architecture: timm's name, or the model type of transformers.
        sha256: Hash of the file that the weights came from; "" if there was none.
        about: Where the weights come from, in one line.
        size: Side of the input in pixels.
        mean: Grey value (per channel, of [0, 1]) that becomes 0.
        std: Grey values per unit.
        width: Width of the whole and of every part.
        grid: Rows and columns of the parts.
        random: Whether it was never trained before.
        config: Settings of a transformers model; empty for timm.
    """

    source: str
    backbone: str
    architecture: str
    sha256: str
    about: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    width: int
    grid: tuple[int, int]
    random: bool
    config: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return it as JSON-able values; `ImageRecord.of` is the way back."""
        return {**dataclasses.asdict(self), **{key: list(getattr(self, key)) for key in _TUPLES}}

    @classmethod
    def of(cls, values: dict[str, Any]) -> "ImageRecord":
        """Return the record that `json` wrote."""
        return cls(**{**values, **{key: tuple(values[key]) for key in _TUPLES}})


@dataclass(frozen=True)
class TextRecord:
    """A text encoder without its weights and tokenizer.

    Attributes:
        source: As the person named it.
        architecture: Model type of transformers, such as "bert".
        sha256: As in ImageRecord.
        about: As in ImageRecord.
        limit: Tokens read of a text, special ones included; the rest is cut.
        width: Width of the whole and of every word.
        pooling: How the whole is made: "mean" over the tokens, or "first" (the classification token).
        random: Whether it was never trained before.
        config: Settings of the transformers model.
    """

    source: str
    architecture: str
    sha256: str
    about: str
    limit: int
    width: int
    pooling: str
    random: bool
    config: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return it as JSON-able values; `TextRecord.of` is the way back."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "TextRecord":
        """Return the record that `json` wrote."""
        return cls(**values)


def harmless(config: dict[str, Any]) -> dict[str, Any]:
    """Return a transformers configuration without what could fetch or choose code."""
    words = ("auto_map", "implementation", "kernel", "quantization", "custom")
    return {
        name: one
        for name, one in config.items()
        if name[:1] != "_" and not any(word in name for word in words)
    }


_TUPLES = ("mean", "std", "grid")
