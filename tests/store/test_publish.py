"""Publishing: whoever is killed when, a reader sees one whole generation, and never an older one again."""

import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from medvis.errors import BadStore
from medvis.store import store as stores
from medvis.store.matrix import Rows
from medvis.store.publish import KEPT, publish
from medvis.store.schema import About
from medvis.store.store import Store

COHORT = "c" * 64
FOLDER = Path("stores") / COHORT
D = 8
KILLS = 25


def generation(number: int) -> Iterator[Rows]:
    """Yield a store whose every number says which one it is; each has another count of rows."""
    for kind, n in (("film", 200 + number % 7), ("sentence", 300)):
        names = tuple(f"{number}-{i}" for i in range(n))
        value = torch.full((n, D), float(number))
        root = torch.full((n,), float(number), dtype=torch.double)
        yield Rows((kind,) * n, names, names, ("test",) * n, (kind,) * n, ("",) * n, value, None, root)


def about(number: int) -> About:
    return About(f"run {number}", COHORT, "toy", "lorentz", D, 1.0, False, {"number": number})


def write_for_ever(folder: Path, first: int, ready: Connection) -> None:
    """Publish one numbered store after another; run in a process that is killed."""
    ready.send("here")
    for number in range(first, first + 10_000):
        publish(folder, COHORT, generation(number), about(number))


def check(folder: Path) -> tuple[int, int]:
    """Open what is there and return its generation and number, after seeing that it is whole and one."""
    with Store.open(folder, COHORT) as store:
        number = store.manifest.about.left_out["number"]
        rows = store.rows()
        assert store.manifest.counts == {"film": 200 + number % 7, "sentence": 300}
        assert len(rows) == store.count()
        assert bool((rows.mean == number).all()), "rows of two generations in one file"
        assert {name.partition("-")[0] for name in rows.study} == {str(number)}
        return store.manifest.generation, number


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that start in milliseconds: forked from a server that has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medvis.store.publish", "pandas", "pyarrow.dataset", __name__])
    return context


def test_no_reader_ever_sees_half_a_store_whenever_the_writer_dies(
    tmp_path: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    generator = torch.Generator().manual_seed(0)
    publish(tmp_path, COHORT, generation(0), about(0))
    newest, number, checks, left_behind = 1, 0, 0, 0
    for _ in range(KILLS):
        there, here = processes.Pipe()
        writer = processes.Process(target=write_for_ever, args=(tmp_path, number + 1, here))
        writer.start()
        assert there.poll(60), "the writer did not start"
        until = time.monotonic() + 0.2 * float(torch.rand(1, generator=generator))
        while True:
            seen, number = check(tmp_path)
            checks += 1
            assert seen >= newest, f"generation {newest} was published, {seen} came back"
            newest = seen
            if time.monotonic() >= until:
                break
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        left_behind += bool(list((tmp_path / FOLDER).glob(".*.tmp*")))
        seen, number = check(tmp_path)
        assert seen >= newest
    assert checks > KILLS
    assert number > 0, "no writer lived long enough to publish: the test proves nothing"
    assert left_behind > 0, "no writer was killed in the middle: the test proves nothing"
    publish(tmp_path, COHORT, generation(1), about(1))
    assert not list((tmp_path / FOLDER).glob(".*.tmp*")), "what dead writers left is swept"
    assert len(list((tmp_path / FOLDER).glob("gen-*"))) <= KEPT


def test_the_last_three_generations_stay(tmp_path: Path) -> None:
    for number in range(5):
        publish(tmp_path, COHORT, generation(number), about(number))
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == [
        ".lock", "gen-3.duckdb", "gen-4.duckdb", "gen-5.duckdb", "manifest.json",
    ]  # fmt: skip
    assert check(tmp_path) == (5, 4)


def test_an_open_store_goes_on_reading_what_it_opened(tmp_path: Path) -> None:
    publish(tmp_path, COHORT, generation(0), about(0))
    with Store.open(tmp_path, COHORT) as store:
        for number in range(1, 6):
            publish(tmp_path, COHORT, generation(number), about(number))
        assert bool((store.rows().mean == 0).all())
        assert check(tmp_path) == (6, 5)


def test_a_generation_that_was_never_named_is_not_served_and_goes(tmp_path: Path) -> None:
    publish(tmp_path, COHORT, generation(0), about(0))
    orphan = tmp_path / FOLDER / "gen-9.duckdb"
    orphan.write_bytes((tmp_path / FOLDER / "gen-1.duckdb").read_bytes())
    assert check(tmp_path) == (1, 0)
    assert publish(tmp_path, COHORT, generation(1), about(1)).name == "gen-10.duckdb", (
        "names are not used twice"
    )
    assert not orphan.exists()
    assert check(tmp_path) == (10, 1)


def test_a_damaged_manifest_does_not_stop_the_next_publication(tmp_path: Path) -> None:
    publish(tmp_path, COHORT, generation(0), about(0))
    (tmp_path / FOLDER / stores.MANIFEST).write_text("{")
    publish(tmp_path, COHORT, generation(1), about(1))
    assert check(tmp_path) == (2, 1)


def test_a_failing_source_leaves_the_store_before_it_in_force(tmp_path: Path) -> None:
    publish(tmp_path, COHORT, generation(0), about(0))

    def failing() -> Iterator[Rows]:
        yield next(generation(1))
        raise RuntimeError("the encoder failed")

    with pytest.raises(RuntimeError, match="the encoder failed"):
        publish(tmp_path, COHORT, failing(), about(1))
    assert check(tmp_path) == (1, 0)
    assert publish(tmp_path, COHORT, generation(2), about(2)).name == "gen-2.duckdb"


def test_two_writers_never_share_a_store(tmp_path: Path) -> None:
    def rude() -> Iterator[Rows]:
        with pytest.raises(BadStore, match="another process is writing this store"):
            publish(tmp_path, COHORT, generation(2), about(2))
        yield from generation(1)

    publish(tmp_path, COHORT, rude(), about(1))
    assert check(tmp_path) == (1, 1)


def test_a_store_is_of_the_cohort_it_lies_under(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of cohort cccccccc, the store is of dddddddd"):
        publish(tmp_path, "d" * 64, generation(0), about(0))


def test_a_reader_that_meets_a_writer_finds_the_newer_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is read, then four newer generations are published: the file that it named is gone."""
    publish(tmp_path, COHORT, generation(0), about(0))
    true_bytes, late = stores._same_bytes, iter(range(1, 5))

    def slow(*args: object) -> None:
        for number in late:
            publish(tmp_path, COHORT, generation(number), about(number))
        true_bytes(*args)

    monkeypatch.setattr(stores, "_same_bytes", slow)
    assert check(tmp_path) == (5, 4)


def test_a_full_disk_is_told_and_the_store_before_it_stays(tmp_path: Path) -> None:
    import resource

    publish(tmp_path, COHORT, generation(0), about(0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(BadStore, match="the one before it stays"):
            publish(tmp_path, COHORT, generation(1), about(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert check(tmp_path) == (1, 0)
    publish(tmp_path, COHORT, generation(2), about(2))
    assert check(tmp_path) == (2, 2)


def test_the_manifest_says_what_wrote_it(tmp_path: Path) -> None:
    publish(tmp_path, COHORT, generation(3), about(3))
    with Store.open(tmp_path, COHORT) as store:
        manifest = store.manifest
    assert manifest.about == about(3)
    assert set(manifest.software) == {"medvis", "duckdb"}
    assert dataclasses.replace(manifest) == manifest
    assert manifest.created.endswith("+00:00")
