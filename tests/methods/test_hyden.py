"""HYDEN against its ingredients, written naively, and the three modes of a film's density."""

import math

import pytest
import torch
from small_methods import all_apart, build, drawn, encoded, learn
from torch.nn.functional import gelu, layer_norm

from medvis.geometry import gaussian
from medvis.methods import Method, shared
from medvis.methods.hyden import _hardest
from medvis.types import Encoded, Mode, Placed

EXACT = {"samples": 4000, "encapsulate_weight": 1.0, "gamma": 0.35, "margin": 1.4}


def pairs(count: int = 6, seed: int = 0) -> tuple[Encoded, Encoded]:
    return encoded("image", count, seed), encoded("text", count, seed + 1000)


def naive_fused(method: Method, image: Encoded, text: Encoded, i: int, t: int) -> torch.Tensor:
    """f = g + MLP[g; l] of one film given one text, patch by patch."""
    asked = method.text_mean.projection.linear.weight @ layer_norm(text.whole[t], (text.whole.shape[1],))
    asked = asked / asked.norm()
    weights, values = [], []
    for patch in image.parts[i][image.real[i]]:
        seen = layer_norm(patch, patch.shape)
        key = method.image_mean.projection.linear.weight @ seen
        weights.append(torch.exp(asked @ key / key.norm() / 0.1))
        values.append(method.value.weight @ seen)
    local = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    whole = layer_norm(image.whole[i], image.whole[i].shape)
    joined = torch.cat([whole, local])
    first = torch.cat([method.from_global.weight, method.from_local.weight], 1)  # the MLP's first layer
    hidden = gelu(first @ joined + method.from_global.bias)
    return whole + method.fusion.weight @ hidden + method.fusion.bias


@pytest.mark.parametrize(("i", "t"), [(0, 0), (2, 1), (5, 4)])
def test_a_film_given_a_text_is_its_global_features_fused_with_what_the_text_asks_for(i: int, t: int) -> None:
    method, (image, text) = build("hyden"), pairs()
    fused = naive_fused(method, image, text, i, t)
    found = method.place(image, text).whole[i, t]
    torch.testing.assert_close(found.mean, method.geometry.exp0(method.image_mean(fused)))
    torch.testing.assert_close(found.log_scale, method.image_spread(fused))


def test_a_film_alone_is_a_film_whose_local_features_are_0() -> None:
    method, (image, text) = build("hyden"), pairs()
    with torch.no_grad():
        method.value.weight.zero_()
    alone, given = method.place(image), method.place(image, text)
    assert (alone.mode, given.mode) == (Mode.GLOBAL, Mode.CONDITIONED)
    for t in range(6):
        torch.testing.assert_close(given.whole.mean[:, t], alone.whole.mean)


def test_the_words_of_a_report_look_as_the_report_does_when_they_all_mean_the_same() -> None:
    method, (image, text) = build("hyden"), pairs()
    words = text.whole[:1].expand(5, -1)
    maps = method.attend(words, image.parts[0], image.real[0])
    local = maps[0] @ method.value(layer_norm(image.parts[0], (24,)))
    torch.testing.assert_close(local, method._local(image[:1], text[:1])[0, 0])


def test_a_conditioned_score_is_the_same_from_either_side() -> None:
    method, (image, text) = build("hyden"), pairs()
    films, reports = method.place(image, text[:4]), method.place(text[:4])
    forward, backward = method.score(films, reports), method.score(reports, films)
    assert forward.shape == (6, 4)
    torch.testing.assert_close(forward, backward.T)
    one = method.geometry.dist_to(films.whole.mean[5, 2], reports.whole.mean[2])
    torch.testing.assert_close(forward[5, 2], -one)


def test_a_conditioned_film_is_compared_with_its_texts_only() -> None:
    method, (image, text) = build("hyden"), pairs()
    films = method.place(image, text)
    for query, gallery in ((films, films), (films, method.place(image))):
        with pytest.raises(ValueError, match="those texts only"):
            method.score(query, gallery)


def test_paired_places_would_find_their_report_from_random_features() -> None:
    method, (image, text) = build("hyden"), pairs(512)
    order, optimizer = drawn(), torch.optim.Adam(method.parameters(), lr=1e-2)
    for _ in range(100):  # the tempting mistake: contrast of films, each given its own report
        rows = torch.randperm(512, generator=order)[:16]
        reports = method.place(text[rows])
        scores = method.score(as_if_alone(method.place(image[rows], text[rows])), reports)
        optimizer.zero_grad()
        shared.both_ways(scores / 0.07, all_apart(16)).backward()
        optimizer.step()
    image, text = pairs(100, seed=7)  # features that have nothing to do with each other
    films, reports = method.place(image, text), method.place(text)
    assert standing(method.score(as_if_alone(films), reports)) > 0.7, "the report shines through its film"
    # Of 100 mean ranks the standard error is 0.03.
    assert abs(standing(method.score(films, reports)) - 0.5) < 0.12
    assert abs(standing(method.score(method.place(image), reports)) - 0.5) < 0.12
    with pytest.raises(ValueError, match="its own report"):
        method.score(films.paired(), reports)


def as_if_alone(films: Placed) -> Placed:
    """Paired places under a false name, as a careless index would hold them."""
    return Placed("image", films.paired().whole, Mode.GLOBAL)


def standing(scores: torch.Tensor) -> float:
    """Mean share of others that score below each film's own report; chance is 0.5."""
    return float((scores < scores.diagonal()[:, None]).float().mean()) * len(scores) / (len(scores) - 1)


