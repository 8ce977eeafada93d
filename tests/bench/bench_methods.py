"""What a method costs beside its encoders: milliseconds of a step at batch 32, and the share of it.

OMP_NUM_THREADS=2 pytest tests/bench/bench_methods.py -m bench
"""

import time
from collections.abc import Callable

import pytest
import torch

from medvis import methods
from medvis.models import image as images
from medvis.models import text as texts
from medvis.types import Encoded
from train import memory

pytestmark = pytest.mark.bench

BATCH, WORDS = 32, 90
MOST = 0.15  # of a step
REPORT = (
    "the heart is mildly enlarged with small bilateral pleural effusions and no focal consolidation seen "
)


def milliseconds(run: Callable[[], object], repeats: int) -> float:
    """Return the best after a run to warm up: on a shared machine that is what the code takes."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - start))
    return min(taken[1:])


@pytest.fixture(scope="module")
def encoders() -> tuple[images.ImageEncoder, texts.TextEncoder, float]:
    """EfficientNet-Lite0 and BERT 4 x 256, and the milliseconds of their step: all levers pulled."""
    memory.keep()
    torch.set_num_threads(2)
    words = (REPORT * 6).split()[:WORDS]
    reports = [" ".join([str(i), *words]) for i in range(BATCH)]
    image, text = images.load("random"), texts.fresh(reports)
    image, text = image.to(memory_format=torch.channels_last).train(), text.train()
    pixels, tokens = torch.rand(BATCH, 1, 224, 224), text.tokens(reports)
    weights = [weight for encoder in (image, text) for weight in encoder.parameters()]
    optimizer = torch.optim.AdamW(weights)

    def step() -> None:
        optimizer.zero_grad()
        films, read = image(pixels, torch.ones_like(pixels)), text(tokens)
        (films.whole.mean() + films.parts.mean() + read.whole.mean()).backward()
        optimizer.step()

    return image, text, milliseconds(step, repeats=5)


@pytest.mark.parametrize("name", methods.discover())
def test_a_method_is_cheap_beside_its_encoders(
    name: str,
    encoders: tuple[images.ImageEncoder, texts.TextEncoder, float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, text, alone = encoders
    width, read = image.backbone.width, text.net.config.hidden_size
    generator = torch.Generator().manual_seed(0)
    method = methods.build(name, width, read, {})
    optimizer = torch.optim.AdamW(method.parameters())
    film = encoded("image", 196, width, generator)
    report = encoded("text", WORDS, read, generator)
    apart = ~torch.eye(BATCH, dtype=torch.bool)

    def step() -> None:
        optimizer.zero_grad()
        method.loss(film, report, apart, generator).total.backward()
        optimizer.step()

    own = milliseconds(step, repeats=11)
    share = own / (own + alone)
    with capsys.disabled():
        print(f"\n{name:6} {own:6.1f} ms, encoders {alone:6.0f} ms: {100 * share:4.1f} % of a step")  # noqa: T201
    assert share <= MOST


def test_conditioning_two_hundred_films_on_a_text_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    method = methods.build("hyden", 432, 384, {})
    films = encoded("image", 196, 432, generator, 200)
    text = encoded("text", WORDS, 384, generator, 1)

    def rank() -> None:
        with torch.inference_mode():
            method.score(method.place(text), method.place(films, text))

    taken = milliseconds(rank, repeats=7)
    with capsys.disabled():
        print(f"\nre-ranking 200 films given one text: {taken:.0f} ms")  # noqa: T201
    assert taken <= 500


def encoded(kind: str, parts: int, width: int, generator: torch.Generator, batch: int = BATCH) -> Encoded:
    """Random encodings that want their gradients, as those of trained encoders do."""
    whole = torch.randn(batch, width, generator=generator).requires_grad_()
    cells = torch.randn(batch, parts, width, generator=generator).requires_grad_()
    grid = (14, 14) if kind == "image" else (0, 0)
    return Encoded(kind, whole, cells, torch.ones(batch, parts, dtype=torch.bool), grid)
