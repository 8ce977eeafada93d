"""Words to token ids and back: each word knows its tokens by their place in the text."""

from collections.abc import Sequence
from pathlib import Path

import tokenizers
import torch

from medvis.data import aside, report
from medvis.errors import BadWeights
from medvis.types import Tokens

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ALSO = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}


class Tokenizer:
    """A tokenizer in the JSON format of the `tokenizers` library.

    Cutting and padding that are part of the JSON are ignored: callers say their limit.

    Args:
        json: Its whole content, as `save` writes it.

    Raises:
        BadWeights: If the text is not a tokenizer.
    """

    def __init__(self, json: str) -> None:
        try:
            self._backend = tokenizers.Tokenizer.from_str(json)
        except Exception as error:
            # The library raises bare Exception; its message may quote the file.
            raise BadWeights(
                "This is no tokenizer.", remedy="Restore tokens.json or load it again."
            ) from error
        self._backend.no_padding()
        self._backend.no_truncation()
        self._backend.encode_special_tokens = True  # "[MASK]" in a text is a word, not a command

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a tokenizer from its file.

        Raises:
            BadWeights: If the file is missing, not text or not a tokenizer.
        """
        try:
            return cls(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadWeights(f"{path} cannot be read as a tokenizer.", remedy="Restore the file.") from error

    @classmethod
    def train(cls, texts: Sequence[str], vocabulary: int) -> "Tokenizer":
        """Return lower-case WordPiece with a vocabulary of its own, the same for the same texts.

        Args:
            texts: What it is to read well.
            vocabulary: Most tokens, special ones included.
        """
        from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

        split, clean = pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=True)
        letters = sorted({letter for text in texts for letter in clean.normalize_str(text) if letter.strip()})
        # The trainer numbers letters in the order of a random hash and breaks ties by number; told
        # beforehand as special tokens, they have numbers of their own and training repeats exactly.
        known = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocabulary, special_tokens=known, limit_alphabet=0, show_progress=False
        )
        learner = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))  # type: ignore[call-arg,unused-ignore]
        learner.normalizer, learner.pre_tokenizer = clean, split
        learner.train_from_iterator(texts, trainer)
        backend = tokenizers.Tokenizer(models.WordPiece(learner.get_vocab(), unk_token="[UNK]"))
        backend.add_special_tokens(list(SPECIAL))
        backend.normalizer, backend.pre_tokenizer, backend.decoder = clean, split, decoders.WordPiece()
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")],
        )
        return cls(backend.to_str())

    @property
    def json(self) -> str:
        """Its whole content."""
        return str(self._backend.to_str())

    @property
    def size(self) -> int:
        """How many tokens there are, special ones included."""
        return int(self._backend.get_vocab_size())

    @property
    def pad_id(self) -> int:
        """Id of the padding token; 0 if it has none."""
        return self._special("[PAD]", 0)

    @property
    def mask_id(self) -> int:
        """Id of the token that hides another.

        Raises:
            ValueError: If it has none.
        """
        return self._special("[MASK]", None)

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all."""
        with aside.writing(path) as beside:
            beside.write_text(self.json, encoding="utf-8")

    def tokens(self, texts: Sequence[str], limit: int) -> Tokens:
        """Return texts as tokens, with the positions of the tokens of each word.

        A token belongs to every word that it shares a character with, mostly one; special tokens,
        punctuation and white space belong to none. Words behind the cut have no tokens, nor have words
        that the tokenizer drops altogether.

        Args:
            texts: Any texts; their words are those of `report.words`.
            limit: Most tokens of a text, special ones included; the rest is cut.

        Raises:
            ValueError: If no token fits beside the special ones.
        """
        room = limit - self._backend.num_special_tokens_to_add(False)
        if room < 1:
            raise ValueError(f"a limit of {limit} tokens leaves no room beside the special ones")
        encodings = []
        for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False):
            encoding.truncate(room)
            encodings.append(self._backend.post_process(encoding))
        longest = max((len(encoding.ids) for encoding in encodings), default=0)
        ids = torch.full((len(encodings), longest), self.pad_id, dtype=torch.int64)
        real = torch.zeros(len(encodings), longest, dtype=torch.bool)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids, dtype=torch.int64)
            real[row, : len(encoding.ids)] = True
        return Tokens(ids, real, tuple(map(_words, texts, encodings)))

    def _special(self, name: str, otherwise: int | None) -> int:
        found = self._backend.token_to_id(name)
        found = self._backend.token_to_id(_ALSO[name]) if found is None else found
        if found is None and otherwise is None:
            raise ValueError(f"this tokenizer has no {name}")
        return int(otherwise if found is None else found)  # type: ignore[arg-type]


def _words(text: str, encoding: "tokenizers.Encoding") -> tuple[tuple[int, ...], ...]:
    """Return the positions of the tokens of each word, by one walk along both."""
    words = report.words(text)
    found: list[list[int]] = [[] for _ in words]
    first = 0
    for position, ((start, stop), special) in enumerate(
        zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    ):
        if special:
            continue
        while first < len(words) and words[first].stop <= start:
            first += 1
        for number in range(first, len(words)):
            if words[number].start >= stop:
                break
            found[number].append(position)
    return tuple(map(tuple, found))
