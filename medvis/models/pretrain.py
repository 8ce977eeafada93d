"""A small text encoder from scratch: its own word pieces, then masked words of a cohort's reports."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from tqdm import tqdm

from medvis.errors import BadWeights
from medvis.types import Tokens

from . import schedule, text
from .text import TextEncoder

SIZES = {"small": (4, 256), "base": (6, 384)}  # layers, width
SHARE = 0.15  # of the word pieces are guessed (BERT's)

log = logging.getLogger(__name__)


def pretrain(
    texts: Sequence[str],
    *,
    size: Literal["small", "base"] = "small",
    steps: int = 300,
    batch: int = 32,
    rate: float = 5e-4,
    limit: int = text.LIMIT,
    seed: int = 0,
) -> TextEncoder:
    """Return a BERT trained to guess masked word pieces.

    Args:
        texts: Reports, best with their sentences and sections as texts of their own.
        size: "small" 4 x 256, "base" 6 x 384.
        steps: Batches.
        batch: Texts a batch.
        rate: Highest learning rate; warm-up over a tenth, then down to 0.
        limit: Tokens read of a text.
        seed: Draws weights, order and masks: the same seed gives the same encoder on one machine.

    Raises:
        BadWeights: If there is no text to learn from.
    """
    from transformers import BertConfig, BertForMaskedLM

    texts = sorted({one for one in texts if one.strip()})
    if not texts:
        raise BadWeights("There is no text to train a text encoder on.", remedy="Use embedded:minilm.")
    layers, width = SIZES[size]
    encoder = text.fresh(texts, limit=limit, layers=layers, width=width, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout
        model = BertForMaskedLM(BertConfig(**encoder.record.config))
        model.bert = encoder.net
        model.tie_weights()
        _fit(model.train(), encoder, texts, steps=steps, batch=batch, rate=rate, seed=seed)
    about = f"trained by masked words on {len(texts)} texts, {steps} steps"
    log.info("Text encoder %s x %s: %s.", layers, width, about)
    record = dataclasses.replace(encoder.record, source="own", about=about, random=False)
    return TextEncoder(encoder.net, encoder.tokenizer, record).eval()


def mask(
    tokens: Tokens, mask_id: int, vocabulary: int, generator: torch.Generator
) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
    """Return ids with some hidden, and the hidden ones (-100 elsewhere).

    Of those chosen 80 % become the mask, 10 % another piece, 10 % stay (BERT, section 3.1). At least one
    piece of a batch is chosen.
    """
    words = _in_words(tokens)
    draw = torch.rand(words.shape, generator=generator)
    chosen = (draw < SHARE) & words
    if not chosen.any():
        chosen.view(-1)[torch.where(words, draw, 2.0).argmin()] = True
    how = torch.rand(words.shape, generator=generator)
    other = torch.randint(vocabulary, words.shape, generator=generator)
    ids = torch.where(chosen & (how < 0.8), mask_id, tokens.ids)
    ids = torch.where(chosen & (how >= 0.9), other, ids)
    return ids, torch.where(chosen, tokens.ids, -100)


def _fit(
    model: Any,  # noqa: ANN401  transformers' models share no type
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    bar = tqdm(range(steps), desc="masked words", disable=None)
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule.share(step, steps, 0.1)
        chosen = torch.randint(len(texts), (batch,), generator=generator).tolist()
        tokens = encoder.tokens([texts[at] for at in chosen])
        ids, guess = mask(tokens, encoder.tokenizer.mask_id, encoder.tokenizer.size, generator)
        loss = model(input_ids=ids, attention_mask=tokens.real.long(), labels=guess).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        bar.set_postfix(loss=f"{float(loss.detach()):.2f}")


def _in_words(tokens: Tokens) -> Bool[Tensor, "b t"]:
    """Return which tokens belong to words, so that no special token is ever hidden."""
    found = torch.zeros_like(tokens.real)
    for row, text_words in enumerate(tokens.words):
        for pieces in text_words:
            found[row, list(pieces)] = True
    return found
