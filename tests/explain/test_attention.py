"""Maps are in multiples of uniform, belong to their words, and say when they say nothing."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from medvis import methods
from medvis.data import report
from medvis.explain import attention
from medvis.explain.attention import WordMaps, flat, times_uniform, word_maps
from medvis.types import Encoded, Report, Sentence

GRID, WIDTH = (3, 4), 16
REAL = torch.tensor([[True] * 4, [True] * 4, [False] * 4]).flatten()
SENTENCES = report.sentences(Report("The heart is large. No effusion.", "Large heart."))


def vector(text: str, width: int = WIDTH) -> torch.Tensor:
    seed = int.from_bytes(text.encode()[:7], "big")
    return torch.randn(width, generator=torch.Generator().manual_seed(seed))


class Reader:
    """Reads texts to a vector a text and a word, and remembers what it was given."""

    def __init__(self, limit: int = 99) -> None:
        self.limit, self.read = limit, []

    def __call__(self, texts: Sequence[str]) -> Encoded:
        self.read.append(list(texts))
        words = [[word.text for word in report.words(text)] for text in texts]
        most = max(map(len, words))
        parts, real = torch.zeros(len(texts), most, WIDTH), torch.zeros(len(texts), most, dtype=torch.bool)
        for i, row in enumerate(words):
            for k, word in enumerate(row[: self.limit]):
                parts[i, k], real[i, k] = vector(word), True
        return Encoded("text", torch.stack([vector(text) for text in texts]), parts, real)


def image() -> Encoded:
    parts = torch.randn(1, 12, WIDTH, generator=torch.Generator().manual_seed(1))
    return Encoded("image", parts.mean(1), parts, REAL[None], GRID)


def method(name: str) -> methods.Method:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return methods.build(name, WIDTH, WIDTH, {}).eval()


def made(name: str, sentences: Sequence[Sentence] = SENTENCES, limit: int = 99) -> tuple[WordMaps, Reader]:
    reader = Reader(limit)
    with torch.inference_mode():
        return word_maps(method(name), sentences, reader, image()), reader


def test_uniform_attention_is_one_everywhere_and_unknown_outside_the_film() -> None:
    maps = times_uniform(torch.where(REAL, 1 / 8, 0.0)[None], REAL, GRID)
    np.testing.assert_allclose(maps[0, :2], 1)
    assert np.isnan(maps[0, 2]).all()


def test_all_attention_on_one_cell_is_as_many_times_uniform_as_there_are_cells() -> None:
    one = torch.zeros(1, 12)
    one[0, 5] = 1
    maps = times_uniform(one, REAL, GRID)
    assert maps[0, 1, 1] == 8
    assert np.nansum(maps) == 8


@pytest.mark.parametrize("name", methods.discover())
def test_every_map_of_every_method_is_one_on_average(name: str) -> None:
    maps, _ = made(name)
    known = maps.maps[:, :2].reshape(len(maps.units), -1)
    np.testing.assert_allclose(known.mean(1), 1, rtol=1e-5)
    assert np.isnan(maps.maps[:, 2]).all()


@pytest.mark.parametrize("name", methods.discover())
def test_every_word_and_sentence_has_its_map(name: str) -> None:
    maps, _ = made(name)
    wanted = {(one.id, k) for one in SENTENCES for k in range(-1, len(one.words))}
    assert set(maps.units) == wanted


def test_a_word_in_context_belongs_to_where_it_stands_impression_first() -> None:
    maps, reader = made("hyden")
    assert reader.read == [["Large heart. The heart is large. No effusion."]]
    heart = next(k for k, word in enumerate(SENTENCES[0].words) if word.text == "heart")
    same = maps.of("f0", heart)
    with torch.inference_mode():
        wanted = method("hyden").attend(vector("heart")[None], image().parts[0], REAL)
    np.testing.assert_allclose(same, times_uniform(wanted, REAL, GRID)[0], rtol=1e-5)
    assert maps.context == attention.IN_CONTEXT


def test_a_word_read_alone_is_read_once_in_any_case() -> None:
    maps, reader = made("clip")
    assert reader.read == [["large", "heart", "the", "is", "no", "effusion"]]
    np.testing.assert_array_equal(maps.of("f0", 1), maps.of("i0", 1))
    assert maps.context == attention.ALONE


def test_what_the_model_does_not_read_has_no_map() -> None:
    maps, _ = made("hyden", limit=4)
    assert maps.of("i0", 1) is not None
    assert maps.of("f0", 1) is not None  # the fourth word
    assert maps.of("f0", 2) is None
    assert maps.of("f1") is None


def test_a_sentence_looks_where_its_words_look_on_average() -> None:
    maps, _ = made("meru")
    mean = np.mean([maps.of("f1", 0), maps.of("f1", 1)], axis=0)
    np.testing.assert_allclose(maps.of("f1"), mean, rtol=1e-6)


def test_likeness_is_the_correlation_with_the_other_words() -> None:
    words = np.array([[[1.0, 2.0, 3.0, np.nan]], [[1.0, 3.0, 2.0, np.nan]]], np.float32)
    gathered = attention._gather([("f0", 0), ("f1", 0)], words, method("clip"))
    assert gathered.units == (("f0", 0), ("f1", 0), ("f0", -1), ("f1", -1))
    np.testing.assert_allclose(gathered.likeness, 0.5, atol=1e-6)  # covariance 1, variances 2
    same = attention._gather([("f0", 0), ("f0", 1)], words[[0, 0]], method("clip"))
    np.testing.assert_allclose(same.likeness[:2], 1, atol=1e-6)
    assert math.isnan(same.likeness[2])  # there are no words beside this sentence


def test_a_report_of_one_word_is_like_no_other() -> None:
    alone = report.sentences(Report("Normal.", ""))
    maps, _ = made("hyden", alone)
    assert all(math.isnan(r) for r in maps.likeness)


def test_without_a_report_there_are_no_maps() -> None:
    maps, reader = made("hyden", ())
    assert maps.units == ()
    assert maps.maps.shape == (0, *GRID)
    assert reader.read == []


def test_noise_below_one_and_a_half_times_uniform_is_flat() -> None:
    cells = np.array([[1.0, 1.12], [0.9, np.nan]], np.float32)
    assert flat(cells)
    cells[0, 0] = 1.5
    assert not flat(cells)
