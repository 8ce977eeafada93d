import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from medvis.errors import BadRun
from train import checkpoint
from train.checkpoint import Checkpoint


def made(step: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    tensors = {
        "now.method.w": torch.randn(64, 64, generator=generator),
        "now.method.count": torch.tensor(step),
        "best.method.w": torch.randn(3, generator=generator).half(),
    }
    return Checkpoint(step, tensors, {"best_step": step - 1, "best_loss": 1 / 3})


def same(one: Checkpoint, two: Checkpoint) -> bool:
    return (
        one.step == two.step
        and one.facts["best_loss"] == two.facts["best_loss"]
        and one.tensors.keys() == two.tensors.keys()
        and all(torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items())
    )


def test_what_is_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, made(7))
    found = checkpoint.latest(tmp_path)
    assert found is not None
    assert same(found, made(7))


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path) is None
    for step in (2, 4, 100, 6, 8):
        checkpoint.save(tmp_path, made(step))
    assert [path.name for path in checkpoint.saved(tmp_path)] == ["step-6", "step-8", "step-100"]


@pytest.mark.parametrize("name", [checkpoint.TENSORS, checkpoint.FACTS, checkpoint.SUMS])
def test_a_flipped_bit_or_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, made(5)) / name
    content = path.read_bytes()
    for at in random.Random(0).sample(range(len(content)), min(20, len(content))):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises(BadRun, match="damaged"):
            checkpoint.latest(tmp_path)
    path.unlink()
    with pytest.raises(BadRun, match="damaged"):
        checkpoint.latest(tmp_path)


def test_a_list_of_hashes_must_name_both_files(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, made(5))
    lines = (path / checkpoint.SUMS).read_text().splitlines(keepends=True)
    (path / checkpoint.SUMS).write_text(lines[0])
    with pytest.raises(BadRun, match="damaged"):
        checkpoint.latest(tmp_path)


def test_an_optimizer_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    def fresh() -> tuple[torch.nn.Linear, torch.optim.Optimizer]:
        layer = torch.nn.Linear(3, 2)
        torch.nn.init.constant_(layer.weight, 0.5)
        torch.nn.init.zeros_(layer.bias)
        groups = [
            {"params": [layer.weight], "weight_decay": 0.1},
            {"params": [layer.bias], "weight_decay": 0.0},
        ]
        return layer, torch.optim.AdamW(groups, lr=0.1)

    def step(layer: torch.nn.Linear, optimizer: torch.optim.Optimizer, at: int) -> None:
        optimizer.zero_grad()
        layer(torch.randn(4, 3, generator=torch.Generator().manual_seed(at))).square().sum().backward()
        optimizer.step()

    layer, optimizer = fresh()
    for at in range(3):
        step(layer, optimizer, at)
    again, resumed = fresh()
    again.load_state_dict(layer.state_dict())
    path = checkpoint.save(tmp_path, Checkpoint(3, checkpoint.pack_optimizer(optimizer), {}))
    checkpoint.unpack_optimizer(resumed, checkpoint.read(path).tensors)
    for at in range(3, 6):
        step(layer, optimizer, at)
        step(again, resumed, at)
    assert torch.equal(layer.weight, again.weight)
    assert torch.equal(layer.bias, again.bias)
    assert resumed.param_groups[1]["weight_decay"] == 0


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    draw = random.Random(0)
    checkpoint.save(tmp_path, made(1))
    for _ in range(15):
        found = checkpoint.latest(tmp_path)
        assert found is not None
        assert same(found, made(found.step)), "half of a checkpoint was taken for a whole one"
        child = os.fork()
        if child == 0:
            for step in range(found.step + 1, found.step + 10_000):
                checkpoint.save(tmp_path, made(step))
            os._exit(0)
        time.sleep(draw.uniform(0.01, 0.12))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    last = checkpoint.latest(tmp_path)
    assert last is not None
    assert last.step > 1
    checkpoint.save(tmp_path, made(last.step + 1))
    left = [path.name for path in (tmp_path / "checkpoints").iterdir() if not path.name.startswith("step-")]
    assert not left, "what killed writers left was not swept"
