"""What a training step costs with encoders that learn, as ratios within one run: pytest -m bench.

EfficientNet-Lite0 at 224 pixels and a BERT of 4 x 256 on 96 tokens, batch 32. Each way is a process of its
own, because memory once kept by the allocator stays kept.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

BATCH, SIDE, WORDS, STEPS = 32, 224, 94, 5
WAYS = ("as it comes", "channels last", "channels last, memory kept")
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


def measured(way: str, *, threads: int = 1) -> dict[str, float]:
    """Run this file in a process of its own and return what it printed.

    Shares are measured as processor time of one thread: two threads that wait for a busy core spend
    processor time on waiting.
    """
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    out = subprocess.run(
        [sys.executable, __file__, way], env=environment, capture_output=True, check=True, text=True
    )
    found: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    sys.stderr.write(f"\n{way}: {json.dumps(found)}\n")
    return found


def test_levers_speed_up_a_step_of_the_encoders() -> None:
    slow, layout, fast = (measured(way)["encoders processor"] for way in WAYS)
    assert layout < slow
    assert fast < 0.75 * slow, "memory is not kept, or the layout is lost on the way"


@pytest.mark.parametrize("method", ["clip", "meru", "hyden"])
def test_everything_but_the_encoders_is_a_small_part_of_a_step(method: str) -> None:
    found = measured(method)
    outside = found["step processor"] - found["encoders processor"]
    assert outside <= 0.15 * found["step processor"]


def test_two_cores_train_fifteen_films_a_second() -> None:
    busy = os.getloadavg()[0]
    if busy > 1:
        pytest.skip(f"load {busy:.1f}: others use the cores that this would measure")
    found = measured("clip", threads=2)
    assert BATCH / found["step wall"] >= 15, "films a second, on two cores that nobody else uses"


def main(what: str) -> None:
    """Measure one way or one method and print seconds as JSON."""
    import medvis  # noqa: F401  before timm
    from train import memory

    if what not in WAYS[:2]:
        memory.keep()
    found = encoders(channels_last=what != WAYS[0])
    if what not in WAYS:
        found |= steps(what)
    sys.stdout.write(json.dumps({name: round(value, 4) for name, value in found.items()}) + "\n")


def encoders(*, channels_last: bool) -> dict[str, float]:
    """Return what both encoders take forward and backward."""
    from medvis.models import image, text

    seen, read = image.load("embedded:efficientnet-lite0", size=SIDE), text.fresh(report_words())
    net = seen.backbone.net.train()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net.to(memory_format=layout)
    films = torch.rand(BATCH, 3, SIDE, SIDE).contiguous(memory_format=layout)
    tokens = read.train().tokens([" ".join(report_words()[:WORDS])] * BATCH)

    def images() -> None:
        maps = net.forward_intermediates(films, indices=seen.backbone.indices, intermediates_only=True)
        sum(one.mean() for one in maps).backward()

    def texts() -> None:
        read(tokens).whole.mean().backward()

    image_spent, text_spent = spent(images), spent(texts)
    return {f"encoders {unit}": image_spent[unit] + text_spent[unit] for unit in image_spent}


def steps(method: str) -> dict[str, float]:
    """Return what a step of the real loop takes on films on disk."""
    from medvis.data.cohort import Cohort
    from medvis.models import text, tower
    from train import loop, start, work
    from train.config import Train

    with tempfile.TemporaryDirectory() as home:
        os.environ["MEDVIS_HOME"] = home
        cohort(Path(home) / "cohorts" / "made")
        read = text.fresh(report_words())
        about = {"kind": "text", "record": read.record.json(), "tokenizer": read.tokenizer.json}
        digest = tower.write(Path(home), read.state_dict(), about)
        train = Train(
            method, "made", "run", text=f"{home}/{digest}.safetensors", frozen=False, batch=BATCH, thaw=1.0
        )
        made = Cohort.open(Path(home) / "cohorts" / "made")
        what = work.build(train, made, start.model(train, made, Path(home), {}))
        plan = what.plan.steps(0)
        return {
            f"step {unit}": value for unit, value in spent(lambda: loop.step(what, 0, next(plan))).items()
        }


def cohort(path: Path) -> None:
    """Make a cohort of noise whose reports are as long as real ones."""
    import random

    import numpy as np

    from medvis.data.cohort import create
    from medvis.types import Film, Radiograph, Report, Study

    def studies() -> object:
        for at in range(2 * BATCH):
            words = random.Random(at).choices(report_words(), k=WORDS)
            pixels = np.random.default_rng(at).random((256, 220), np.float32)
            study = Study(f"S{at}", f"P{at}", "train", (Film("", 1, 1),), Report(" ".join(words), ""))
            yield study, (Radiograph(pixels),)

    create(path, studies(), name="made", source="bench", about={})  # type: ignore[arg-type]


def report_words() -> list[str]:
    """Return words that are one token each."""
    return [first + second for first in "abcdefghij" for second in "abcdefghijklmnopqrst"]


def spent(call: Callable[[], object]) -> dict[str, float]:
    """Return the least wall seconds of a call, and its processor seconds; one to warm up.

    On a machine that others use too, wall time measures them; processor time of one thread does not.
    """
    call()
    wall, processor = [], []
    for _ in range(STEPS):
        began, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return {"wall": min(wall), "processor": min(processor)}


if __name__ == "__main__":
    main(sys.argv[1])
