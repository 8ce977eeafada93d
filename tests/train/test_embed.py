"""Embedding: every thing a study has is placed alone, what it lacks is counted, nothing else is stored."""

import pytest
import torch
from small_run import SENTENCES, small_cohort, small_run, studies

from medvis.data import batch, frame, report
from medvis.data.cohort import Cohort
from medvis.errors import BadRun, NonFinite
from medvis.explain import prompts
from medvis.geometry.lorentz import Lorentz
from medvis.store.store import Store
from train.embed import embed


@pytest.fixture
def cohort() -> Cohort:
    return small_cohort(8)


def test_every_item_is_placed_and_what_is_missing_is_counted(cohort: Cohort) -> None:
    run = small_run(cohort)
    assert embed(run, cohort).name == "gen-1.duckdb"
    with Store.open(run.folder, cohort.hash, run=run.id) as store:
        manifest, rows = store.manifest, store.rows()
    counts = {
        "film": 8,  # eight studies: one without, one with two
        "report": 7,
        "findings": 6,
        "impression": 7,
        "sentence": sum(len(report.sentences(study.report)) for study in cohort.studies() if study.report),
        "prompt": 4,
    }
    assert manifest.counts == counts
    assert manifest.about.left_out == {
        "studies without a film": 1,
        "studies without a report": 1,
        "reports without findings": 1,
        "reports without impression": 0,
    }
    assert (manifest.about.run, manifest.about.cohort_name) == (run.id, "small")
    assert (manifest.about.geometry, manifest.about.d, manifest.about.densities) == ("lorentz", 16, True)
    assert {ref for kind, ref in zip(rows.kind, rows.ref, strict=True) if kind == "prompt"} == {
        "cardiomegaly", "no cardiomegaly", "pleural effusion", "no pleural effusion",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["clip", "meru", "hyden"])
def test_stored_places_are_those_of_each_item_alone(method: str, cohort: Cohort) -> None:
    run = small_run(cohort, method)
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        rows, about = store.rows(), store.manifest.about
    model = run.model()
    at = {(study, ref): row for row, (study, ref) in enumerate(zip(rows.study, rows.ref, strict=True))}
    with torch.inference_mode():
        for study in cohort.studies():
            if (shown := batch.frontal(study)) is not None:
                pixels, seen, _ = frame.fit(cohort.radiograph(shown).pixels, model.image.record.size)
                place = model.method.place(model.image(pixels[None], seen[None])).whole
                torch.testing.assert_close(
                    rows.mean[at[study.id, "film0"]], place.mean[0], atol=1e-5, rtol=1e-4
                )
            for sentence in report.sentences(study.report) if study.report else ():
                place = model.method.place(model.text.encode([sentence.text])).whole
                row = at[study.id, sentence.id]
                torch.testing.assert_close(rows.mean[row], place.mean[0], atol=1e-5, rtol=1e-4)
                assert (rows.log_scale is None) == (place.log_scale is None)
                if rows.log_scale is not None:
                    torch.testing.assert_close(rows.log_scale[row], place.log_scale[0], atol=1e-5, rtol=1e-4)
                assert rows.text_hash[row] == report.text_hash(sentence.text)
                assert rows.kind[row] == "sentence"
    if about.geometry == "lorentz":
        expected = Lorentz(about.curv).root_dist(rows.mean.double())
        torch.testing.assert_close(rows.root_dist, expected)
    else:
        assert not rows.root_dist.any()


def test_no_text_and_no_picture_is_in_a_store(cohort: Cohort) -> None:
    run = small_run(cohort)
    content = embed(run, cohort).read_bytes()
    for sentence in SENTENCES:
        assert sentence.encode() not in content


def test_a_second_embedding_is_the_next_generation_with_the_same_numbers(cohort: Cohort) -> None:
    run = small_run(cohort)
    embed(run, cohort)
    with Store.open(run.folder, cohort.hash) as store:
        first = store.rows()
    assert embed(run, cohort).name == "gen-2.duckdb"
    with Store.open(run.folder, cohort.hash) as store:
        second = store.rows()
    assert first.ref == second.ref
    assert torch.equal(first.mean, second.mean)


def test_a_run_whose_numbers_are_broken_publishes_nothing(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(cohort)
    model = run.model()
    with torch.no_grad():
        model.method.image_mean.alpha.fill_(float("nan"))
    monkeypatch.setattr(type(run), "model", lambda _: model)
    with pytest.raises(NonFinite, match="nothing was published"):
        embed(run, cohort)
    assert not list((run.folder / "stores").rglob("gen-*"))


def test_a_damaged_run_is_refused(cohort: Cohort) -> None:
    run = small_run(cohort)
    weights = run.folder / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadRun, match="damaged"):
        embed(run, cohort)


def test_prompts_are_pairs_that_a_person_would_say() -> None:
    assert prompts.pair("Pleural_Thickening") == ("pleural thickening", "no pleural thickening")
    assert prompts.pair("No Finding")[0] == "no acute cardiopulmonary abnormality"
    assert prompts.pair("Effusion") == ("pleural effusion", "no pleural effusion")
    assert prompts.pair("Viral") == ("viral pneumonia", "no viral pneumonia")
    names = prompts.findings(study for study, _ in studies(4))
    assert names == ("Cardiomegaly", "Effusion")
    assert len(prompts.texts(["Normal", "No Finding", "Abnormal"])) == 2, "a text is a row once"
