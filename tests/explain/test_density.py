"""A study on the disk: exact radii, contours that hold their mass, and the truth beside the drawing."""

import math
from pathlib import Path

import by_hand
import numpy as np
import pytest
import torch

from medvis.explain import density, truth
from medvis.explain.density import HIDDEN
from medvis.explain.scene import MASSES, DiskScene, summary
from medvis.geometry import disk
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density, Mode, Placed

ROOT = math.sqrt(by_hand.CURV)
TANGENTS = {
    ("s", ref): [1.2 * math.cos(angle), 1.2 * math.sin(angle), 0.1 * row, -0.2]
    for row, (ref, angle) in enumerate(zip(by_hand.REFS, np.linspace(0, 1.5, 8), strict=True))
}
EVEN = dict.fromkeys(TANGENTS, (0.2,) * 4)


def drawn(folder: Path, tangents=TANGENTS, scales=EVEN, **options) -> DiskScene:
    opened = by_hand.session(folder, [by_hand.study("s")], tangents, scales, **options)
    found = density.scene(opened, opened.cohort.study("s"), density.backdrop(opened.store))
    assert found is not None
    return found


def two(folder: Path, film: list[float], text: list[float], /, **scales: tuple[float, ...]) -> DiskScene:
    """Return a scene of a film and its report, with others that fix the drawing's plane to the first axes."""
    far = {("s", "f0"): [3.0, 0, 0, 0], ("s", "f1"): [0, 2.5, 0, 0]}
    tangents = {("s", "film0"): film, ("s", "report"): text, **far}
    sigmas = {("s", "film0"): scales["film"], ("s", "report"): scales["text"]}
    return drawn(folder, tangents, sigmas | dict.fromkeys(far, (0.1,) * 4))


def test_the_drawn_radius_is_the_models_distance_to_the_root(tmp_path: Path) -> None:
    opened = by_hand.session(tmp_path, [by_hand.study("s")], TANGENTS, EVEN)
    scene = density.scene(opened, opened.cohort.study("s"), density.backdrop(opened.store))
    stored = dict(zip(opened.store.rows().ref, opened.store.rows().root_dist.tolist(), strict=True))
    for item in scene.items:
        assert 2 * math.atanh(math.hypot(*item.at)) / ROOT == pytest.approx(stored[item.ref], abs=1e-6)
        assert item.distance == pytest.approx(stored[item.ref], abs=1e-6)


def test_contours_of_a_round_density_are_circles_of_the_credible_radius(tmp_path: Path) -> None:
    scene = drawn(tmp_path)
    plane = Lorentz(by_hand.CURV)
    for item in scene.items:
        centre = disk.from_disk(torch.tensor([item.at]), by_hand.CURV)
        for mass in MASSES:
            outline = disk.from_disk(torch.from_numpy(item.contours[mass]), by_hand.CURV)
            radius = 0.2 * math.sqrt(-2 * math.log(1 - mass))  # quantile of two dimensions
            assert plane.dist(centre, outline).numpy() == pytest.approx(radius, rel=1e-6)
        assert item.sigma == pytest.approx(0.2, rel=1e-6)
        assert item.reach == pytest.approx(0.4, rel=1e-6)


def test_a_narrower_density_is_inside_and_one_elsewhere_is_not(tmp_path: Path) -> None:
    near = two(tmp_path / "a", [0.8, 0, 0, 0], [0.8, 0, 0, 0], film=(0.1,) * 4, text=(0.16,) * 4)
    found = near.truth("report")
    # Flat closed form n (s² - 1 - ln s²) / 2 of the ratio s; curvature changes it little at this width.
    ratio = (0.1 / 0.16) ** 2
    flat = 4 * (ratio - 1 - math.log(ratio)) / 2
    assert found.amount == pytest.approx(flat, abs=4 * found.error)
    assert 0 < found.error < 0.15
    assert (found.inside, found.drawn_inside, found.disagrees) == (True, True, False)
    assert found.limit == pytest.approx(0.35 * 4)
    assert found.coverage > 0.99
    away = two(tmp_path / "b", [0.8, 0, 0, 0], [0, 0.8, 0, 0], film=(0.1,) * 4, text=(0.2,) * 4)
    assert (away.truth("report").inside, away.truth("report").drawn_inside) == (False, False)
    assert away.truth("report").coverage == 0


def test_drawing_and_truth_disagree_where_the_plane_hides_what_matters(tmp_path: Path) -> None:
    scene = two(
        tmp_path, [0.8, 0, 0, 0], [0.8, 0, 0, 0], film=(0.1, 0.1, 0.5, 0.5), text=(0.3, 0.3, 0.02, 0.02)
    )
    found = scene.truth("report")
    assert found.drawn_inside
    assert not found.inside
    assert found.disagrees
    assert "it misleads, so it is dashed" in found.told(scene.dims)
    assert "in 4 dimensions" in found.told(scene.dims)


def test_the_truth_is_the_same_each_time(tmp_path: Path) -> None:
    opened = by_hand.session(tmp_path, [by_hand.study("s")], TANGENTS, EVEN)
    shared, one = density.backdrop(opened.store), opened.cohort.study("s")
    assert density.scene(opened, one, shared).truths == density.scene(opened, one, shared).truths


