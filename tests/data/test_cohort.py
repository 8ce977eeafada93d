import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvis.data import cohort, cohort_schema, facts, film, report, split
from medvis.data.cohort import Cohort
from medvis.errors import BadCohort, BadSource, NotFound
from medvis.types import Film, Radiograph, Region, Report, Study

KNOWN = Film("", 0, 0, "PA", licence="CC BY 4.0", credit="Somebody", show="open")


def picture(seed: int, height: int = 40, width: int = 30) -> Radiograph:
    """A smooth picture that a JPEG keeps within a few grey values."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    pixels = 0.5 + 0.4 * np.sin(rows / 7 + seed) * np.cos(columns / 5 - seed)
    return Radiograph(pixels.astype(np.float32), (0.2, 0.2), "PA", ("L", "F"), ("8-bit export",))


def pairs() -> Iterator[tuple[Study, tuple[Radiograph, ...]]]:
    """Five studies of four patients: two films, a report alone, a film alone, an identical text and film."""
    region = Region("nodule", (6.0, 4.0, 12.0, 10.0), "drawn")
    first = Report("No effusion.", "Normal.", "CC0", "", "open")
    yield (
        Study(
            "a", "p1", "train", (replace(KNOWN, regions=(region,)), KNOWN), first, {"Nodule": 1, "Edema": 0}
        ),
        (picture(1), picture(2)),
    )
    yield Study("b", "p2", "train", (), Report("May be an effusion.", "", "CC BY-NC-ND 4.0")), ()
    yield (
        Study("c", "p3", "val", (replace(KNOWN, view="LATERAL", show="local"),), None, {"Nodule": 0}),
        (picture(3),),
    )
    yield Study("d", "p4", "test", (KNOWN,), first, {"Nodule": -1}), (picture(1),)
    yield Study("e", "p1", "train", (KNOWN,)), (picture(5),)


def make(path: Path, **options: object) -> Cohort:
    return cohort.create(path, pairs(), name="five", source="drawn", about={"credit": "us"}, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make(tmp_path_factory.mktemp("cohorts") / "five")


def test_a_cohort_read_again_is_what_was_written(five: Cohort) -> None:
    assert [study.id for study in five.studies()] == ["a", "b", "c", "d", "e"]
    study = five.study("a")
    assert study.report == Report("No effusion.", "Normal.", "CC0", "", "open")
    assert study.labels == {"Nodule": 1, "Edema": 0}
    first = study.films[0]
    assert (first.height, first.width, first.view) == (40, 30, "PA")
    assert (first.licence, first.credit, first.show) == ("CC BY 4.0", "Somebody", "open")
    assert (first.spacing, first.orientation, first.notes) == ((0.2, 0.2), ("L", "F"), ("8-bit export",))
    assert first.regions == (Region("nodule", (6.0, 4.0, 12.0, 10.0), "drawn"),)
    assert five.study("c").report is None
    assert five.study("b").films == ()
    assert (five.name, five.source, five.about["credit"]) == ("five", "drawn", "us")


def test_films_come_back_in_place_and_value(five: Cohort) -> None:
    for number, study in enumerate(("a", "c"), 1):
        seen = five.radiograph(five.study(study).films[0])
        wanted = picture({"a": 1, "c": 3}[study])
        assert np.abs(seen.pixels - wanted.pixels).max() < 0.05, number
        assert seen.pixels.dtype == np.float32


def test_png_keeps_every_one_of_256_greys(tmp_path: Path) -> None:
    made = make(tmp_path / "png", format="png")
    seen = made.radiograph(made.study("a").films[0])
    assert np.array_equal(np.rint(seen.pixels * 255), np.rint(picture(1).pixels * 255))


def test_large_films_shrink_with_their_boxes_and_spacing(tmp_path: Path) -> None:
    made = make(tmp_path / "small", side=20)
    shown = made.study("a").films[0]
    assert (shown.height, shown.width) == (20, 15)
    assert shown.regions[0].box == (3.0, 2.0, 6.0, 5.0)
    assert shown.spacing == pytest.approx((0.4, 0.4))
    assert made.radiograph(shown).pixels.shape == (20, 15)


def test_a_box_to_the_edges_of_the_film_stays_there(tmp_path: Path) -> None:
    region = Region("left", (10.0, 0.0, 30.0, 41.0), "drawn")
    study = Study("a", "p", "train", (replace(KNOWN, regions=(region,)),))
    pairs_of = [(study, (picture(1, 41, 30),))]
    made = cohort.create(tmp_path / "c", pairs_of, name="c", source="drawn", about={}, side=20)
    shown = made.study("a").films[0]
    assert shown.regions[0].box == (5, 0, shown.width, shown.height) == (5, 0, 15, 20)


def test_masks_are_kept_beside_the_films_and_fit_them(tmp_path: Path) -> None:
    square = np.zeros((40, 30), np.float32)
    square[4:10, 6:12] = 1
    film.write(Radiograph(square), tmp_path / "mask.png")
    region = Region("nodule", (6.0, 4.0, 12.0, 10.0), "drawn", str(tmp_path / "mask.png"))
    study = Study("a", "p", "train", (replace(KNOWN, regions=(region,)),))
    made = cohort.create(
        tmp_path / "c", [(study, (picture(1),))], name="c", source="drawn", about={}, side=20
    )
    kept = made.study("a").films[0].regions[0]
    mask = made.mask(kept)
    assert mask is not None
    rows, columns = np.nonzero(mask)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == kept.box == (3, 2, 6, 5)


def test_files_are_read_through_the_gate_and_bad_ones_are_counted(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "Smith_John.png"
    film.write(picture(1), good)
    bad.write_bytes(b"not a film")
    studies = [
        (Study("a", "p", "train", (KNOWN, KNOWN)), (bad, good)),
        (Study("b", "q", "train", (KNOWN,)), (tmp_path / "missing.png",)),
        (Study("c", "r", "train", (KNOWN,), Report("Clear.", "")), (tmp_path / "missing.png",)),
    ]
    made = cohort.create(tmp_path / "c", studies, name="c", source="drawn", about={})
    assert [study.id for study in made.studies()] == ["a", "c"]
    assert len(made.study("a").films) == 1
    health = made.health()
    assert sum(health.unread.values()) == 3
    assert [name.partition(":")[0] for name in health.unread_films] == ["a film 0", "b film 0", "c film 0"]
    assert health.left_out == 1
    assert health.without_film == 1
    kept = b"".join(path.read_bytes() for path in made.path.rglob("*") if path.is_file())
    assert b"Smith" not in kept, "a file's name may name a patient and is not kept"


def test_a_source_without_a_readable_study_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="1 films failed"):
        cohort.create(
            tmp_path / "c", [(Study("a", "p", "", (KNOWN,)), (tmp_path / "no.png",))],
            name="c", source="drawn", about={},
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_two_studies_of_one_id_are_refused(tmp_path: Path) -> None:
    twice = [(Study("a", "p", "", (), Report("Clear.", "")), ())] * 2
    with pytest.raises(BadSource, match="'a'"):
        cohort.create(tmp_path / "c", twice, name="c", source="drawn", about={})


def test_a_cohort_is_never_written_over(five: Cohort) -> None:
    with pytest.raises(BadCohort, match="already"):
        make(five.path)


def test_the_hash_is_of_what_a_cohort_holds_not_of_its_file(five: Cohort, tmp_path: Path) -> None:
    again = make(tmp_path / "again")
    assert again.hash == five.hash
    backwards = cohort.create(
        tmp_path / "b", list(pairs())[::-1], name="other", source="other", about={"credit": "them"}
    )
    assert backwards.hash == five.hash


@pytest.mark.parametrize("change", ["report", "film", "region", "label", "side", "patient"])
def test_the_hash_changes_with_everything_that_a_run_can_learn(
    change: str, five: Cohort, tmp_path: Path
) -> None:
    studies = list(pairs())
    study, films = studies[0]
    moved = replace(KNOWN, regions=(Region("nodule", (7.0, 4.0, 12.0, 10.0), "drawn"),))
    studies[0] = {
        "report": (replace(study, report=Report("No effusions.", "Normal.")), films),
        "film": (study, (picture(9), films[1])),
        "region": (replace(study, films=(moved, KNOWN)), films),
        "label": (replace(study, labels={"Nodule": 0, "Edema": 0}), films),
        "side": (replace(study, split="val"), films),
        "patient": (replace(study, patient="p9"), films),
    }[change]
    if change == "side":
        studies[4] = (replace(studies[4][0], split="val"), studies[4][1])
    made = cohort.create(tmp_path / "c", studies, name="five", source="drawn", about={})
    assert made.hash != five.hash


@pytest.mark.parametrize(
    ("facets", "wanted"),
    [
        ({}, "abcde"),
        ({"text": "EFFUSION no"}, "ad"),
        ({"text": "'; DROP TABLE study; --"}, ""),
        ({"text": "c"}, "c"),
        ({"finding": "Nodule"}, "a"),
        ({"view": "LATERAL"}, "c"),
        ({"split": "train"}, "abe"),
        ({"has_film": False}, "b"),
        ({"has_report": False}, "ce"),
        ({"has_report": True, "has_film": True, "split": "test"}, "d"),
        ({"limit": 2}, "ab"),
        ({"text": "%"}, ""),
    ],
)
def test_search_finds_what_fits_every_facet(five: Cohort, facets: dict[str, object], wanted: str) -> None:
    assert "".join(study.id for study in five.search(**facets)) == wanted  # type: ignore[arg-type]


@hypothesis.settings(max_examples=10)
@given(st.lists(st.text(min_size=1, max_size=40), max_size=20))
def test_any_text_comes_back_as_it_flows(texts: list[str]) -> None:
    texts = [report.flow(text) for text in ["Heart normal\n\nNo effusion", *texts]]
    some = [Study(f"s{n}", f"p{n}", "", (), Report(text, "")) for n, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        made = cohort.create(
            Path(folder) / "c", [(study, ()) for study in some], name=texts[-1],
            source="drawn", about={},
        )  # fmt: skip
    for study in some:
        assert study.report is not None
        if study.report.findings:
            assert made.study(study.id).report == study.report


def test_an_unknown_study_is_not_found(five: Cohort) -> None:
    with pytest.raises(NotFound, match="worklist"):
        five.study("../../etc/passwd")


def test_health_counts_what_is_doubtful(five: Cohort) -> None:
    health = five.health()
    assert (health.studies, health.patients, health.films, health.reports) == (5, 4, 5, 3)
    assert (health.without_film, health.without_report) == (1, 2)
    assert (health.empty_findings, health.empty_impression) == (0, 1)
    assert (health.duplicate_texts, health.most_common_text, health.duplicate_films) == (2, 2, 2)
    assert (health.leaking_patients, health.leaking_texts, health.leaking_films) == (0, 1, 1)
    assert (health.sentences, health.negated, health.uncertain) == (5, 2, 1)
    assert (health.words, health.words_a_report, health.vocabulary) == (10, 3, 6)
    assert health.findings == {"Nodule": (1, 1, 1), "Edema": (0, 1, 0)}
    assert health.views == {"PA": 4, "LATERAL": 1}
    assert health.show == "local"
    assert health.licences == {"CC BY 4.0 (films)": 5, "CC0 (reports)": 2, "CC BY-NC-ND 4.0 (reports)": 1}
    assert health.sides["train"] == "3 studies of 2 patients"
    assert health.leaks
    assert "leaking films     1" in str(health)


def files(path: Path) -> Path:
    return path / "cohort.duckdb"


def spoil_half(path: Path) -> None:
    files(path).write_bytes(files(path).read_bytes()[:5000])


def spoil_row(path: Path) -> None:
    with duckdb.connect(str(files(path))) as connection:
        connection.execute("UPDATE report SET findings = 'Large effusion.'")


def spoil_schema(path: Path) -> None:
    with duckdb.connect(str(files(path))) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema'")


def spoil_log(path: Path) -> None:
    files(path).with_name("cohort.duckdb.wal").write_bytes(b"x")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: files(path).unlink(), "has no cohort.duckdb"),
        (lambda path: files(path).write_bytes(b"SQLite"), "damaged"),
        (spoil_half, "damaged"),
        (spoil_row, "does not hold what its hash says"),
        (spoil_schema, "schema '0'"),
        (spoil_log, "not written to its end"),
    ],
)
def test_a_damaged_cohort_is_refused_with_its_cause(tmp_path: Path, spoil: object, told: str) -> None:
    path = make(tmp_path / "c").path
    spoil(path)  # type: ignore[operator]
    with pytest.raises(BadCohort, match=re.escape(told)):
        Cohort.open(path)


def test_damaged_films_are_found(tmp_path: Path) -> None:
    made = make(tmp_path / "c")
    assert made.damaged() == ()
    shown = made.study("a").films[0]
    (made.path / shown.file).write_bytes(b"x")
    assert made.damaged() == (shown.file,)
    with pytest.raises(BadCohort, match="missing or damaged"):
        made.radiograph(shown)


def test_no_film_outside_the_folder_is_read(five: Cohort, tmp_path: Path) -> None:
    film.write(picture(1), five.path.parent / "secret.png")
    with pytest.raises(BadCohort):
        five.radiograph(Film("../secret.png", 40, 30))


def test_the_file_has_the_old_format_and_no_log(five: Cohort) -> None:
    assert [path.name for path in five.path.iterdir() if path.is_file()] == ["cohort.duckdb"]
    with duckdb.connect(str(files(five.path)), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE path IS NOT NULL").fetchall()
    assert "v1.0.0" in json.dumps(tags)


def test_readers_are_hardened(five: Cohort) -> None:
    with duckdb.connect(str(files(five.path)), read_only=True, config=cohort_schema.HARDENED) as connection:
        for statement in (
            "SELECT * FROM read_text('/etc/hostname')",
            "SET enable_external_access = true",
            "DELETE FROM study",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=30, unique=True))
def test_hashed_sides_depend_on_the_patient_alone(patients: list[str]) -> None:
    alone = [split.settle([(one, "")])[0][0] for one in patients]
    assert split.settle([(one, "") for one in patients])[0] == alone
    assert set(alone) <= set(split.SIDES)


def test_hashed_sides_have_their_shares() -> None:
    sides = [split.hashed(f"P{number}") for number in range(20_000)]
    for side, share in zip(split.SIDES, (0.8, 0.1, 0.1), strict=True):
        assert sides.count(side) / len(sides) == pytest.approx(share, abs=0.01)


def test_a_source_that_puts_a_patient_on_two_sides_is_divided_anew() -> None:
    sides, how = split.settle([("p", "train"), ("p", "test"), ("q", "val")])
    assert sides[0] == sides[1]
    assert "1 patients on two sides" in how
    assert split.settle([("p", "train"), ("q", "test")]) == (["train", "test"], "the source's")


@pytest.mark.parametrize(
    ("licence", "wanted"),
    [
        ("CC BY 4.0", "open"), ("CC-BY 3.0", "open"), ("CC0", "open"), ("Public Domain", "open"),
        ("NIH Clinical Center: no restrictions on use; credit required", "open"),
        ("CC BY 3.0 (derived from LIDC-IDRI-0001, The Cancer Imaging Archive); simulated", "open"),
        ("CC BY-NC-SA 4.0", "local"), ("CC BY-NC-ND", "local"), ("CC BY-SA", "local"),
        ("CC BY ND 4.0", "local"),
        ("", "local"), ("unknown", "local"), ('rad2share: "listed as authorized for everyone"', "local"),
        ("PhysioNet Credentialed Health Data License 1.5.0", "restricted"),
    ],
)  # fmt: skip
def test_licences_fall_into_their_class(licence: str, wanted: str) -> None:
    assert facts.show(licence) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("PA", ("PA", ())),
        ("ap", ("AP", ())), ("AP Supine", ("AP", ("supine",))), ("AP_ERECT", ("AP", ("erect",))),
        ("L", ("LATERAL", ())), ("LL", ("LATERAL", ())), ("Axial", ("", ())), ("", ("", ())),
        ("frontal (AP/PA not stated)", ("", ("frontal, AP or PA not stated",))),
    ],
)  # fmt: skip
def test_views_are_told_in_our_words(said: str, wanted: tuple[str, tuple[str, ...]]) -> None:
    assert facts.view(said) == wanted
