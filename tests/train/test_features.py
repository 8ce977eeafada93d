from collections.abc import Callable

import pytest
import torch

from medvis.data import frame, places
from medvis.data.cohort import Cohort
from medvis.models import image, text
from train import features, pairs


def test_cached_films_are_what_the_encoder_sees(small_cohort: Callable[[int], Cohort]) -> None:
    cohort = small_cohort(20)
    encoder = image.load("random:resnet10t", size=64)
    studies = cohort.studies()
    films = features.films(encoder, cohort, studies)
    wanted = [studies[7].id, studies[2].id, studies[7].id]
    found = films.encoded(wanted)
    pixels, seen, _ = frame.fit(cohort.radiograph(studies[7].films[0]).pixels, 64)
    with torch.inference_mode():
        direct = encoder(pixels[None], seen[None])
    torch.testing.assert_close(found.whole[:1], direct.whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.parts[:1], direct.parts, rtol=2e-3, atol=2e-3)
    assert torch.equal(found.real[:1], direct.real)
    assert torch.equal(found.whole[0], found.whole[2])
    assert not torch.equal(found.whole[0], found.whole[1])
    assert found.grid == direct.grid


def test_cached_texts_are_what_the_encoder_reads() -> None:
    encoder = text.fresh(["heart is large"], layers=1, width=64, limit=12)
    read = features.texts(encoder, ["heart is large", "", "no effusion", "heart " * 20, "no effusion"])
    found = read.encoded(["no effusion", "heart " * 20, ""])
    direct = encoder.encode(["no effusion", "heart " * 20, ""])
    torch.testing.assert_close(found.whole, direct.whole, rtol=1e-4, atol=1e-5)
    words = found.parts.shape[1]
    assert words == 10, "words that were cut off need no room"
    assert torch.equal(found.real, direct.real[:, :words])
    torch.testing.assert_close(found.parts, direct.parts[:, :words], rtol=2e-3, atol=2e-3)


def test_nothing_is_encoded_twice(small_cohort: Callable[[int], Cohort]) -> None:
    cohort = small_cohort(6)
    encoder = image.load("random:resnet10t", size=64)
    first = features.films(encoder, cohort, cohort.studies())
    written = {path: path.stat().st_mtime_ns for path in places.features().rglob("*.safetensors")}
    features.films(encoder, cohort, cohort.studies())
    assert written == {path: path.stat().st_mtime_ns for path in places.features().rglob("*.safetensors")}
    features.films(image.load("random:resnet10t", size=64, seed=1), cohort, cohort.studies())
    assert len(list(places.features().rglob("*.safetensors"))) == 2, "another encoder has another cache"
    next(iter(written)).unlink()
    again = features.films(encoder, cohort, cohort.studies())
    ids = [study.id for study in cohort.studies()]
    assert torch.equal(first.encoded(ids).whole, again.encoded(ids).whole)


def test_rows_are_found_across_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SHARD", 3)
    encoder = text.fresh(["a b c d e f g h i j"], layers=1, width=64)
    texts = [f"{letter} {'b ' * number}" for number, letter in enumerate("abcdefgh")]
    found = features.texts(encoder, texts).encoded(texts[::-1])
    direct = encoder.encode(texts[::-1])
    torch.testing.assert_close(found.whole, direct.whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.parts, direct.parts, rtol=2e-3, atol=2e-3)


def test_films_that_learn_are_kept_in_grey_levels(small_cohort: Callable[[int], Cohort]) -> None:
    cohort = small_cohort(4)
    kept = features.pixels(cohort, cohort.studies(), 48)
    films, seen = kept.fitted([cohort.studies()[3].id])
    pixels, share, _ = frame.fit(cohort.radiograph(cohort.studies()[3].films[0]).pixels, 48)
    torch.testing.assert_close(films[0], pixels, rtol=0, atol=0.5 / 255 + 1e-6)
    torch.testing.assert_close(seen[0], share, rtol=0, atol=0.5 / 255 + 1e-6)


def test_moves_keep_sides_and_mask_what_comes_in(generator: torch.Generator) -> None:
    films = torch.zeros(8, 1, 64, 64)
    films[..., 28:36, 44:52] = 1  # on the right of the picture
    seen = torch.ones_like(films)
    seen[..., :8] = 0
    moved, share = pairs.moved(films, seen, generator)
    columns = torch.arange(64.0)
    centre = (moved.sum((1, 2)) * columns).sum(1) / moved.sum((1, 2, 3))
    assert (centre > 38).all(), "a film was mirrored"
    assert centre.std() > 0.5, "nothing moved"
    assert (moved[share < 1e-3] == 0).all()
    assert 0.9 < moved.max() <= 1, "the padding's darkness bled into the film"
