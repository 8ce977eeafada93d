"""What a training is: the command line, the record in its run folder, and what resuming compares."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import tyro

from medvis.errors import BadRun


@dataclass(frozen=True)
class Train:
    """Train a method on a cohort; the same command again goes on where it was stopped.

    A size sets everything that is not given: "small" trains a method's heads on cached features of frozen
    encoders, in minutes on a laptop; "base" trains the encoders too.
    """

    method: tyro.conf.Positional[str]
    """The paper: clip, hyden, meru."""
    cohort: str
    """Name or folder of the cohort."""
    to: str
    """Name of the run, or its folder if it holds a slash."""
    size: Literal["small", "base"] = "small"
    """The one dial."""
    image: str = "embedded:efficientnet-lite0"
    """Image encoder: embedded:NAME, timm:NAME[@FILE], hf:NAME, a tower's path, or random[:NAME]."""
    text: str = "embedded:minilm"
    """Text encoder: embedded:minilm, hf:NAME, a tower's path, own (trained on the reports first), random."""
    text_steps: int = 300
    """Steps of masked words by which text encoder "own" is trained."""
    frozen: bool | None = None
    """Keep the encoders as they are and cache their features. small: yes, base: no."""
    pixels: int | None = None
    """Side of the image encoder's input. small 224, base 224."""
    steps: int | None = None
    """Training steps. small 600, base 6000."""
    batch: int | None = None
    """Pairs a step, each of another patient. small 64, base 32."""
    rate: float | None = None
    """Highest learning rate of what is new. small 1e-3, base 3e-4."""
    encoder_rate: float = 0.1
    """Learning rate of the encoders, as a share of `rate`."""  # INFERRED: new modules learn ten times faster
    thaw: float = 0.5
    """Share of the text encoder's layers, from the top, that learn when nothing is frozen."""  # INFERRED
    warmup: float = 0.1
    """Share of the steps in which the rate rises; then it falls along a cosine."""  # INFERRED
    decay: float = 0.05
    """Weight decay of matrices; gains, biases and scalars have none."""  # INFERRED: MGCA's
    clip: float = 1.0
    """Largest norm of the gradient."""  # INFERRED
    sentences: float = 0.3
    """Chance that a step reads one section or one sentence instead of the report."""  # INFERRED
    validate: int = 25
    """Steps between validations; the weights of the best one become the run."""
    checkpoint: int = 100
    """Steps between checkpoints; the last 3 are kept."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the encoders while they learn: auto is bfloat16 on a GPU; all above them is float32 always."""
    threads: int = 0
    """Processor threads; 0 leaves the choice to torch. Bit-equal resuming needs the same number."""
    seed: int = 42
    """Draws weights, order, crops, sentences and samples."""
    config: tuple[str, ...] = ()
    """Settings of the method, as name=value."""


SIZES: dict[str, dict[str, Any]] = {
    "small": {"frozen": True, "pixels": 224, "steps": 600, "batch": 64, "rate": 1e-3},
    "base": {"frozen": False, "pixels": 224, "steps": 6000, "batch": 32, "rate": 3e-4},
}


@dataclass(frozen=True)
class Settings:
    """What a size left open, decided."""

    frozen: bool
    pixels: int
    steps: int
    batch: int
    rate: float


def settings(train: Train) -> Settings:
    """Return what is open in a configuration as its size decides it.

    Raises:
        BadRun: If a number makes no training; the message names the setting.
    """
    chosen = {name: getattr(train, name) for name in SIZES[train.size]}
    found = Settings(
        **{name: SIZES[train.size][name] if one is None else one for name, one in chosen.items()}
    )
    for name, low in (("pixels", 32), ("steps", 1), ("batch", 2)):
        if getattr(found, name) < low:
            raise BadRun(f"{name} is {getattr(found, name)}.", remedy=f"It must be at least {low}.")
    if not 0 <= train.sentences <= 1 or train.validate < 1 or train.checkpoint < 1:
        raise BadRun(
            f"sentences is {train.sentences}, validate {train.validate}, checkpoint {train.checkpoint}.",
            remedy="Sentences is a share in [0, 1]; validate and checkpoint count steps, at least 1.",
        )
    return found


def record(train: Train) -> dict[str, Any]:
    """Return a configuration as JSON-able values, everything decided; it says nothing of folders."""
    values = {**dataclasses.asdict(train), **dataclasses.asdict(settings(train))}
    return {
        name: list(one) if isinstance(one, tuple) else one for name, one in values.items() if name != "to"
    }
