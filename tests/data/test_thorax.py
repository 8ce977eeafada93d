import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from simulated_world import ct, patients, plain, shared

from medvis.data import anatomy, beam, exposure, nifti, slabs, thorax
from medvis.errors import BadSource


def volume(path, voxels, matrix, intercept=0.0):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape, 1, 1, 1, 1)
    struct.pack_into("<h", header, 70, 4)
    struct.pack_into("<f", header, 108, 352.0)
    struct.pack_into("<2f", header, 112, 1.0, intercept)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *np.asarray(matrix, np.float32).ravel())
    header[344:348] = b"n+1\0"
    path.write_bytes(bytes(header) + voxels.astype("<i2").tobytes(order="F"))
    return path


def test_a_volume_is_turned_to_left_front_head(tmp_path):
    """The same body, stored in two ways, is the same volume."""
    voxels = np.arange(24).reshape(2, 3, 4)
    left = volume(tmp_path / "a.nii", voxels, [[-1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]])
    turned = voxels.transpose(2, 0, 1)[::-1, ::-1, :]  # stored feet-ward, right-ward, front-ward
    other = volume(tmp_path / "b.nii", turned, [[0, 1, 0, 0], [0, 0, 2, 0], [-3, 0, 0, 0]])
    first, second = nifti.read(left), nifti.read(other)
    np.testing.assert_array_equal(first.voxels, second.voxels)
    assert first.spacing == second.spacing == (1, 2, 3)


def test_slope_and_intercept_make_hounsfield_units(tmp_path):
    path = volume(tmp_path / "a.nii", np.full((2, 2, 2), 24), np.eye(3, 4), intercept=-1024)
    assert (nifti.read(path).voxels == -1000).all()


@pytest.mark.parametrize("harm", ["short", "oblique", "not"])
def test_a_bad_volume_is_named(tmp_path, harm):
    path = tmp_path / "a.nii"
    turn = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0]])
    volume(path, np.zeros((3, 3, 3)), turn if harm == "oblique" else np.eye(3, 4))
    if harm == "short":
        path.write_bytes(path.read_bytes()[:-8])
    if harm == "not":
        path.write_bytes(b"a text")
    with pytest.raises(BadSource, match=r"a\.nii"):
        nifti.read(path)


def test_a_thorax_survives_writing_and_damage_is_named(tmp_path):
    small = replace(ct(), hounsfield=ct().hounsfield[:8, :8, :8], labels=ct().labels[:8, :8, :8])
    thorax.write(small, tmp_path)
    first = (tmp_path / "ct.npy.gz").read_bytes()
    thorax.write(thorax.read(tmp_path), tmp_path)
    assert (tmp_path / "ct.npy.gz").read_bytes() == first
    about = json.loads((tmp_path / "about.json").read_text())
    (tmp_path / "about.json").write_text(json.dumps(about | {"shape": [8, 8, 9]}))
    with pytest.raises(BadSource, match="do not fit"):
        thorax.read(tmp_path)
    (tmp_path / "ct.npy.gz").write_bytes(first[:40])
    with pytest.raises(BadSource, match="missing or damaged"):
        thorax.read(tmp_path)


def test_a_label_map_without_lobes_is_named():
    with pytest.raises(BadSource, match="lacks"):
        slabs.cut(replace(ct(), names={1: "spleen"}))


def test_contrast_medium_is_gone_and_bone_is_not():
    bone = ndimage.binary_dilation(thorax.bones(ct()), np.ones((5, 3, 1)))
    assert ct().hounsfield[~bone].max() <= 80
    assert np.median(ct().hounsfield[ct().where("heart")]) <= 60
    assert (ct().hounsfield[thorax.bones(ct())] > 300).mean() > 0.2


def test_credit_travels_with_the_ct():
    assert ct().credit == "LIDC-IDRI-0001, The Cancer Imaging Archive"
    assert ct().licence == "CC BY 3.0"


def test_slabs_keep_all_the_water():
    """Summing into slabs loses nothing: the same line integrals as voxel by voxel."""
    water = np.maximum(ct().hounsfield.astype(np.float64) + 1000, 0).sum(axis=1) / 1000 * ct().spacing[1]
    soft = shared().soft.sum(axis=0).T
    bone = thorax.bones(ct()).any(axis=1)
    np.testing.assert_allclose(soft[~bone], water[~bone], atol=0.05)


def centre(mask):
    rows, columns = np.nonzero(mask)
    return rows.mean() / mask.shape[0], columns.mean() / mask.shape[1]


