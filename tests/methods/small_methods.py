"""Random encodings and small methods for the tests of floor 4."""

import torch

from medvis import methods
from medvis.types import Encoded

WIDTH = {"image": 24, "text": 20}
GRID = (3, 4)
WORDS = 5
SMALL = {"clip": {"dims": 16}, "meru": {"dims": 16}, "hyden": {"dims": 16, "local": 16, "hidden": 32}}


def encoded(kind: str, count: int, seed: int) -> Encoded:
    """Random encodings with some padding."""
    generator = torch.Generator().manual_seed(seed)
    parts = GRID[0] * GRID[1] if kind == "image" else WORDS
    values = torch.randn(count, parts, WIDTH[kind], generator=generator) * 3
    real = torch.rand(count, parts, generator=generator) > 0.2
    real[:, 0] = True
    whole = (values * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    return Encoded(kind, whole, values, real, GRID if kind == "image" else (0, 0))


def build(name: str, seed: int = 0, **settings: object) -> methods.Method:
    """A small method; the same weights for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return methods.build(name, WIDTH["image"], WIDTH["text"], {**SMALL.get(name, {}), **settings})


def all_apart(count: int) -> torch.Tensor:
    return ~torch.eye(count, dtype=torch.bool)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def learn(method: methods.Method, image: Encoded, text: Encoded, steps: int, batch: int = 8) -> None:
    """Train on random batches of the pairs."""
    optimizer = torch.optim.Adam(method.parameters(), lr=5e-3)
    order = drawn()
    for _ in range(steps):
        rows = torch.randperm(len(image.whole), generator=order)[:batch]
        optimizer.zero_grad()
        method.loss(image[rows], text[rows], all_apart(len(rows)), order).total.backward()
        optimizer.step()


def recall(scores: torch.Tensor) -> float:
    """Share of rows whose own column is best."""
    return float((scores.argmax(1) == torch.arange(len(scores))).float().mean())
