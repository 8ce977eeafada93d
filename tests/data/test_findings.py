from functools import cache

import numpy as np
import pytest
from simulated_world import plain, shared

from medvis.data import anatomy, beam, findings
from medvis.data.findings import Finding

CASES = [
    Finding("consolidation", "right", "lung_lower_lobe_right", 0.6, 3),
    Finding("consolidation", "left", "lung_upper_lobe_left", 0.4, 4),
    Finding("nodule", "right", "lung_upper_lobe_right", 0.5, 5),
    Finding("mass", "left", "lung_upper_lobe_left", 0.5, 6),
    Finding("granuloma", "right", "lung_lower_lobe_right", 0.5, 7),
    Finding("effusion", "left", "", 0.5, 8),
    Finding("pneumothorax", "right", "", 0.5, 9),
    Finding("oedema", "", "", 0.6, 10),
    Finding("atelectasis", "left", "", 0.5, 11),
]
SIZE = 160


def seen(field):
    return beam.warped(shared(), field, plain()[1], SIZE, SIZE)


@cache
def grown(found):
    body, _ = plain()
    water = anatomy.water(shared(), body)
    after, extent = findings.grown(shared(), water, found)
    return water, after, extent


@pytest.mark.parametrize("found", CASES, ids=lambda case: f"{case.name}-{case.side}")
def test_the_film_changes_where_the_truth_says_and_nowhere_else(found):
    water, after, extent = grown(found)
    change = np.abs(seen(after) - seen(water))
    depth = seen(extent * shared().thickness)
    assert change.max() > 1.0
    assert change[depth > 0.02 * depth.max()].sum() > 0.97 * change.sum()
    # and, but for tissue that was as dense before, it changes all over the truth
    assert (change[depth > 0.5 * depth.max()] > 0.3).mean() > 0.8


@pytest.mark.parametrize("found", CASES, ids=lambda case: f"{case.name}-{case.side}")
def test_the_same_seed_grows_the_same_lesion_and_another_seed_another(found):
    first, again = grown(found)[2], grown.__wrapped__(found)[2]
    np.testing.assert_array_equal(first, again)
    if found.name != "pneumothorax":  # air leaves no choice
        other = Finding(found.name, found.side, found.region, found.size, found.seed + 1)
        assert not np.array_equal(first, grown(other)[2])


@pytest.mark.parametrize("found", [case for case in CASES if case.region], ids=lambda case: case.name)
def test_a_lesion_of_a_lobe_stays_in_its_lung(found):
    extent = grown(found)[2]
    assert (extent <= shared().side(found.side) + 1e-6).all()
    assert extent.sum() > 0
    if found.name == "consolidation":
        assert (extent <= shared().share[found.region] + 1e-6).all()


@pytest.mark.parametrize(
    "name", ["consolidation", "nodule", "mass", "effusion", "pneumothorax", "atelectasis"]
)
def test_a_larger_finding_takes_more_room(name):
    region = "lung_upper_lobe_right" if name in ("consolidation", "nodule", "mass") else ""
    rooms = [grown(Finding(name, "right", region, size, 5))[2].sum() for size in (0.1, 0.5, 0.9)]
    assert rooms[0] < rooms[1] < rooms[2]


def test_a_nodule_has_the_volume_of_its_ball():
    found = Finding("nodule", "right", "lung_upper_lobe_right", 0.8, 5)
    radius = findings.nodule_radius(0.8)
    cell = shared().thickness * (shared().x[1] - shared().x[0]) * (shared().z[1] - shared().z[0])
    assert grown(found)[2].sum() * cell == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.25)


def test_an_effusion_obeys_gravity_and_has_a_meniscus():
    """Fuller below; its upper edge stands higher beside the wall than in the middle of the lung."""
    world = shared()
    extent = grown(Finding("effusion", "right", "", 0.5, 8))[2]
    share = world.side("right")
    filled = extent.sum(axis=(0, 2)) / np.maximum(share.sum(axis=(0, 2)), 1e-6)
    inside = share.sum(axis=(0, 2)) > 20
    assert filled[inside][0] > 0.9
    assert filled[inside][-1] < 1e-4
    assert np.corrcoef(world.z[inside], filled[inside])[0, 1] < -0.7
    slab = 10
    lung = np.flatnonzero(share[slab, 60] > 0.9)
    wall, medial = lung[2], lung[-3]  # the right lung's wall is at small x
    tops = [
        world.z[np.flatnonzero(extent[slab, :, column] > 0.5)].max(initial=0) for column in (wall, medial)
    ]
    assert tops[0] > tops[1] + 10


def test_a_pneumothorax_shows_a_line_and_no_vessels_beyond():
    found = Finding("pneumothorax", "left", "", 0.6, 9)
    before, after, extent = grown(found)
    beyond = np.repeat(extent > 0.99, 2, axis=2)
    assert np.quantile(after[beyond], 0.98) < 0.5  # mm of water in a cell a centimetre deep
    assert np.quantile(before[beyond], 0.98) > 3
    line = findings.pleural_line(shared(), found).extent > 0.5
    middle = (extent > 0.5).any(axis=0)
    row = 110
    edge = np.flatnonzero(line.any(axis=0)[row])
    air = np.flatnonzero(middle[row])
    assert 1 <= edge.size <= 6
    assert edge.max() < air.max()  # the line lies medially of the air on the left side
    assert extent[:, 110].sum() > extent[:, 70].sum()  # air rises


def test_a_line_of_pleura_is_brighter_than_both_its_sides():
    found = Finding("pneumothorax", "left", "", 0.6, 9)
    place = plain()[1]
    water, after, _ = grown(found)
    film = beam.warped(shared(), after - water, place, 400, 400)
    line = beam.warped(shared(), findings.pleural_line(shared(), found).extent, place, 400, 400)
    row = 110
    at = line[row].argmax()
    assert film[row, at] > film[row, at - 8 : at - 4].max() + 1
    assert film[row, at] > film[row, at + 5 : at + 9].max() + 5
