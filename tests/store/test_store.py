"""The store: what was published comes back, nothing else does, and what is damaged is refused by name."""

import re
import shutil
import threading
from pathlib import Path

import duckdb
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor

from medvis.errors import BadStore
from medvis.store import schema
from medvis.store.matrix import Rows
from medvis.store.publish import publish
from medvis.store.schema import About
from medvis.store.store import HARDENED, Store

COHORT = "c" * 64


def about(d: int, **changes: object) -> About:
    values: dict[str, object] = {"curv": 2.0, "densities": True} | changes
    return About("r" * 64, COHORT, "toy", values.pop("geometry", "lorentz"), d, **values)


def some(n: int, d: int, *, seed: int = 0, **names: tuple[str, ...]) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    study = tuple(f"s{i}" for i in range(n))
    fields = {
        "kind": ("film",) * n, "study": study, "patient": study, "split": ("test",) * n,
        "ref": ("film0",) * n, "text_hash": ("",) * n,
    } | names  # fmt: skip
    mean, log_scale = torch.randn(2, n, d, generator=generator)
    return Rows(**fields, mean=mean, log_scale=log_scale, root_dist=mean.double().norm(dim=1))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a store of two films, their reports and a prompt."""
    folder = tmp_path / "hyden"
    kind = ("film", "film", "report", "report", "prompt")
    study = ("a", "b", "a", "b", "")
    text = ("", "", "t" * 64, "u" * 64, "v" * 64)
    ref = ("film0", "film0", "report", "report", "no effusion")
    split = ("train", "test", "train", "test", "")
    publish(
        folder,
        COHORT,
        [some(5, 3, kind=kind, study=study, patient=study, text_hash=text, ref=ref, split=split)],
        about(3),
    )
    return folder


def test_what_was_published_comes_back_to_the_bit(run: Path) -> None:
    published = some(5, 3)
    with Store.open(run, COHORT) as store:
        found = store.rows()
        assert found.ref == ("film0", "film0", "report", "report", "no effusion")
        assert torch.equal(found.mean, published.mean)
        assert found.log_scale is not None
        assert torch.equal(found.log_scale, published.log_scale)
        assert torch.equal(found.root_dist, published.root_dist)
        assert store.manifest.about == about(3)
        assert (store.count(), store.count("film"), store.count("sentence")) == (5, 2, 0)


def test_rows_are_chosen_by_kind_split_and_study(run: Path) -> None:
    with Store.open(run, COHORT) as store:
        assert store.rows(kinds=["report"]).study == ("a", "b")
        assert store.rows(kinds=["film", "report"], split="test").kind == ("film", "report")
        assert store.rows(study="a").kind == ("film", "report")
        nothing = store.rows(study="a' OR 1=1 --")
        assert len(nothing) == 0
        assert nothing.mean.shape == (0, 3)


@settings(max_examples=15)
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), min_size=1, max_size=4
    ),
    split=st.integers(0, 4),
)
def test_any_text_survives_and_batches_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], split: int
) -> None:
    n = len(names)
    whole = some(n, 2, study=tuple(names), ref=tuple(reversed(names)))
    batches = [part(whole, slice(0, split)), part(whole, slice(split, n))]
    folder = tmp_path_factory.mktemp("run")
    publish(folder, COHORT, batches, about(2))
    with Store.open(folder, COHORT) as store:
        found = store.rows()
        assert (found.study, found.ref) == (whole.study, whole.ref)
        assert torch.equal(found.mean, whole.mean)
        assert all(study == names[0] for study in store.rows(study=names[0]).study)


def part(rows: Rows, which: slice) -> Rows:
    names = (rows.kind, rows.study, rows.patient, rows.split, rows.ref, rows.text_hash)
    assert rows.log_scale is not None
    return Rows(
        *(name[which] for name in names), rows.mean[which], rows.log_scale[which], rows.root_dist[which]
    )


def test_points_have_no_spread(tmp_path: Path) -> None:
    rows = some(2, 3)
    unit = torch.nn.functional.normalize(rows.mean, dim=1)
    points = Rows(
        rows.kind, rows.study, rows.patient, rows.split, rows.ref, rows.text_hash, unit, None, rows.root_dist
    )
    publish(tmp_path, COHORT, [points], about(3, geometry="sphere", curv=0.0, densities=False))
    with Store.open(tmp_path, COHORT) as store:
        assert store.rows().log_scale is None
        matrix = store.matrix(["film"])
        assert (matrix.d, matrix.curv) == (3, 0.0)
        torch.testing.assert_close(matrix.vectors.norm(dim=0), torch.ones(2))


def test_a_matrix_lies_on_the_hyperboloid_and_folds_equal_texts(tmp_path: Path) -> None:
    kind = ("film", "sentence", "sentence", "sentence", "sentence", "film")
    text = ("", "same", "other", "same", "same", "")
    publish(tmp_path, COHORT, [some(6, 3, kind=kind, text_hash=text)], about(3))
    with Store.open(tmp_path, COHORT) as store:
        both, sentences = store.matrix(["film", "sentence"]), store.matrix(["sentence"])
        means = store.rows().mean
    assert both.vectors.shape == (4, 4)
    product = both.vectors[:3].double().square().sum(0) - both.vectors[3].double().square()
    torch.testing.assert_close(product, torch.full((4,), -1 / 2.0, dtype=torch.double), atol=1e-5, rtol=1e-5)
    members = [both.rows[a:b].tolist() for a, b in zip(both.start[:-1], both.start[1:], strict=True)]
    assert members == [[0], [1, 3, 4], [2], [5]]
    assert torch.equal(both.vectors[:3], means[[0, 1, 2, 5]].T)
    assert both.vector.tolist() == [0, 1, 2, 1, 1, 3]
    assert (len(sentences), sentences.vectors.shape[1], sentences.study[0]) == (4, 2, "s1")
    assert both.reach == pytest.approx(float(both.vectors.norm(dim=0).max()))


def test_rows_come_in_the_order_of_their_numbers_wherever_they_lie_in_the_file(run: Path) -> None:
    forge(run, shuffled)
    published = some(5, 3)
    with Store.open(run, COHORT) as store:
        assert store.rows().kind == ("film", "film", "report", "report", "prompt")
        assert torch.equal(store.rows().mean, published.mean)
        assert torch.equal(store.matrix(["film", "prompt"]).vectors[:3].T, published.mean[[0, 1, 4]])


def shuffled(file: Path) -> None:
    """Write the rows of the fixture in another order."""
    rows = some(5, 3)
    assert rows.log_scale is not None
    kind, study = ("film", "film", "report", "report", "prompt"), ("a", "b", "a", "b", "")
    with duckdb.connect(str(file)) as connection:
        connection.execute(schema.create(3))
        for at in (3, 0, 4, 2, 1):
            names = [at, kind[at], study[at], "p", "test", "x", ""]
            numbers = [rows.mean[at].tolist(), rows.log_scale[at].tolist(), 0.0]
            connection.execute("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", names + numbers)


def test_a_column_finds_the_rows_of_a_name_and_none_for_no_name(run: Path) -> None:
    with Store.open(run, COHORT) as store:
        matrix = store.matrix(schema.KINDS)
    assert matrix.study.where("b").tolist() == [1, 3]
    assert matrix.study.where("nobody").tolist() == []
    assert matrix.study.where("").tolist() == [], "an empty name means that there is none, not that all match"


def test_a_big_store_is_read_in_blocks_without_mixing_rows(tmp_path: Path) -> None:
    n = 40_000
    first, second = some(n // 2, 2, seed=1), some(n // 2, 2, seed=2)
    publish(tmp_path, COHORT, [first, second], about(2))
    with Store.open(tmp_path, COHORT) as store:
        matrix = store.matrix(["film"])
    assert torch.equal(matrix.vectors[:2].T, torch.cat([first.mean, second.mean]))


# damage


def files(run: Path) -> tuple[Path, Path]:
    folder = run / "stores" / COHORT
    return folder / "gen-1.duckdb", folder / "manifest.json"


def refused(folder: Path, shown: str, **ask: str) -> None:
    with pytest.raises(BadStore, match=shown) as caught:
        Store.open(folder, COHORT, **ask)
    assert "medvis embed hyden --cohort" in caught.value.remedy
    assert str(folder.parent) not in str(caught.value), "a message shows no path of this machine"


def test_no_store_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    refused(tmp_path / "hyden", "hyden/stores/c+ holds no store", cohort="toy")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(run: Path, share: float) -> None:
    file, _ = files(run)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    refused(run, r"hyden/stores/c+/gen-1.duckdb has \d+ bytes instead of")


def test_every_flipped_bit_is_found(run: Path) -> None:
    file, _ = files(run)
    whole = file.read_bytes()
    for at in torch.randint(len(whole), (40,), generator=torch.Generator().manual_seed(0)).tolist():
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        refused(run, "gen-1.duckdb has other content than was published")


def test_a_missing_file_is_refused(run: Path) -> None:
    files(run)[0].unlink()
    refused(run, "gen-1.duckdb is missing")


def test_a_file_with_a_log_beside_it_is_refused(run: Path) -> None:
    file, _ = files(run)
    file.with_name("gen-1.duckdb.wal").write_bytes(b"x")
    refused(run, "has a log beside it")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"schema": 99}'])
def test_a_damaged_manifest_is_refused(run: Path, content: bytes) -> None:
    files(run)[1].write_bytes(content)
    refused(run, "hyden/stores/c+/manifest.json")


def forge(run: Path, make: object) -> None:
    """Put a foreign file in the store's place, with a manifest that has its true size and hash."""
    from medvis.store.store import file_hash

    file, manifest = files(run)
    file.unlink()
    make(file)
    text = manifest.read_text()
    text = re.sub(r'"sha256": "\w+"', f'"sha256": "{file_hash(file)}"', text)
    manifest.write_text(re.sub(r'"size": \d+', f'"size": {file.stat().st_size}', text))


