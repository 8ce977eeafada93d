import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from simulated_world import SEED, patients, shared

from medvis.data import beam, findings, patient, report, sources, story, studio, thorax
from medvis.data.shot import box, shot
from medvis.data.sources import simulated
from medvis.errors import BadSource
from medvis.types import Report

SIZE = 128


@cache
def made(seed=SEED, numbers=range(3), workers=1):
    return list(studio.studies(thorax.SHIPPED, seed, numbers, SIZE, workers))


def test_the_same_seed_gives_the_same_bytes_in_any_number_of_processes():
    alone, together = made(), made(workers=2)
    assert len(alone) >= 3
    for one, other in zip(alone, together, strict=True):
        assert (one.patient, one.visit) == (other.patient, other.visit)
        assert json.loads(json.dumps(one.about)) == other.about
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_patient_depends_on_its_own_number_alone():
    (first, *_), (again, *_) = made(numbers=range(2, 3)), [one for one in made() if one.patient == 2]
    assert first.about == again.about
    np.testing.assert_array_equal(first.pixels, again.pixels)


def test_another_seed_gives_other_patients():
    first, other = made(numbers=range(1))[0], made(seed=SEED + 1, numbers=range(1))[0]
    assert first.pixels.shape != other.pixels.shape or (first.pixels != other.pixels).mean() > 0.5


def test_the_difference_of_two_films_lies_in_the_mask():
    """Seen on the finished film too, with scatter, noise and tone: the change gathers where the truth is."""
    for name, region in (
        ("consolidation", "lung_upper_lobe_right"),
        ("mass", "lung_upper_lobe_right"),
        ("effusion", ""),
    ):
        visit = patients(1)[0][0]
        with_it = replace(visit, present=(findings.Finding(name, "right", region, 0.7, 3),))
        without = shot(shared(), replace(visit, present=()), 256)
        film = shot(shared(), with_it, 256)
        change = np.abs(film.pixels.astype(float) - without.pixels)
        (mask,) = (mask for known, mask in film.masks.items() if known.startswith(name))
        assert change[mask].mean() > 3 * change[~mask].mean(), name


def test_boxes_hold_their_masks_and_masks_lie_in_their_lung():
    for visit in (visit for visits in patients(10) for visit in visits):
        film = shot(shared(), visit, SIZE)
        for name, mask in film.masks.items():
            x0, y0, x1, y1 = box(mask)
            assert 0 <= x0 <= x1 <= film.pixels.shape[1]
            assert 0 <= y0 <= y1 <= film.pixels.shape[0]
            outside = mask.copy()
            outside[int(y0) : int(y1), int(x0) : int(x1)] = False
            assert not outside.any()
            for side in ("right", "left"):
                if f" {side}" in name and "hemidiaphragm" not in name and mask.any():
                    lung = film.masks[f"{side} lung"]
                    assert (mask & lung).sum() > 0.8 * mask.sum(), name


def test_an_apex_lies_above_its_costophrenic_angle():
    film = shot(shared(), patients(1)[0][0], SIZE)
    for side in ("right", "left"):
        assert box(film.masks[f"{side} apex"])[3] < box(film.masks[f"{side} costophrenic angle"])[1]
    assert box(film.masks["right lung"])[0] < box(film.masks["left lung"])[0]


def test_words_about_the_heart_follow_the_measured_ratio():
    said = 0
    for visit in (visit for visits in patients(40) for visit in visits):
        assert visit.ratio == beam.cardiothoracic_ratio(visit.place)
        large = [fact for fact in visit.facts if fact.finding == "cardiomegaly" and not fact.negated]
        assert bool(large) == (visit.ratio >= 0.5)
        for fact in large:
            said += 1
            assert fact.severity == patient.heart_severity(visit.ratio)
            assert fact.measure == visit.ratio
        denials = [
            one
            for one in visit.report.said
            for fact in one.facts
            if fact.finding == "cardiomegaly" and fact.negated
        ]
        assert not (denials and visit.ratio >= 0.5)
    assert said >= 3


def test_the_measured_ratio_is_that_of_the_masks_on_the_film():
    for visit in (visits[0] for visits in patients(6)):
        film = shot(shared(), visit, 256)
        heart, right, left = (box(film.masks[name]) for name in ("heart", "right lung", "left lung"))
        ratio = (heart[2] - heart[0]) / (left[2] - right[0])
        assert ratio == pytest.approx(visit.ratio, abs=0.025)


