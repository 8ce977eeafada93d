"""One battery over every paper: what a page, a store and a training loop may rely on."""

import dataclasses
import inspect

import pytest
import safetensors.torch
import torch
from small_methods import WIDTH, all_apart, build, drawn, encoded, learn, recall

from medvis import methods
from medvis.errors import NotFound
from medvis.methods import Conditions, Method, Spreads
from medvis.types import Encoded, Mode, Placed


@pytest.fixture(params=methods.discover())
def method(request: pytest.FixtureRequest) -> Method:
    return build(request.param)


def pairs(count: int = 8, seed: int = 1) -> tuple[Encoded, Encoded]:
    return encoded("image", count, seed), encoded("text", count, seed + 1000)


def scores(method: Method, image: Encoded, text: Encoded) -> dict[str, torch.Tensor]:
    """Every score that the method can give, film by report."""
    reports = method.place(text)
    found = {"alone": method.score(method.place(image), reports)}
    if method.can(Conditions):
        found["given"] = method.score(method.place(image, text), reports)
    return found


def test_gradients_are_finite_and_reach_every_weight(method: Method) -> None:
    image, text = pairs()
    loss = method.loss(image, text, all_apart(8), drawn())
    loss.total.backward()
    for name, weight in method.named_parameters():
        assert weight.grad is not None, f"{name} has no gradient: no loss depends on it"
        assert weight.grad.isfinite().all(), name


def test_gradients_are_finite_when_an_item_meets_its_copy(method: Method) -> None:
    image, text = pairs()
    twice = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    heads = [module for name, module in method.named_children() if name.endswith(("head", "mean", "spread"))]
    assert heads
    with torch.no_grad():
        for weight in (weight for head in heads for weight in head.parameters() if weight.ndim == 2):
            weight.zero_()  # every film and every report at one point, the root
    method.loss(image[twice], text[twice], all_apart(8), drawn()).total.backward()
    assert all(weight.grad.isfinite().all() for weight in method.parameters() if weight.grad is not None)


def test_the_loss_is_the_sum_of_its_terms(method: Method) -> None:
    loss = method.loss(*pairs(), all_apart(8), drawn())
    torch.testing.assert_close(loss.total, torch.stack(list(loss.terms.values())).sum())


def test_the_order_of_a_batch_does_not_matter(method: Method) -> None:
    draws = "samples" in {field.name for field in dataclasses.fields(method.Config)}
    method = build(method.name, **({"samples": 4000} if draws else {}))
    image, text = pairs()
    apart = all_apart(8)
    apart[2, 5] = apart[5, 2] = False
    order = torch.tensor([3, 1, 4, 0, 5, 2, 7, 6])
    straight = method.loss(image, text, apart, drawn())
    mixed = method.loss(image[order], text[order], apart[order][:, order], drawn())
    for name, term in straight.terms.items():
        torch.testing.assert_close(term, mixed.terms[name], rtol=0.01 if draws else 1e-5, atol=1e-6)
    for item in (image, text):
        torch.testing.assert_close(method.place(item[order]).whole.mean, method.place(item).whole.mean[order])


def test_relations_lie_between_0_and_1(method: Method) -> None:
    image, text = pairs()
    found = method.relation(method.place(text[:5]), method.place(image))
    assert found.shape == (5, 8)
    assert ((found >= 0) & (found <= 1)).all()


def test_an_item_contains_its_own_copy(method: Method) -> None:
    _, text = pairs(3)
    place = method.place(text)
    assert (method.relation(place, place).diagonal() > 0.8).all()


def test_attention_sums_to_one_over_what_is_real_and_is_0_elsewhere(method: Method) -> None:
    image, text = pairs(2)
    real = image.real[0].clone()
    real[3:6] = False
    found = method.attend(text.parts[0], image.parts[0], real)
    torch.testing.assert_close(found.sum(1), torch.ones(len(found)))
    assert (found[:, ~real] == 0).all()
    assert (found[:, real] > 0).all()


def test_a_word_looks_at_the_patch_that_speaks_of_it(method: Method) -> None:
    concepts = {kind: torch.randn(6, width, generator=drawn(2)) for kind, width in WIDTH.items()}

    def about(which: torch.Tensor, seed: int) -> tuple[Encoded, Encoded, torch.Tensor]:
        noise, at = (
            encoded("image", len(which), seed),
            torch.randint(12, (len(which),), generator=drawn(seed)),
        )
        parts, everywhere = noise.parts / 6, torch.ones_like(noise.real)
        parts[torch.arange(len(which)), at] += 2 * concepts["image"][which]
        said = concepts["text"][which]
        text = Encoded("text", said, said[:, None], torch.ones(len(which), 1, dtype=torch.bool))
        return Encoded("image", parts.mean(1), parts, everywhere, noise.grid), text, at

    optimizer = torch.optim.Adam(method.parameters(), lr=5e-3)
    for step in range(60):
        image, text, _ = about(torch.randperm(6, generator=drawn(step)), step)
        optimizer.zero_grad()
        method.loss(image, text, all_apart(6), drawn(step)).total.backward()
        optimizer.step()
    image, text, at = about(torch.arange(6).repeat(10), 1000)
    looked = [
        method.attend(text.whole[[i]], image.parts[i], image.real[i]).argmax() == at[i] for i in range(60)
    ]
    assert sum(looked) > 40, "chance is 5 of 60"


