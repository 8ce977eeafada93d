"""Evaluation: an untrained run is at chance, a run that knows is found out, and no number is NaN."""

import dataclasses
import json
import math

import pytest
import torch
from small_run import small_cohort, small_run

from medvis.data.cohort import Cohort
from medvis.errors import BadCohort, BadStore, NotFound
from medvis.store.matrix import Rows
from medvis.store.publish import publish
from medvis.store.store import Store
from medvis.types import Mode
from train import evaluate, measures
from train.embed import embed
from train.subject import Subject, subject

METHODS = ("clip", "meru", "hyden")


@pytest.fixture
def cohort() -> Cohort:
    return small_cohort(40)


@pytest.mark.parametrize("method", METHODS)
def test_every_figure_is_there_finite_and_kept_beside_the_store(method: str, cohort: Cohort) -> None:
    run = small_run(cohort, method)
    embed(run, cohort)
    found = evaluate.evaluate(run, cohort, split="all")
    with Store.open(run.folder, cohort.hash) as store:
        kept = (store.folder / "metrics.json").read_text()
    assert json.loads(kept, parse_constant=pytest.fail) == found, "NaN and Infinity are no JSON"
    assert found["counts"] == {
        "studies": 40, "with a film": 39, "with a report": 39, "with both": 38, "patients": 20,
    }  # fmt: skip
    modes = [(one["direction"], one["mode"]) for one in found["retrieval"]]
    alone = "global" if method == "hyden" else "point"
    assert modes[:2] == [("film to report", alone), ("report to film", alone)]
    assert modes[2:] == (
        [("film to report", "conditioned"), ("report to film", "conditioned")] if method == "hyden" else []
    )
    for one in found["retrieval"]:
        assert (one["pool"], [at["k"] for at in one["recall"]]) == (38, [1, 5, 10])
        for at in (*one["recall"], *one["precision"]):
            assert at["found"]["low"] <= at["found"]["value"] <= at["found"]["high"]
            assert at["found"]["patients"] <= 20
            assert 0 <= at["chance"] <= 1
    names = {(one["finding"], one["mode"]) for one in found["zero_shot"]}
    assert ("Effusion", alone) in names
    assert {one["sort"] for one in found["encapsulation"]} == {
        {"clip": "none", "meru": "cone", "hyden": "density"}[method]
    }
    text = evaluate.summary(found)
    assert "chance" in text
    assert "'pleural effusion' / 'no pleural effusion'" in text
    assert "nan" not in text.lower().replace("finding", "")
    assert "word for word" in text, "how identical texts are counted is said"


def test_random_places_are_at_chance_in_every_score(cohort: Cohort) -> None:
    """The same code on places that know nothing: over several draws the mean is chance, within its error."""
    run = small_run(cohort)
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        measured = subject(run.model(), cohort, store, None)
    recalls, chances, areas = [], [], []
    for seed in range(30):
        film, report = (
            evaluate._random(one, 100 * seed + at) for at, one in enumerate((measured.film, measured.report))
        )
        for one in measures.retrieval(measured, film[measured.paired], report):
            recalls += [at.found.value for at in one.recall]
            chances += [at.chance for at in one.recall]
        areas += [one.auc.value for one in measures.zero_shot(measured, Mode.GLOBAL, film)]
    error = [math.sqrt(chance * (1 - chance) / (38 * 30)) for chance in chances[:3]]
    for at in range(3):
        mean = sum(recalls[at::3]) / len(recalls[at::3])
        assert mean == pytest.approx(chances[at], abs=4 * error[at]), "a random run must not beat chance"
    assert sum(areas) / len(areas) == pytest.approx(0.5, abs=4 * 0.1 / math.sqrt(len(areas)))


def test_films_of_noise_given_each_text_are_at_chance(cohort: Cohort) -> None:
    """Conditioning shows a film every text; given only its own it would find it in noise, at R@1 near 1."""
    recalls, chance = [], 0.0
    for seed in range(4):
        run = small_run(cohort, "hyden", name=f"noise{seed}", seed=seed)
        embed(run, cohort)
        with Store.open(run.folder, cohort.hash) as store, torch.inference_mode():
            measured = subject(run.model(), cohort, store, None)
            found = measures.reranked(measured)
        recalls += [one.recall[1].found.value for one in found]
        chance = found[0].recall[1].chance
    # Films of noise crowd round the same few texts, so a run's two directions hit together: they count once.
    assert sum(recalls) / len(recalls) == pytest.approx(
        chance, abs=4 * math.sqrt(chance * (1 - chance) / (38 * 4))
    )


def know(store: Store, run_folder: object, cohort: Cohort, *, reports: bool) -> None:
    """Publish a store in which every film lies where its report lies, or else where its finding does."""
    rows, about = store.rows(), store.manifest.about
    mean = rows.mean.clone()
    place = {(study, ref): row for row, (study, ref) in enumerate(zip(rows.study, rows.ref, strict=True))}
    for study in cohort.studies():
        source = (study.id, "report") if reports else ("", "no pleural effusion")
        if not reports and study.labels["Effusion"]:
            source = ("", "pleural effusion")
        for at in range(len(study.films)):
            if source in place:
                mean[place[study.id, f"film{at}"]] = mean[place[source]]
    publish(run_folder, cohort.hash, [dataclasses.replace(rows, mean=mean)], about)