def test_the_patients_right_is_on_the_viewers_left():
    """Heart to the right of the picture, liver side lower; the left lung has no middle lobe."""
    for visit in (visit for patient in patients(6) for visit in patient):
        seen = {name: beam.outline(visit.place, shared(), name, 200, 200) for name in shared().share}
        assert centre(seen["heart"])[1] > 0.52
        assert centre(seen["lung_middle_lobe_right"])[1] < 0.45
        assert centre(seen["lung_upper_lobe_left"])[1] > 0.55
        assert centre(seen["lung_upper_lobe_right"])[0] < centre(seen["lung_lower_lobe_right"])[0]


def test_the_liver_lies_on_the_viewers_left_and_below():
    _, place = plain()
    liver = slabs._share(ct().where("liver")[:, 0:256], 256)[0]
    field = np.zeros_like(shared().share["heart"])
    field[12] = liver
    row, column = centre(beam.warped(shared(), field, place, 200, 200) > 0.3)
    assert row > 0.6
    assert column < 0.5


def test_a_front_to_back_film_magnifies_the_heart_more():
    """The heart lies in front: far from the detector when the beam comes from the front."""
    widths = {}
    for view in ("PA", "AP"):
        _, place = plain(view)
        widths[view] = beam.cardiothoracic_ratio(place)
    assert widths["AP"] > widths["PA"] * 1.02


def test_the_map_magnifies_as_a_cone_beam_does():
    """Similar triangles: a plane d before the middle is magnified by D / (D + d) when seen from behind."""
    stance = beam.Position("PA", 0.0, 0.0, 0.0, (0.0,) * 4)
    across, up, depth = np.array([50.0]), np.array([[165.0]]), np.array([[[85.0]]])
    x, _ = beam._beam(across, up, depth, stance, 165.0)
    assert x.item() == pytest.approx(50 * (1700 + 85) / 1700)


def test_a_larger_heart_and_a_higher_dome_are_what_they_say():
    body, place = plain()
    large = beam.mapped(shared(), replace(body, heart=1.2), beam.Position("PA", 0.0, 0.0, 0.0, (0.06,) * 4))
    assert beam.cardiothoracic_ratio(large) > beam.cardiothoracic_ratio(place) + 0.05
    raised = beam.mapped(
        shared(), replace(body, domes=(25.0, -15.0)), beam.Position("PA", 0.0, 0.0, 0.0, (0.06,) * 4)
    )
    areas = [
        {side: sum(m.sum() for n, m in p.outlines.items() if n.endswith(side)) for side in ("right", "left")}
        for p in (place, raised)
    ]
    assert areas[1]["right"] < 0.93 * areas[0]["right"]
    assert areas[1]["left"] > 0.98 * areas[0]["left"]


def test_more_water_is_whiter_and_air_is_black():
    how = exposure.Exposure(1e9, 0.0, 1.0, 0.0, 1.0)
    water = np.tile(np.linspace(0, 250, 128, dtype=np.float32), (128, 1))
    lungs = (water > 60) & (water < 110)
    film = exposure.film(water, lungs, how, 1.0, np.random.default_rng(0))
    assert (np.diff(film[64]) >= -1e-6).all()
    assert film[64, 0] < 0.05
    assert film[64, -1] > 0.7


def test_fewer_photons_are_noisier():
    water = np.full((128, 128), 100, np.float32)
    water[:, :40] = 60
    lungs = water < 80
    spread = [
        exposure.film(water, lungs, exposure.Exposure(k, 0.2, 0.7, 1.0, 1.0), 1.0, np.random.default_rng(0))[
            20:100, 60:120
        ].std()
        for k in (500.0, 5.0)
    ]
    assert spread[1] > 3 * spread[0]


def test_the_lead_letter_stands_on_its_own_side():
    black = np.zeros((256, 256), np.float32)
    seen = set()
    for seed in range(12):
        stamp = exposure.marked(black, np.random.default_rng(seed))
        right_of_picture = centre(stamp > 0.5)[1] > 0.5
        narrow = (stamp > 0.5).any(axis=0).sum() > 0
        letter = "L" if not (stamp > 0.5)[np.flatnonzero((stamp > 0.5).any(axis=1))[0]].sum() > 6 else "R"
        assert narrow
        seen.add((right_of_picture, letter))
    assert (True, "L") in seen
    assert {True, False} == {side for side, _ in seen}


def test_water_of_a_body_adds_breasts_and_takes_air_from_the_stomach():
    body, _ = plain()
    base = anatomy.water(shared(), body).sum(axis=0)
    breasts = anatomy.water(shared(), replace(body, breasts=30.0)).sum(axis=0) - base
    bubble = anatomy.water(shared(), replace(body, bubble=30.0)).sum(axis=0) - base
    assert breasts.max() == pytest.approx(30, abs=1)
    assert breasts.min() > -1e-2
    assert bubble.min() < -15
