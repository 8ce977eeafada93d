import dataclasses
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medvis.data import places
from medvis.data.cohort import Cohort, create
from medvis.errors import BadCohort, BadRun, BadSource, NonFinite
from medvis.models import text, tower
from medvis.models.text import TextEncoder
from medvis.store.runs import Run
from medvis.types import Film, Radiograph, Report, Study
from train import config, journal, loop, memory
from train.config import Train

Make = Callable[[int], Cohort]


@pytest.fixture
def quick(small_cohort: Make) -> Train:
    """A training of a few seconds on 20 made-up studies."""
    small_cohort(20)
    words = ["There is a small large left right effusion number. The heart is normal."]
    encoder = text.fresh(words, layers=2, width=64)
    about = {"kind": "text", "record": encoder.record.json(), "tokenizer": encoder.tokenizer.json}
    digest = tower.write(places.towers(), encoder.state_dict(), about)
    return Train(
        "clip", "small", "run", image="random:resnet10t", text=str(places.towers() / f"{digest}.safetensors"),
        pixels=64, steps=40, batch=4, validate=7, checkpoint=5, rate=1e-3, threads=1,
    )  # fmt: skip


def losses(folder: Path) -> list[tuple[int, float, float, float]]:
    lines = journal.read(folder / "log.jsonl")
    return [(line["step"], line["loss"], line["gradient"], line.get("validation", 0.0)) for line in lines]


def stopped(train: Train, folder: Path, stop: signal.Signals) -> None:
    """Train in another process and stop it after some steps."""
    child = multiprocessing.get_context("fork").Process(target=loop.train, args=(train,))
    child.start()
    assert child.pid is not None
    while len(journal.read(folder / "log.jsonl")) < 13:
        assert child.is_alive(), f"the training ended by itself: {child.exitcode}"
        time.sleep(0.001)
    os.kill(child.pid, stop)
    child.join()


@pytest.mark.parametrize(
    ("stop", "frozen"), [(signal.SIGKILL, True), (signal.SIGINT, True), (signal.SIGKILL, False)]
)
def test_a_training_that_was_stopped_gives_the_same_losses_to_the_bit(
    quick: Train, stop: signal.Signals, frozen: bool
) -> None:
    whole = dataclasses.replace(quick, frozen=frozen, to="whole", steps=40 if frozen else 18)
    loop.train(whole)
    train = dataclasses.replace(whole, to="stopped")
    folder = places.new_run("stopped")
    stopped(train, folder, stop)
    assert not (folder / "run.json").exists(), "it was stopped too late to show anything"
    run = loop.train(train)
    assert losses(folder) == losses(places.new_run("whole"))
    first, second = Run.open(places.new_run("whole")), Run.open(folder)
    assert first.record.hashes == second.record.hashes, "the weights differ"
    assert run.id == second.id


def test_a_method_learns_and_its_best_weights_become_the_run(quick: Train) -> None:
    train = dataclasses.replace(quick, image="embedded:efficientnet-lite0", sentences=0.0, rate=3e-3)
    run = loop.train(train)
    lines = journal.read(run.folder / "log.jsonl")
    validations = {line["step"]: line["validation"] for line in lines if "validation" in line}
    assert [line["step"] for line in lines] == list(range(1, 41))
    assert run.record.steps == min(validations, key=validations.__getitem__)
    assert sum(line["loss"] for line in lines[-5:]) < 0.7 * sum(line["loss"] for line in lines[:5])
    assert lines[0].keys() >= {"loss", "terms", "rate", "gradient", "scalars", "seconds"}
    assert {"image_length", "text_length"} <= lines[-1].keys()
    assert sorted(validations) == [7, 14, 21, 28, 35, 40]


def test_a_finished_training_is_not_trained_again(quick: Train) -> None:
    train = dataclasses.replace(quick, steps=2)
    assert loop.train(train).id == loop.train(train).id


def test_encoders_may_run_in_half_precision_and_all_above_stays_whole(quick: Train) -> None:
    run = loop.train(dataclasses.replace(quick, frozen=False, precision="bfloat16", steps=2, validate=2))
    kinds = {one.dtype for one in run.model().method.parameters()}
    lines = journal.read(run.folder / "log.jsonl")
    assert kinds == {torch.float32}
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_other_settings_need_another_name(quick: Train) -> None:
    loop.train(dataclasses.replace(quick, steps=2))
    with pytest.raises(BadRun, match="other settings: rate, steps"):
        loop.train(dataclasses.replace(quick, steps=3, rate=1e-4))


