"""CLIP against its formula."""

import math

import torch
from small_methods import all_apart, build, drawn, encoded

from medvis.types import Encoded


def naive(projection: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """LN, matrix, length 1, in float64."""
    x = x.double()
    normed = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    projected = normed @ projection.linear.weight.double().T
    return projected / projected.norm(dim=-1, keepdim=True)


def test_clip_contrast() -> None:
    method, image, text = build("clip"), encoded("image", 6, 0), encoded("text", 6, 1)
    cosines = naive(method.image_head, image.whole) @ naive(method.text_head, text.whole).T
    logits = cosines / 0.07
    rows = -logits.log_softmax(1).diagonal().mean()
    columns = -logits.log_softmax(0).diagonal().mean()
    loss = method.loss(image, text, all_apart(6), drawn())
    torch.testing.assert_close(loss.total.double(), (rows + columns) / 2, rtol=1e-4, atol=1e-5)


def test_relation_is_symmetric() -> None:
    method, image, text = build("clip"), encoded("image", 4, 0), encoded("text", 4, 1)
    films, reports = method.place(image), method.place(text)
    torch.testing.assert_close(method.relation(films, reports), method.relation(reports, films).T)


def test_a_word_looks_where_its_score_is_highest_at_the_runs_scale() -> None:
    method, image, text = build("clip"), encoded("image", 1, 0), encoded("text", 3, 1)
    patches, real = image.parts[0], torch.ones(12, dtype=torch.bool)
    alone = Encoded("image", patches, patches[:, None], real[:, None])
    scores = method.score(method.place(text), method.place(alone))
    found = method.attend(text.whole, patches, real)
    torch.testing.assert_close(found, (scores / 0.07).softmax(-1))
    with torch.no_grad():
        method.scale.log_scale.copy_(torch.tensor(math.log(30)))
    assert (method.attend(text.whole, patches, real).amax(1) > found.amax(1)).all()