def test_a_film_given_a_text_moves_alone_and_names_its_mode(tmp_path: Path) -> None:
    opened = by_hand.session(tmp_path, [by_hand.study("s")], TANGENTS, EVEN)
    shared, one = density.backdrop(opened.store), opened.cohort.study("s")
    given = Density(torch.tensor([[[0.0, 0.7, 0, 0]]]), torch.full((1, 1, 4), -1.0))
    alone = density.scene(opened, one, shared)
    moved = density.scene(opened, one, shared, placed=Placed("image", given, Mode.CONDITIONED))
    assert moved.item("film0").mode is Mode.CONDITIONED
    assert moved.item("film0").distance == pytest.approx(math.asinh(ROOT * 0.7) / ROOT, rel=1e-6)
    assert [item.at for item in moved.items[1:]] == [item.at for item in alone.items[1:]]
    assert all(found.mode is Mode.CONDITIONED for found in moved.truths)
    assert all(item.mode is Mode.GLOBAL for item in [*alone.items, *moved.items[1:]])


def test_a_plane_of_the_study_alone_keeps_at_least_as_much_of_it(tmp_path: Path) -> None:
    others = {("t", "film0"): [0.0, 0, 0, 4.0], ("t", "report"): [0.0, 0, 4.0, 0]}
    studies = [by_hand.study("s"), by_hand.study("t")]
    scales = dict.fromkeys([*TANGENTS, *others], (0.2,) * 4)
    opened = by_hand.session(tmp_path, studies, TANGENTS | others, scales)
    shared, one = density.backdrop(opened.store), opened.cohort.study("s")
    whole, own = (density.scene(opened, one, shared, own_plane=only) for only in (False, True))
    assert own.kept > whole.kept
    assert np.mean([item.fidelity for item in own.items]) > np.mean([item.fidelity for item in whole.items])
    assert own.distortion < whole.distortion
    assert [item.distance for item in own.items] == pytest.approx([item.distance for item in whole.items])


def test_points_have_cones_at_their_half_aperture_and_no_contours(tmp_path: Path) -> None:
    scene = drawn(tmp_path, scales=None, method="meru", config={"cone": 0.1})
    plane = Lorentz(by_hand.CURV)
    item = scene.item("report")
    assert not item.contours
    assert item.sigma is None
    assert scene.item("film0").cone == ()
    aperture = math.asin(0.2 / math.sinh(ROOT * item.distance))
    for edge in item.cone:
        apex, end = disk.from_disk(torch.from_numpy(edge[[0, 20]]), by_hand.CURV)
        out = apex / apex.norm()
        way = plane.to_root(apex, plane.log(apex, end))
        assert math.acos(float(way @ out / way.norm())) == pytest.approx(aperture, rel=1e-6)
        assert edge[0] == pytest.approx(np.array(item.at))
        assert (np.hypot(*edge.T) < 1).all()


def test_points_are_tested_by_angles(tmp_path: Path) -> None:
    tangents = {("s", "film0"): [2.0, 0, 0, 0], ("s", "report"): [1.0, 0, 0, 0], ("s", "f0"): [0.0, 1, 0, 0]}
    scene = drawn(tmp_path, tangents, None, method="meru")
    behind, aside = scene.truth("report"), scene.truth("f0")
    assert (behind.inside, behind.drawn_inside, behind.amount) == (True, True, pytest.approx(0, abs=1e-6))
    assert not aside.inside
    assert aside.coverage is None
    assert "half aperture" in aside.told(4)


def test_denied_and_hedged_sentences_are_marked_and_restricted_texts_hidden(tmp_path: Path) -> None:
    scene = drawn(tmp_path / "open")
    assert [item.ref for item in scene.items if item.negated] == ["f1"]
    assert [item.ref for item in scene.items if item.uncertain] == ["f2"]
    assert scene.item("f0").text == "Small left effusion."
    assert scene.item("i0").section == "impression"
    hidden = by_hand.session(tmp_path / "r", [by_hand.study("s", show="restricted")], TANGENTS, EVEN)
    found = density.scene(hidden, hidden.cohort.study("s"), density.backdrop(hidden.store))
    assert {item.text for item in found.items if item.kind != "film"} == {HIDDEN}


def test_a_study_without_places_has_no_scene_and_a_sphere_no_disk(tmp_path: Path) -> None:
    only = {("s", "film0"): [1.0, 0, 0, 0]}
    opened = by_hand.session(tmp_path / "a", [by_hand.study("s"), by_hand.study("t")], only)
    shared = density.backdrop(opened.store)
    assert density.scene(opened, opened.cohort.study("t"), shared) is None
    assert density.scene(opened, opened.cohort.study("s"), shared).truths == ()
    assert density.rooted(opened.run.folder)
    sphere = by_hand.session(tmp_path / "b", [by_hand.study("s")], only, geometry="sphere")
    assert not density.rooted(sphere.run.folder)
    with pytest.raises(ValueError, match="no root"):
        density.backdrop(sphere.store)


def test_the_summary_holds_no_text_of_a_report(tmp_path: Path) -> None:
    said = summary(drawn(tmp_path), "film0")
    assert "film0 1.2" in said
    assert "effusion" not in said


def test_a_polygon_holds_what_is_inside_it() -> None:
    corner = np.array([[0, 0], [2, 0], [2, 2], [1, 0.5], [0, 2]], dtype=float)  # a notch from above
    inside = truth.within(np.array([[0.3, 0.5], [1, 1.0], [1, 0.4], [2.5, 1], [-1, 0]]), corner)
    assert inside.tolist() == [True, False, True, False, False]
