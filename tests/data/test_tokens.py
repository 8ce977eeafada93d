import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvis.data import report
from medvis.data.tokens import Tokenizer
from medvis.errors import BadWeights

TEXTS = ["No focal consolidation, effusion or pneumothorax.", "Mild cardiomegaly; x-ray 5.5 cm ___ XXXX."] * 3
TOKENIZER = Tokenizer.train(TEXTS, 120)


def spelled(tokenizer: Tokenizer, text: str, limit: int = 512) -> list[str]:
    """What the tokens of each word spell."""
    tokens = tokenizer.tokens([text], limit)
    vocabulary = {number: piece for piece, number in tokenizer._backend.get_vocab().items()}
    return [
        "".join(vocabulary[int(tokens.ids[0, place])].removeprefix("##") for place in places)
        for places in tokens.words[0]
    ]


def test_pieces_of_a_word_spell_it() -> None:
    text = "No effusion; x-ray 5.5 cm."
    assert spelled(TOKENIZER, text) == ["no", "effusion", "x", "ray", "5", "5", "cm"]
    assert [word.text.lower() for word in report.words(text)] == spelled(TOKENIZER, text)


@given(st.text(max_size=60))
def test_every_word_of_any_text_has_its_tokens_in_order(text: str) -> None:
    text = report.squeeze(text)
    tokens = TOKENIZER.tokens([text], 10_000)
    assert len(tokens.words[0]) == len(re.findall(r"\w+", text))
    flat = [place for places in tokens.words[0] for place in places]
    assert flat == sorted(flat), "words are out of order"
    assert all(0 < place < tokens.ids.shape[1] - 1 for place in flat), "a special token belongs to a word"
    for word, places in zip(report.words(text), tokens.words[0], strict=True):
        assert places or not word.text.isascii(), f"{word.text!r} has no token"


def test_cut_words_have_no_tokens_and_the_end_mark_stays() -> None:
    tokens = TOKENIZER.tokens(["effusion or effusion or effusion"], 5)
    assert [len(places) > 0 for places in tokens.words[0]] == [True, True, True, False, False]
    assert tokens.ids.shape[1] == 5
    assert tokens.ids[0, 0] == TOKENIZER._backend.token_to_id("[CLS]")
    assert tokens.ids[0, -1] == TOKENIZER._backend.token_to_id("[SEP]")


def test_padding_is_not_real_and_batches_do_not_matter() -> None:
    together = TOKENIZER.tokens(["effusion", "no focal effusion or pneumothorax"], 64)
    alone = TOKENIZER.tokens(["effusion"], 64)
    count = int(together.real[0].sum())
    assert count == alone.ids.shape[1]
    assert together.ids[0, :count].tolist() == alone.ids[0].tolist()
    assert set(together.ids[0, count:].tolist()) == {TOKENIZER.pad_id}
    assert together.words[0] == alone.words[0]


def test_no_text_is_no_tokens() -> None:
    assert TOKENIZER.tokens([], 8).ids.shape == (0, 0)
    assert TOKENIZER.tokens([""], 8).words == ((),)


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        TOKENIZER.tokens(["effusion"], 2)


def test_written_and_read_it_is_the_same(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokens.json")
    again = Tokenizer.load(tmp_path / "tokens.json")
    assert again.json == TOKENIZER.json
    assert again.size == TOKENIZER.size <= 120
    assert again.mask_id == 4


def test_training_twice_gives_the_same() -> None:
    for vocabulary in (90, 120):
        assert len({Tokenizer.train(TEXTS, vocabulary).json for _ in range(5)}) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"model": 1}'])
def test_a_damaged_file_is_a_named_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    with pytest.raises(BadWeights):
        Tokenizer.load(path)
    with pytest.raises(BadWeights):
        Tokenizer.load(tmp_path / "missing.json")


def byte_level() -> Tokenizer:
    """A tokenizer of the other family: byte-level BPE whose pieces start with their space."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, processors, trainers

    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<pad>", "<mask>"], show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    backend.enable_truncation(4)
    backend.enable_padding(length=50)
    return Tokenizer(backend.to_str())


def test_byte_level_pieces_find_their_words_and_built_in_limits_are_ignored() -> None:
    tokenizer = byte_level()
    assert [piece.strip("Ġ") for piece in spelled(tokenizer, "No effusion or effusion")] == [
        "No", "effusion", "or", "effusion",
    ]  # fmt: skip
    assert tokenizer.mask_id == 1
    assert tokenizer.tokens(["effusion"], 40).ids.shape[1] < 20
    assert all(tokenizer.tokens(["effusion or effusion or effusion"], 40).words[0])


def test_the_name_of_a_special_token_in_a_text_is_a_word() -> None:
    tokenizer = Tokenizer.train(["mask sep effusion [ ]"], 60)
    found = tokenizer.tokens(["[MASK] effusion [SEP]"], 16)
    assert tokenizer.mask_id not in found.ids[0].tolist()
    assert all(found.words[0]), "each word has tokens of its own"
