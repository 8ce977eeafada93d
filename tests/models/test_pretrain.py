import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medvis.errors import BadWeights
from medvis.models import pretrain, schedule, text
from medvis.models.weights import digest

TEXTS = tuple(
    f"{side} {size} {finding} is {change}."
    for side in ("left", "right")
    for size in ("small", "large")
    for finding in ("effusion", "pneumothorax", "opacity")
    for change in ("new", "stable", "resolved")
)


def test_words_that_were_hidden_are_the_only_ones_guessed() -> None:
    encoder = text.fresh(TEXTS, layers=1, width=64)
    tokens = encoder.tokens(TEXTS)
    generator = torch.Generator().manual_seed(0)
    ids, guess = pretrain.mask(tokens, encoder.tokenizer.mask_id, encoder.tokenizer.size, generator)
    hidden = guess != -100
    assert torch.equal(ids[~hidden], tokens.ids[~hidden])
    assert torch.equal(guess[hidden], tokens.ids[hidden])
    special = torch.tensor([encoder.tokenizer.pad_id, int(tokens.ids[0, 0])])
    assert not torch.isin(guess[hidden], special).any(), "a special token was hidden"
    share = hidden.sum() / sum(len(word) for words in tokens.words for word in words)
    assert 0.08 < share < 0.25
    assert 0.6 < (ids[hidden] == encoder.tokenizer.mask_id).float().mean() < 0.95


def test_masked_words_teach_which_words_go_together() -> None:
    # "small" and "large" stand in the same places, "small" and "effusion" never do.
    encoder = pretrain.pretrain(TEXTS, steps=60, batch=16, rate=2e-3)
    assert encoder.record.source == "own"
    assert not encoder.record.random
    found = encoder.encode(["left small effusion is new.", "left large effusion is new."])
    random = text.fresh(TEXTS).encode(["left small effusion is new.", "left large effusion is new."])
    near, far = (
        (one.parts[0, 1] - one.parts[1, 1]).norm() / one.parts[0, 1].norm() for one in (found, random)
    )
    assert near < far


def test_no_text_is_refused() -> None:
    with pytest.raises(BadWeights, match="no text"):
        pretrain.pretrain(["", "  "])


def test_the_same_seed_trains_the_same_encoder() -> None:
    one, two = (pretrain.pretrain(TEXTS, steps=3, batch=4, seed=7) for _ in range(2))
    assert one.tokenizer.json == two.tokenizer.json
    assert digest(one) == digest(two)


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_a_rate_rises_once_and_falls_once(steps: int, warmup: float) -> None:
    shares = [schedule.share(step, steps, warmup) for step in range(steps)]
    top = max(range(steps), key=shares.__getitem__)
    assert all(0 < share <= 1 for share in shares)
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert math.isclose(schedule.share(steps, steps, warmup), 0, abs_tol=1e-12)
