"""A place on the film is the same place on the model's input, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvis.data import frame

SHAPES = [(500, 500), (640, 480), (300, 700), (1111, 377)]  # four aspect ratios, one of them odd
CROPS = ["letterbox", "centre"]


def blank(height, width):
    return np.zeros((height, width), np.float32)


def whole(where, row, col):
    x0, y0, x1, y1 = where.cell_box(row, col, (14, 14))
    return min(x1 - x0, y1 - y0) > 16 / where.scale - 1e-6


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("smooth", [False, True])
def test_a_one_hot_patch_lands_where_the_model_saw_it(shape, crop, smooth):
    _, _, where = frame.fit(blank(*shape), 224, crop=crop)
    seen = 0
    for row, col in ((3, 5), (7, 7), (10, 6)):
        cells = np.zeros((14, 14), np.float32)
        cells[row, col] = 1
        box = where.cell_box(row, col, (14, 14))
        if not whole(where, row, col) or (smooth and not whole(where, row, col - 1)):
            continue  # the film's edge cuts it, and with it its centroid
        seen += 1
        drawn = np.nan_to_num(where.patches_to_image(cells, smooth=smooth))
        ys, xs = np.indices(shape)
        centroid = ((xs + 0.5) * drawn).sum() / drawn.sum(), ((ys + 0.5) * drawn).sum() / drawn.sum()
        expected = where.to_image(np.array([(col + 0.5) * 16, (row + 0.5) * 16]))
        assert np.abs(centroid - expected).max() <= 0.5
        assert centroid == pytest.approx(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), abs=0.5)
    assert seen


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("crop", CROPS)
def test_a_bright_square_survives_the_chain(shape, crop):
    film = blank(*shape)
    y, x = shape[0] // 2 - 40, shape[1] // 2 - 25
    film[y : y + 60, x : x + 60] = 1
    pixels, _, where = frame.fit(film, 224, crop=crop)
    shown = pixels[0].numpy()
    ys, xs = np.indices(shown.shape)
    centroid = np.array([((xs + 0.5) * shown).sum(), ((ys + 0.5) * shown).sum()]) / shown.sum()
    assert where.to_image(centroid) == pytest.approx((x + 30, y + 30), abs=0.5)
    assert shown.sum() == pytest.approx(3600 * where.scale**2, rel=0.01)


def test_the_margin_that_a_crop_left_out_is_nan_and_nothing_else():
    _, seen, where = frame.fit(blank(300, 500), 224, crop="centre")
    drawn = where.patches_to_image(np.ones((14, 14), np.float32))
    assert np.isnan(drawn[:, :100]).all()
    assert np.isnan(drawn[:, 400:]).all()
    assert np.isfinite(drawn[:, 100:400]).all()
    assert seen.min() == 1


def test_padding_is_masked_and_leaves_no_dark_rim():
    pixels, seen, where = frame.fit(np.ones((333, 700), np.float32), 224)
    assert seen[0].sum().item() == pytest.approx(224 * 333 * where.scale, rel=1e-3)
    assert pixels[seen > 0].numpy() == pytest.approx(1, abs=1e-3)
    assert (pixels[seen == 0] == 0).all()
    assert 0 in seen


def test_cells_of_padding_are_not_seen_and_have_empty_boxes():
    _, _, where = frame.fit(blank(224, 448), 224)  # film on model rows 56 to 168: rows 3 to 10 of 16
    seen = where.seen_cells((14, 14))
    assert seen.all(axis=1).tolist() == [3 <= row <= 10 for row in range(14)]
    x0, y0, x1, y1 = where.cell_box(0, 4, (14, 14))
    assert (y1 - y0) == 0
    assert x1 - x0 == pytest.approx(32)
    assert where.cell_box(4, 1, (14, 14)) == pytest.approx((32, 16, 64, 48), abs=1e-6)


def test_a_cells_own_box_covers_that_cell_alone():
    _, _, where = frame.fit(blank(900, 700), 224)
    share = where.box_to_cells(where.cell_box(6, 7, (14, 14)), (14, 14))
    assert share[6, 7] == pytest.approx(1, abs=1e-6)
    assert share.sum() == pytest.approx(1, abs=1e-5)


def test_half_a_cell_is_half_covered():
    _, _, where = frame.fit(blank(224, 224), 224)
    share = where.box_to_cells((16.0, 32.0, 24.0, 56.0), (14, 14))
    assert share[2, 1] == pytest.approx(0.5)
    assert share[3, 1] == pytest.approx(0.25)
    assert np.count_nonzero(share) == 2


def test_a_cell_without_a_value_stays_without_one():
    _, _, where = frame.fit(blank(224, 224), 224)
    cells = np.ones((7, 7), np.float32)
    cells[2, 3] = np.nan
    flat = where.patches_to_image(cells)
    assert np.isnan(flat[64:96, 96:128]).all()
    assert np.isnan(flat).sum() == 32 * 32
    smooth = where.patches_to_image(cells, smooth=True)
    assert smooth[np.isfinite(smooth)] == pytest.approx(1)


def test_a_map_may_be_drawn_smaller_than_the_film():
    _, _, where = frame.fit(blank(1000, 800), 224)
    cells = np.arange(196, dtype=np.float32).reshape(14, 14)
    small = where.patches_to_image(cells, 250, 200)
    assert small.shape == (250, 200)
    assert (small == where.patches_to_image(cells)[2::4, 2::4]).mean() > 0.95


extent = st.integers(20, 4000)
place = st.floats(-50, 4500, allow_nan=False)


@given(extent, extent, st.sampled_from([224, 320, 512]), place, place, st.sampled_from(CROPS))
def test_to_image_undoes_to_model(height, width, size, x, y, crop):
    side = max(height, width) if crop == "letterbox" else min(height, width)
    where = frame.Frame(height, width, size, size / side, (side - height) / 2, (side - width) / 2)
    point = np.array([x, y])
    assert where.to_image(where.to_model(point)) == pytest.approx(point, abs=1e-9)
    assert where.to_model(where.to_image(point)) == pytest.approx(point, abs=1e-9)


@given(st.integers(20, 90), st.integers(20, 90), st.sampled_from(CROPS), st.integers(3, 9), st.integers(3, 9))
def test_every_film_pixel_that_was_seen_lies_in_the_box_of_its_cell(height, width, crop, gh, gw):
    _, _, where = frame.fit(blank(height, width), 36, crop=crop)
    names = np.arange(gh * gw, dtype=np.float32).reshape(gh, gw)
    drawn = where.patches_to_image(names)
    for y, x in ((0, 0), (height // 2, width // 3), (height - 1, width - 1)):
        if np.isfinite(drawn[y, x]):
            row, col = divmod(int(drawn[y, x]), gw)
            x0, y0, x1, y1 = where.cell_box(row, col, (gh, gw))
            assert x0 - 1e-6 <= x + 0.5 <= x1 + 1e-6
            assert y0 - 1e-6 <= y + 0.5 <= y1 + 1e-6
            assert where.seen_cells((gh, gw))[row, col]
