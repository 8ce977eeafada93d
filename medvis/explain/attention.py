"""Where each word and each sentence of a report looks on a film, in multiples of uniform attention.

A map is shown in absolute units: 1 is what a model that looks everywhere alike would give a cell, and the
scale is never stretched to a map's own maximum, because stretched noise looks like a finding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medvis.methods.base import Method
from medvis.types import Encoded, Sentence

IN_CONTEXT = "Each word is read as it stands in the report."
ALONE = (
    "Each word is read alone; the paper has no attention, so this is its score with each cell, as a share."
)
FLAT = 1.5  # times uniform: a map that stays below it has no region that stands out


@dataclass(frozen=True)
class WordMaps:
    """Where words and sentences look.

    Attributes:
        units: Sentence id and index of the word in it, one pair a map; index -1 is the whole sentence.
        maps: Attention in multiples of uniform; NaN where the model saw no film.
        likeness: Correlation of each map with the mean map of the report's other words; NaN if there is
            none. Near 1 the map hardly depends on the word.
        context: How the model read a word, and what the map is made of, as a sentence for people.
    """

    units: tuple[tuple[str, int], ...]
    maps: Float[np.ndarray, "u gh gw"]
    likeness: Float[np.ndarray, " u"]
    context: str

    def of(self, sentence: str, word: int = -1) -> Float[np.ndarray, "gh gw"] | None:
        """Return one map; None if the model did not read that far."""
        unit = (sentence, word)
        return self.maps[self.units.index(unit)] if unit in self.units else None


def word_maps(
    method: Method, sentences: Sequence[Sentence], read: Callable[[Sequence[str]], Encoded], image: Encoded
) -> WordMaps:
    """Return the maps of all words and sentences that the model reads.

    Words come as the method wants them: as they stand in the report (impression first, as in training;
    what is cut off there has no map) or each read alone.

    Args:
        method: The method that attends.
        sentences: The report's sentences.
        read: Encodes texts; the parts of a text are its words.
        image: One film.
    """
    ordered = sorted(sentences, key=lambda sentence: sentence.section != "impression")
    owners = [(sentence.id, k) for sentence in ordered for k in range(len(sentence.words))]
    if not owners:
        return _gather([], np.zeros((0, *image.grid), np.float32), method)
    features, known = _words(method, ordered, read)
    real = image.real[0]
    attention = method.attend(features[known], image.parts[0], real)
    maps = times_uniform(attention, real, image.grid)
    return _gather([owner for owner, kept in zip(owners, known.tolist(), strict=True) if kept], maps, method)


def times_uniform(
    attention: Float[Tensor, "w p"], real: Bool[Tensor, " p"], grid: tuple[int, int]
) -> Float[np.ndarray, "w gh gw"]:
    """Return attention as multiples of uniform attention over the cells that show film.

    Args:
        attention: Rows that sum to 1 over the real cells.
        real: Which cells show film; the others become NaN.
        grid: Rows and columns of the cells.
    """
    times = torch.where(real, attention.double() * real.sum(), torch.nan)
    return times.reshape(-1, *grid).float().numpy()


def flat(cells: Float[np.ndarray, "gh gw"]) -> bool:
    """Return whether no region of a map stands out."""
    return bool(np.nanmax(cells) < FLAT)


def _words(
    method: Method, ordered: Sequence[Sentence], read: Callable[[Sequence[str]], Encoded]
) -> tuple[Float[Tensor, "w e"], Bool[Tensor, " w"]]:
    """Return a feature for every word in reading order and which of them the model read."""
    spelled = [word.text for sentence in ordered for word in sentence.words]
    if not method.words_in_context:
        alone = list(dict.fromkeys(word.lower() for word in spelled))
        encoded = read(alone)
        rows = [alone.index(word.lower()) for word in spelled]
        return encoded.whole[rows], encoded.real[rows].any(-1)
    encoded = read([" ".join(sentence.text for sentence in ordered)])
    read_words = min(len(spelled), encoded.real.shape[1])
    known = torch.zeros(len(spelled), dtype=torch.bool)
    known[:read_words] = encoded.real[0, :read_words]
    features = encoded.parts.new_zeros(len(spelled), encoded.parts.shape[-1])
    features[:read_words] = encoded.parts[0, :read_words]
    return features, known


def _gather(owners: list[tuple[str, int]], maps: Float[np.ndarray, "w gh gw"], method: Method) -> WordMaps:
    """Add the sentences, whose map is the mean of their words', and how much each map is its own."""
    units, stack = list(owners), list(maps)
    likeness = [_correlation(cells, np.delete(maps, k, axis=0)) for k, cells in enumerate(maps)]
    for sentence in dict.fromkeys(owner for owner, _ in owners):
        own = np.array([owner == sentence for owner, _ in owners])
        units.append((sentence, -1))
        stack.append(maps[own].mean(0))
        likeness.append(_correlation(stack[-1], maps[~own]))
    shaped = np.array(stack, np.float32).reshape(-1, *maps.shape[1:])
    context = IN_CONTEXT if method.words_in_context else ALONE
    return WordMaps(tuple(units), shaped, np.array(likeness, np.float32), context)


def _correlation(cells: Float[np.ndarray, "gh gw"], others: Float[np.ndarray, "n gh gw"]) -> float:
    """Return Pearson's correlation of a map with the mean of others; NaN if either is constant."""
    if not len(others):
        return float("nan")
    mean = others.mean(0)
    known = np.isfinite(cells) & np.isfinite(mean)
    x, y = cells[known] - cells[known].mean(), mean[known] - mean[known].mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / scale) if scale > 1e-9 else float("nan")