@pytest.mark.parametrize(("ratio", "word"), [(0.51, "small"), (0.57, "moderate"), (0.63, "large")])
def test_a_larger_heart_gets_a_larger_word(ratio, word):
    assert patient.heart_severity(ratio) == word


def test_what_is_certain_is_there_and_what_is_not_said_is_not():
    for visit in (visit for visits in patients(40) for visit in visits):
        there = {found.name for found in visit.present}
        labels = visit.labels()
        for fact in visit.facts:
            if fact.certainty == "certain" and not fact.either and not fact.negated:
                assert fact.finding in there
                assert labels[fact.finding] == 1
            if fact.certainty != "certain":
                assert labels[fact.finding] == -1
        named = {name for fact in visit.facts for name in (fact.finding, fact.either)}
        assert there <= named
        assert all(value == 0 for name, value in labels.items() if name not in named | {"no finding"})


def test_a_third_of_the_patients_is_normal_and_a_quarter_comes_again():
    rng = np.random.default_rng(0)
    assert all(story.coming(rng.random(), rng) for _ in range(200))
    first = [visits[0] for visits in patients(40)]
    normal = np.mean([not visit.facts for visit in first])
    again = np.mean([len(visits) == 2 for visits in patients(40)])
    assert 0.3 < normal < 0.4
    assert {fact.finding for visit in first for fact in visit.facts} == set(findings.KINDS)
    assert 0.08 < again < 0.45


def test_a_second_visit_speaks_of_the_first():
    changes = {fact.change for visits in patients(40) if len(visits) == 2 for fact in visits[1].facts}
    assert changes - {""}
    for visits in patients(40):
        for fact in visits[0].facts:
            assert fact.change == ""


def test_each_sentence_keeps_its_facts_under_the_readers_name():
    for visit in (visits[0] for visits in patients(12)):
        read = {
            one.id: one.text
            for one in report.sentences(Report(visit.report.findings, visit.report.impression))
        }
        kept = studio.facts(visit)
        if "recommended" in visit.report.impression or "advised" in visit.report.impression:
            continue
        assert set(read) == {one["sentence"] for one in kept}
        for one in kept:
            section = visit.report.findings if one["sentence"][0] == "f" else visit.report.impression
            assert section[one["start"] : one["stop"]] == read[one["sentence"]]


def test_studies_say_that_they_are_simulated_and_whose_ct_it_was():
    source = sources.find("simulated")
    studies = list(source.read(Path(), source.options(patients=4, seed=3, size=SIZE, workers=1)))
    for study, (radiograph,) in studies:
        (film,) = study.films
        assert "simulated" in film.licence
        assert "CC BY 3.0" in film.licence
        assert "LIDC-IDRI-0001" in film.credit
        assert "simulated" in film.notes
        assert film.show == study.report.show == "open"
        assert radiograph.pixels.dtype == np.float32
        assert radiograph.pixels.shape == (film.height, film.width)
        assert max(radiograph.pixels.shape) == SIZE
        assert 0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1
        assert radiograph.view in ("PA", "AP")
        assert any(region.source == "simulated anatomy" for region in film.regions)
        known = {region.name.split(" ")[0] for region in film.regions if region.source == "simulated finding"}
        assert known <= set(findings.LESIONS) | {"cardiomegaly"}
    assert len({study.id for study, _ in studies}) == len(studies)


def test_no_patient_is_on_two_sides():
    sides = [simulated.split(number) for number in range(1000)]
    assert (sides.count("train"), sides.count("val"), sides.count("test")) == (700, 100, 200)
    for start in range(0, 1000, 10):
        assert sides[start : start + 10].count("test") == 2
    studies = [study for study, _ in simulated.simulate(6, SEED, size=64, workers=1)]
    by_patient = {}
    for study in studies:
        by_patient.setdefault(study.patient, set()).add(study.split)
    assert all(len(split) == 1 for split in by_patient.values())


def test_a_missing_thorax_and_an_empty_cohort_are_named(tmp_path):
    with pytest.raises(BadSource, match="missing or damaged"):
        next(simulated.read(tmp_path, simulated.Options(patients=4, workers=2)))
    with pytest.raises(BadSource, match="nothing to simulate"):
        next(simulated.read(Path(), simulated.Options(patients=0)))


def test_the_makers_of_films_never_load_torch():
    code = "import sys, medvis.data.studio; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_stopping_early_leaves_no_process():
    making = studio.studies(thorax.SHIPPED, SEED, range(50), 64, 2)
    next(making)
    frame = making.gi_frame.f_locals["running"]
    making.close()
    assert all(process.poll() is not None for process in frame)