@pytest.mark.parametrize("method", ["hyden", "meru"])
def test_a_loss_that_is_not_a_number_stops_and_names_the_term(quick: Train, method: str) -> None:
    wild = dataclasses.replace(quick, method=method, rate=1e30, warmup=0.0, clip=1e30)
    with pytest.raises(NonFinite, match=r"Step \d+: the (term \w+|gradient of method)"):
        loop.train(wild)
    lines = journal.read(places.new_run("run") / "log.jsonl")
    assert all(torch.isfinite(torch.tensor(line["loss"])) for line in lines)


def test_encoders_that_learn_become_part_of_the_weights(quick: Train) -> None:
    run = loop.train(dataclasses.replace(quick, frozen=False, steps=3, validate=3))
    model = run.model()
    frozen = loop.train(dataclasses.replace(quick, steps=1, to="frozen")).model()
    assert run.record.towers == {}
    image, before = model.image.state_dict(), frozen.image.state_dict()
    assert any(not torch.equal(image[name], before[name]) for name in image)
    words, read = model.text.net, frozen.text.net
    assert torch.equal(words.embeddings.word_embeddings.weight, read.embeddings.word_embeddings.weight)
    lower, upper = (one.encoder.layer for one in (words, read))
    assert torch.equal(lower[0].output.dense.weight, upper[0].output.dense.weight)
    assert not torch.equal(lower[1].output.dense.weight, upper[1].output.dense.weight)


@pytest.mark.parametrize("source", ["own", "random"])
def test_a_text_encoder_made_for_a_run_is_found_again(quick: Train, source: str) -> None:
    train = dataclasses.replace(quick, text=source, text_steps=2, steps=1)
    encoder: TextEncoder = loop.train(train).model().text
    assert encoder.record.source == source
    assert encoder.record.random == (source == "random")
    assert encoder.encode(["left effusion"]).real.all()


def test_settings_of_the_method_are_read_as_what_they_are(quick: Train) -> None:
    train = dataclasses.replace(quick, steps=1, config=("dims=32",))
    run = loop.train(train)
    assert run.record.config["dims"] == 32
    assert run.model().method.place(run.model().text.encode(["x"])).whole.mean.shape == (1, 32)
    with pytest.raises(BadSource, match="no setting 'dim'"):
        loop.train(dataclasses.replace(quick, to="other", config=("dim=32",)))
    with pytest.raises(BadSource, match="no int"):
        loop.train(dataclasses.replace(quick, to="other", config=("dims=many",)))


def test_a_cohort_without_pairs_says_so(quick: Train, home: Path) -> None:
    with pytest.raises(BadCohort, match="too few"):
        loop.train(dataclasses.replace(quick, cohort=_only_validation(home).name))


def _only_validation(home: Path) -> Cohort:
    films = Radiograph(np.zeros((8, 8), np.float32))
    made = (
        (Study(f"S{at}", f"P{at}", "val", (Film("", 1, 1),), Report("clear", "")), (films,))
        for at in range(2)
    )
    return create(home / "cohorts" / "held", made, name="held", source="test", about={}, format="png")


@pytest.mark.parametrize("size", ["small", "base"])
def test_a_configuration_decides_everything(size: Any) -> None:
    train = Train("hyden", "c", "r", size=size)
    whole = config.record(train)
    assert not [name for name, value in whole.items() if value is None]
    assert "to" not in whole
    assert config.settings(train).frozen == (size == "small")
    assert config.settings(dataclasses.replace(train, batch=5)).batch == 5
    for name, value in {"batch": 1, "steps": 0, "pixels": 31, "sentences": 1.5, "validate": 0}.items():
        with pytest.raises(BadRun, match=f"{name} (is )?{value}"):
            config.settings(dataclasses.replace(train, **{name: value}))  # type: ignore[arg-type]


def test_kept_memory_is_a_claim_that_can_be_checked() -> None:
    assert memory.keep() == sys.platform.startswith("linux")


def test_a_cut_line_of_a_log_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    with journal.Journal(path, keep=2) as book:
        book.write({"step": 3, "again": True})
    assert [line["step"] for line in journal.read(path)] == [1, 2, 3]
    assert journal.read(path)[2]["again"]