def test_encapsulation_of_concentric_densities_by_hand() -> None:
    method, (image, text) = build("hyden", **EXACT, alone_weight=1.0), pairs()
    with torch.no_grad():
        for head in (method.image_mean, method.text_mean):
            head.projection.linear.weight.zero_()  # everything at the root
        for head, sigma in ((method.image_spread, 0.1), (method.text_spread, 0.4)):
            head.linear.weight.zero_()
            head.linear.bias.fill_(math.log(sigma))
    divergence = 0.5 * (1 / 16 - 1 + math.log(16))  # a dimension
    outside = divergence - 0.35
    loss = method.loss(image, text, all_apart(6), drawn())
    want = outside + (1.4 - outside)  # true pairs too far out, negatives not far enough
    assert loss.terms["encapsulate_global"].item() == pytest.approx(want, rel=0.02)
    alone = method.loss(image, text, torch.zeros(6, 6, dtype=torch.bool), drawn())
    assert alone.terms["encapsulate_global"].item() == pytest.approx(outside, rel=0.02), "no negatives"


def test_a_negative_film_is_given_the_negative_text() -> None:
    method, (image, text) = build("hyden", **EXACT, alone_weight=0.0), pairs()
    with torch.no_grad():
        method.from_local.weight.mul_(20)  # so that it matters which text a film was given
    films, reports, space = method.place(image, text), method.place(text).whole, method.geometry
    own = torch.arange(6)
    hard = method.score(films, method.place(text)).fill_diagonal_(-math.inf).argmax(1)
    true, _ = gaussian.kl(films.whole[own, own], reports, space, 4000, drawn(1))
    false, _ = gaussian.kl(films.whole[own, hard], reports[hard], space, 4000, drawn(1))
    outside = (true / 16 - 0.35).clamp(min=0).mean() + (1.4 - (false / 16 - 0.35).clamp(min=0)).clamp(
        min=0
    ).mean()
    loss = method.loss(image, text, all_apart(6), drawn())
    torch.testing.assert_close(loss.terms["encapsulate_conditioned"], outside, rtol=0.01, atol=0)


def test_only_the_hardest_of_what_is_apart_is_a_negative() -> None:
    scores = torch.tensor([[9.0, 3.0, 4.0], [5.0, 9.0, 6.0], [1.0, 1.0, 9.0]])
    apart = all_apart(3)
    apart[1, 2] = False
    apart[2] = False
    hard, exists = _hardest(scores, apart)
    assert hard[:2].tolist() == [2, 0]
    assert exists.tolist() == [True, True, False]


def test_a_batch_without_negatives_has_no_hard_ones() -> None:
    method, (image, text) = build("hyden"), pairs()
    loss = method.loss(image, text, torch.zeros(6, 6, dtype=torch.bool), drawn())
    loss.total.backward()
    assert loss.total.isfinite()
    assert all(weight.grad.isfinite().all() for weight in method.parameters() if weight.grad is not None)


@pytest.fixture(scope="module")
def learned() -> tuple[Method, Encoded, Encoded]:
    """A method that knows eight pairs by heart."""
    method, (image, text) = build("hyden"), pairs(8)
    learn(method, image, text, steps=50)
    return method, image, text


def test_training_brings_films_inside_their_reports_and_not_inside_others(
    learned: tuple[Method, Encoded, Encoded],
) -> None:
    method, image, text = learned
    films, reports = method.place(image).whole, method.place(text).whole
    own = shared.contained(films, reports, method.geometry, drawn())
    other = shared.contained(films, reports[torch.arange(8).roll(1)], method.geometry, drawn())
    assert own.inside.float().mean() > 0.8
    assert not other.inside.any()
    assert gaussian.radius(films).mean() < gaussian.radius(reports).mean(), "the special one is narrower"


def test_scales_stay_in_their_range_and_come_back_from_its_ends() -> None:
    method, (image, text) = build("hyden"), pairs()
    low, high = math.log(0.27 / 4), math.log(2.09 / 4)
    with torch.no_grad():
        method.image_spread.linear.bias.fill_(high + 0.05)
    pushed = method.place(image).whole.log_scale
    assert pushed is not None
    assert (pushed <= high + 1e-6).all()
    assert (pushed >= high - 1e-6).float().mean() > 0.5
    guard = method.loss(image, text, all_apart(6), drawn()).terms["guard"]
    guard.backward()
    assert guard > 0
    assert (method.image_spread.linear.bias.grad >= 0).all(), "a step down leads inside"
    assert (method.image_spread.linear.bias.grad > 0).any()
    assert low < method.place(text).whole.log_scale.min()


def test_the_guard_is_silent_while_no_scale_is_on_a_bound() -> None:
    method, (image, text) = build("hyden"), pairs()
    assert method.loss(image, text, all_apart(6), drawn()).terms["guard"] == 0


def test_relation_is_the_coverage_of_the_special_by_the_general(
    learned: tuple[Method, Encoded, Encoded],
) -> None:
    method, image, text = learned
    reports, films = method.place(text), method.place(image)
    found = method.relation(reports, films)
    one = gaussian.coverage(films.whole[3:4], reports.whole[3:4], method.geometry, 4000, drawn())
    assert found[3, 3].item() == pytest.approx(one.item(), abs=0.1)
    assert found.diagonal().mean() > 3 * (found.sum() - found.trace()) / 56
    torch.testing.assert_close(
        found, method.relation(reports, films), msg="the same question, another answer"
    )


def test_relation_of_conditioned_films_is_with_the_text_each_was_given() -> None:
    method, (image, text) = build("hyden"), pairs()
    films, reports = method.place(image, text), method.place(text)
    assert method.relation(reports, films).shape == (6, 6)
    paired = method.relation(reports, films.paired()).diagonal()
    torch.testing.assert_close(method.relation(reports, films).diagonal(), paired, atol=0.1, rtol=0)