def test_a_file_that_is_no_database_is_refused_even_with_its_true_hash(run: Path) -> None:
    forge(run, lambda file: file.write_bytes(b"not a database" * 1000))
    refused(run, "gen-1.duckdb is not a DuckDB file")


def test_a_database_of_something_else_is_refused_even_with_its_true_hash(run: Path) -> None:
    def other(file: Path) -> None:
        with duckdb.connect(str(file)) as connection:
            connection.execute("CREATE TABLE cat (name VARCHAR)")

    forge(run, other)
    refused(run, "gen-1.duckdb cannot be read")


def test_a_store_with_other_rows_than_promised_is_refused(run: Path) -> None:
    def fewer(file: Path) -> None:
        with duckdb.connect(str(file)) as connection:
            connection.execute(schema.create(3))

    forge(run, fewer)
    refused(run, "other rows than its manifest says")


def test_a_store_of_another_cohort_or_of_other_weights_is_refused(run: Path) -> None:
    shutil.copytree(run / "stores" / COHORT, run / "stores" / ("d" * 64))
    with pytest.raises(BadStore, match="another cohort"):
        Store.open(run, "d" * 64)
    refused(run, "other weights", run="q" * 64)
    Store.open(run, COHORT, run="r" * 64).close()


# safety


@pytest.mark.parametrize(
    "statement",
    [
        "COPY item TO '/tmp/stolen.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/other.duckdb'",
        "SET enable_external_access = true",
        "SET threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "DELETE FROM item",
        "UPDATE item SET study = 'x'",
        "SELECT * FROM private",
    ],
)
def test_a_hardened_reader_can_neither_write_nor_reach_outside(run: Path, statement: str) -> None:
    private = pytest.importorskip("pandas").DataFrame({"secret": [1]})
    with Store.open(run, COHORT) as store, store._connection.cursor() as cursor:
        with pytest.raises(duckdb.Error):
            cursor.execute(statement)
        assert len(private) == 1
    assert HARDENED["enable_external_access"] is False


