import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity

from medvis.data import report
from medvis.errors import BadWeights
from medvis.models import text, tower, weights
from medvis.models.record import TextRecord
from medvis.models.text import TextEncoder

REPORTS = ("The heart is enlarged.", "Small left pleural effusion, unchanged.", "No pneumothorax.")


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return text.load("embedded:minilm")


@pytest.fixture(scope="module")
def small() -> TextEncoder:
    return text.fresh(REPORTS, layers=2, width=64)


def test_embedded_weights_know_that_two_words_mean_one_thing(minilm: TextEncoder) -> None:
    heart, same, other = minilm.encode(
        ["The heart is enlarged.", "Cardiomegaly is present.", "Stock markets fell today."]
    ).whole
    assert cosine_similarity(heart, same, 0) > 0.5
    assert cosine_similarity(heart, other, 0) < 0.2


def test_parts_are_the_words_that_the_report_knows(minilm: TextEncoder) -> None:
    one = "Mild cardiomegaly; no pneumothorax (AP)."
    found = minilm.encode([one])
    assert found.parts.shape[1] == len(report.words(one)) == 5
    assert found.real.all()


def test_a_word_is_the_mean_of_its_pieces(small: TextEncoder) -> None:
    tokens = small.tokens(["heart xyzzy"])
    pieces = list(tokens.words[0][1])
    assert len(pieces) > 1
    with torch.inference_mode():
        hidden = small.net(input_ids=tokens.ids, attention_mask=tokens.real.long()).last_hidden_state
        found = small(tokens)
    torch.testing.assert_close(found.parts[0, 1], hidden[0, pieces].mean(0))
    torch.testing.assert_close(found.whole[0], hidden[0].mean(0))


def test_padding_and_order_change_nothing(small: TextEncoder) -> None:
    texts = [REPORTS[2], REPORTS[1], "", REPORTS[0]] * 12  # more than one chunk
    found = small.encode(texts)
    for row in (0, 1, 2, 3, 47):
        alone = small.encode([texts[row]])
        words = len(report.words(texts[row]))
        torch.testing.assert_close(found.whole[row], alone.whole[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.parts[row, :words], alone.parts[0, :words], rtol=1e-4, atol=1e-5)
        assert int(found.real[row].sum()) == words
        assert not found.parts[row, words:].any()


def test_a_word_that_was_cut_off_is_not_real() -> None:
    encoder = text.fresh(REPORTS, layers=1, width=64, limit=8)
    found = encoder.encode(["heart " * 30])
    assert found.parts.shape[1] == 30
    assert found.real[0].tolist() == [True] * 6 + [False] * 24


def test_a_tower_brings_encoder_and_tokenizer_back(small: TextEncoder, tmp_path: Path) -> None:
    about = {"kind": "text", "record": small.record.json(), "tokenizer": small.tokenizer.json}
    digest = tower.write(tmp_path, small.state_dict(), about)
    again = text.load(str(tmp_path / f"{digest}.safetensors"))
    assert again.record == small.record == TextRecord.of(json.loads(json.dumps(small.record.json())))
    one, two = small.encode(REPORTS), again.encode(REPORTS)
    assert torch.equal(one.whole, two.whole)
    assert torch.equal(one.parts, two.parts)


def test_random_weights_say_so_loudly_and_read_anything(caplog: pytest.LogCaptureFixture) -> None:
    encoder = text.load("random")
    assert encoder.record.random
    assert "random" in caplog.text
    assert encoder.encode(["Pneumothorax 7"]).real.all()


def test_a_text_model_of_transformers_is_read_as_it_was_pooled(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "heart", "is", "large", "##r"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    BertTokenizerFast.from_pretrained(str(tmp_path)).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(tmp_path)
    first = text.load(f"hf:{tmp_path}")
    assert first.record.pooling == "first"
    found = first.encode(["heart is larger"])
    assert found.parts.shape == (1, 3, 32)
    tokens = first.tokens(["heart is larger"])
    with torch.inference_mode():
        hidden = first.net(input_ids=tokens.ids, attention_mask=tokens.real.long()).last_hidden_state
    torch.testing.assert_close(found.whole, hidden[:, 0])
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    mean = text.load(f"hf:{tmp_path}")
    assert mean.record.pooling == "mean"
    torch.testing.assert_close(mean.encode(["heart is larger"]).whole, hidden.mean(1))


def test_an_image_source_is_no_text_encoder() -> None:
    with pytest.raises(BadWeights, match="no text encoder"):
        text.load("embedded:efficientnet-lite0")


def test_digests_follow_the_tensors(small: TextEncoder) -> None:
    state = small.state_dict()
    name = next(iter(state))
    other = {**state, name: state[name] + 1e-7}
    assert weights.digest_of(state) == weights.digest(small)
    assert weights.digest_of(other) != weights.digest_of(state)