@pytest.mark.parametrize("reports", [True, False])
def test_a_run_that_knows_is_perfect(reports: bool, cohort: Cohort) -> None:
    run = small_run(cohort, "meru")
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        know(store, run.folder, cohort, reports=reports)
    found = evaluate.evaluate(run, cohort, split="all")
    if reports:
        for one in found["retrieval"]:
            assert one["recall"][0]["found"]["value"] == 1.0
            assert one["median_rank"] == 1.0
            assert one["recall"][0]["chance"] < 0.3
    else:
        areas = {one["finding"]: one["auc"]["value"] for one in found["zero_shot"]}
        assert areas["Effusion"] == 1.0


def test_identical_reports_count_as_the_own_and_chance_allows_for_them(cohort: Cohort) -> None:
    run = small_run(cohort, "meru")
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        measured = subject(run.model(), cohort, store, None)
    texts = [study.report.text for study in measured.pairs]
    people = [study.patient for study in measured.pairs]
    one = measures.retrieval(measured, measured.film[measured.paired], measured.report)[0]
    assert one.with_copies == sum(texts.count(text) > 1 for text in texts) > 0
    chance = []
    for text, patient in zip(texts, people, strict=True):
        own = sum(other == text for other in texts)
        pool = sum(p != patient or other == text for p, other in zip(people, texts, strict=True))
        chance.append(own / pool)
    assert one.recall[0].chance == pytest.approx(sum(chance) / len(chance))


def test_a_label_without_positives_is_said_to_be_one(cohort: Cohort) -> None:
    from small_run import SENTENCES, studies

    from medvis.data import cohort as cohorts
    from medvis.data import places

    del SENTENCES
    made = [
        (dataclasses.replace(study, labels={"Mass": 0, "Effusion": study.labels["Effusion"]}), films)
        for study, films in studies(12)
    ]
    rare = cohorts.create(places.new_cohort("rare"), made, name="rare", source="made", about={}, format="png")
    run = small_run(rare, "clip", name="rare")
    embed(run, rare)
    found = evaluate.evaluate(run, rare, split="all")
    mass = next(one for one in found["zero_shot"] if one["finding"] == "Mass")
    assert (mass["auc"]["value"], mass["auc"]["why"]) == (None, "n/a (0 positives)")
    assert (mass["n_pos"], mass["n_neg"]) == (0, 11)
    assert "n/a (0 positives)" in evaluate.summary(found)


def test_the_test_split_is_measured_unless_another_is_named(cohort: Cohort) -> None:
    run = small_run(cohort, "clip")
    embed(run, cohort)
    found = evaluate.evaluate(run, cohort)
    assert found["split"] == "test"
    assert found["counts"]["studies"] == len(cohort.studies("test")) < 40
    assert "on split test" in evaluate.summary(found)
    with pytest.raises(BadCohort, match="Split val of small has no film"):
        evaluate.evaluate(run, cohort, split="val")
    with pytest.raises(NotFound, match="Use train, val, test or all"):
        evaluate.evaluate(run, cohort, split="tset")


def test_a_run_that_was_not_embedded_is_told_how(cohort: Cohort) -> None:
    run = small_run(cohort, "clip")
    with pytest.raises(BadStore, match="medvis embed small --cohort small"):
        evaluate.evaluate(run, cohort)


def test_conditioning_ranks_only_the_first_of_the_list_anew(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the conditioned scores are, the first three stay the first three, in another order."""
    run = small_run(cohort)
    embed(run, cohort)
    monkeypatch.setattr(measures, "RERANKED", 3)
    far = torch.randn(38, 38, generator=torch.Generator().manual_seed(0)) - 1000
    monkeypatch.setattr(Subject, "conditioned", lambda *_: far)
    with Store.open(run.folder, cohort.hash) as store, torch.inference_mode():
        measured = subject(run.model(), cohort, store, None)
        alone = measures.retrieval(measured, measured.film[measured.paired], measured.report)
        anew = measures.reranked(measured)
    for before, after in zip(alone, anew, strict=True):
        assert (before.direction, after.mode) == (after.direction, "conditioned")
        for at in (1, 2):
            assert after.recall[at].found.value == before.recall[at].found.value, (
                "beyond the third nothing moves"
            )


def test_a_store_that_lacks_an_item_is_refused(cohort: Cohort) -> None:
    run = small_run(cohort, "clip")
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        rows, about = store.rows(), store.manifest.about
    few = Rows(
        *(
            getattr(rows, field.name)[:5] if getattr(rows, field.name) is not None else None
            for field in dataclasses.fields(rows)
        )
    )
    publish(run.folder, cohort.hash, [few], about)
    with pytest.raises(BadStore, match="lacks"):
        evaluate.evaluate(run, cohort, split="all")