def test_attention_to_nothing_is_nothing(method: Method) -> None:
    image, text = pairs(1)
    assert (method.attend(text.parts[0], image.parts[0], torch.zeros_like(image.real[0])) == 0).all()


def test_one_batch_can_be_learned(method: Method) -> None:
    image, text = pairs()
    learn(method, image, text, steps=60)
    for mode, found in scores(method, image, text).items():
        assert recall(found) == 1, mode
        assert recall(found.T) == 1, mode


def test_random_features_come_out_at_chance_in_every_score(method: Method) -> None:
    image, text = pairs(64)
    learn(method, image, text, steps=60)
    fresh_image, fresh_text = pairs(200, seed=7)
    for mode, found in scores(method, fresh_image, fresh_text).items():
        # Chance is 1 of 200 each; 6 or more of 200 have probability 0.0006.
        assert recall(found) < 6 / 200, mode
        assert recall(found.T) < 6 / 200, mode


def test_places_do_not_depend_on_who_else_is_in_the_batch(method: Method) -> None:
    image, text = pairs()
    torch.testing.assert_close(method.place(image[:2]).whole.mean, method.place(image).whole.mean[:2])
    if method.can(Conditions):
        both = method.place(image, text).whole.mean
        torch.testing.assert_close(method.place(image[2:4], text[5:6]).whole.mean, both[2:4, 5:6])


def test_equal_texts_are_never_negatives(method: Method) -> None:
    image, text = pairs(4)
    repeated = text[torch.tensor([0, 1, 2, 2])]
    apart = all_apart(4)
    apart[2, 3] = apart[3, 2] = False
    learned = method.loss(image, repeated, apart, drawn()).total
    image_alone = image[torch.tensor([0, 1, 2])]
    learned.backward()
    assert learned.isfinite()
    # Two pairs with one text: no pair has a negative, so nothing is left to contrast.
    same, none_apart = text[torch.tensor([0, 0])], torch.zeros(2, 2, dtype=torch.bool)
    loss = method.loss(image_alone[:2], same, none_apart, drawn())
    contrast = [term for name, term in loss.terms.items() if name.startswith("contrast")]
    assert contrast
    assert all(term == 0 for term in contrast)


def test_what_was_saved_scores_the_same_to_the_bit(method: Method) -> None:
    image, text = pairs()
    learn(method, image, text, steps=5)
    other = build(method.name, seed=1)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(method.state_dict())))
    for mode, found in scores(method, image, text).items():
        assert torch.equal(found, scores(other, image, text)[mode]), mode


@pytest.mark.slow
def test_places_stay_finite_over_a_thousand_steps(method: Method) -> None:
    image, text = pairs(32)
    learn(method, image, text, steps=1000)
    for item in (image, text):
        place = method.place(item).whole
        assert place.mean.dtype == torch.float32
        assert place.mean.isfinite().all()
        assert place.log_scale is None or place.log_scale.isfinite().all()


def test_half_precision_encodings_are_worked_on_in_float32(method: Method) -> None:
    image, text = pairs()
    low = [Encoded(i.kind, i.whole.bfloat16(), i.parts.bfloat16(), i.real, i.grid) for i in (image, text)]
    assert method.loss(low[0], low[1], all_apart(8), drawn()).total.dtype == torch.float32
    assert method.attend(low[1].parts[0], low[0].parts[0], image.real[0]).dtype == torch.float32


def test_paired_places_are_refused(method: Method) -> None:
    image, text = pairs()
    reports, films = method.place(text), method.place(image)
    carrying = Placed("image", films.whole, Mode.PAIRED)
    for query, gallery in ((carrying, reports), (reports, carrying)):
        with pytest.raises(ValueError, match="paired"):
            method.score(query, gallery)


def test_only_methods_that_spread_have_scales(method: Method) -> None:
    for item in pairs():
        assert (method.place(item).whole.log_scale is not None) == method.can(Spreads)


def test_every_setting_is_read(method: Method) -> None:
    source = inspect.getsource(inspect.getmodule(type(method)))
    for field in dataclasses.fields(method.Config):
        assert f"config.{field.name}" in source, f"{method.name}: no code reads the setting {field.name}"


def test_inferred_settings_are_said_to_be(method: Method) -> None:
    source = inspect.getsource(inspect.getmodule(type(method)))
    assert ("# INFERRED" in source) == method.paper.inferred


def test_a_run_can_rebuild_a_method_from_its_record(method: Method) -> None:
    settings = dataclasses.asdict(method.Config())
    again = methods.build(method.name, WIDTH["image"], WIDTH["text"], settings)
    assert again.Config(**settings) == method.Config()


def test_an_unknown_method_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match=r"hyden.*meru"):
        methods.find("hydne")


def test_a_paper_is_final() -> None:
    with pytest.raises(TypeError, match="copy its file"):
        type("Better", (methods.find("clip"),), {})