def test_eight_threads_get_their_own_rows_only(tmp_path: Path) -> None:
    n, d = 64, 4
    canary = torch.arange(n, dtype=torch.float32)[:, None].expand(n, d).contiguous()
    plain = some(n, d)
    publish(
        tmp_path,
        COHORT,
        [
            Rows(
                plain.kind,
                plain.study,
                plain.patient,
                plain.split,
                plain.ref,
                plain.text_hash,
                canary,
                canary,
                plain.root_dist,
            )
        ],
        about(d),
    )
    wrong: list[object] = []
    with Store.open(tmp_path, COHORT) as store:

        def ask(seed: int) -> None:
            for at in torch.randint(n, (80,), generator=torch.Generator().manual_seed(seed)).tolist():
                found = store.rows(study=f"s{at}")
                if found.study != (f"s{at}",) or not bool((found.mean == at).all()):
                    wrong.append((at, found.study))

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong, f"{len(wrong)} of 640 look-ups returned another thread's row"


def test_files_can_be_opened_by_older_duckdb(run: Path) -> None:
    with duckdb.connect(str(files(run)[0]), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
    assert tags is not None
    assert tags[0]["storage_version"].startswith("v1.0.0")


def test_published_rows_are_checked(tmp_path: Path) -> None:
    from medvis.errors import NonFinite

    def broken(values: Float[Tensor, "n d"]) -> Rows:
        rows = some(2, 3)
        return Rows(
            rows.kind,
            rows.study,
            rows.patient,
            rows.split,
            rows.ref,
            rows.text_hash,
            values,
            values,
            rows.root_dist,
        )

    with pytest.raises(NonFinite, match="s1 film0: its mean is not a number"):
        publish(tmp_path, COHORT, [broken(torch.tensor([[0.0, 0, 0], [0, float("nan"), 0]]))], about(3))
    with pytest.raises(ValueError, match="does not fit"):
        publish(tmp_path, COHORT, [broken(torch.zeros(2, 4))], about(3))
    with pytest.raises(ValueError, match="a kind that no store has"):
        publish(tmp_path, COHORT, [some(1, 3, kind=("cat",))], about(3))
    with pytest.raises(ValueError, match="different lengths"):
        publish(tmp_path, COHORT, [some(1, 3, split=("test", "test"))], about(3))
    with pytest.raises(ValueError, match="unit"):
        publish(tmp_path, COHORT, [some(1, 3)], about(3, geometry="sphere", curv=0.0))
    assert not list((tmp_path / "stores" / COHORT).glob("*gen*")), "nothing is left of what was refused"
