"""What a run knows of a cohort, read: opened read-only and hardened, a cursor a call, parameters only.

Readers go by the manifest, so they see one whole generation or another, whenever a writer dies. One
connection shared between threads would hand one thread's rows to another; a cursor a call does not.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import torch
from jaxtyping import Float, Int
from torch import Tensor

from medvis.data import cohort_schema
from medvis.errors import BadStore

from . import schema
from .matrix import Column, Matrix, Rows, fold, scannable
from .schema import Manifest, shown

MANIFEST = "manifest.json"
BLOCK = 16_384  # rows that are in memory twice while a matrix is read
HARDENED = {**cohort_schema.HARDENED, "memory_limit": "256MB", "threads": 2}


def place(run_folder: Path, cohort_hash: str) -> Path:
    """Return the folder of a run's store for a cohort."""
    return run_folder / "stores" / cohort_hash


@dataclass(frozen=True)
class Store:
    """One published generation, open for reading; safe to share between threads.

    >>> store = Store.open(run.folder, cohort.hash)  # doctest: +SKIP
    >>> store.rows(kinds=["sentence"], study="CXR1234").mean  # doctest: +SKIP

    Attributes:
        folder: Where it lies.
        manifest: What it is.
        remedy: The command that writes it anew.
    """

    folder: Path
    manifest: Manifest
    remedy: str
    _connection: duckdb.DuckDBPyConnection

    @classmethod
    def open(cls, run_folder: Path, cohort_hash: str, *, run: str = "", cohort: str = "") -> "Store":
        """Open the newest generation after comparing every byte with its manifest.

        Args:
            run_folder: Folder of the run.
            cohort_hash: Hash of the cohort.
            run: Id of the run, if the store must be of these very weights.
            cohort: Name of the cohort, for the remedy.

        Raises:
            BadStore: If there is none, or it is damaged, incomplete, foreign or of another version; the
                message names the file and the command that rebuilds it.
        """
        folder = place(run_folder, cohort_hash)
        remedy = f"Run `medvis embed {run_folder.name} --cohort {cohort or 'COHORT'}`."
        for _ in range(20):  # a writer may publish, and remove this generation, while we hash it
            manifest = read_manifest(folder, remedy)
            path = folder / manifest.file
            try:
                _same_bytes(path, manifest, remedy)
                connection = _connect(path, remedy)
                break
            except FileNotFoundError:
                continue
        else:
            raise BadStore(f"{shown(path)} is missing.", remedy=remedy)
        remedy = f"Run `medvis embed {run_folder.name} --cohort {cohort or manifest.about.cohort_name}`."
        store = cls(folder, manifest, remedy, connection)
        try:
            store._agree(cohort_hash, run)
        except BaseException:
            connection.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> "Store":
        """Return the store, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def count(self, kind: str | None = None) -> int:
        """Return how many items there are, of a kind or in all."""
        counts = self.manifest.counts
        return sum(counts.values()) if kind is None else counts.get(kind, 0)

    def rows(
        self, *, kinds: Sequence[str] | None = None, split: str | None = None, study: str | None = None
    ) -> Rows:
        """Return items whole, in the order in which they were published; None chooses all.

        Raises:
            BadStore: If the file was damaged while it was open.
        """
        table = self._table(schema.SELECT, kinds, split, study)
        kind, study_, patient, sides, ref, text = (tuple(table.column(at).to_pylist()) for at in range(1, 7))
        log_scale = _vectors(table.column("log_scale")) if self.manifest.about.densities else None
        root_dist = torch.from_numpy(table.column("root_dist").to_numpy().copy())
        mean = _vectors(table.column("mean"))
        return Rows(kind, study_, patient, sides, ref, text, mean, log_scale, root_dist)

    def matrix(self, kinds: Sequence[str], *, split: str | None = None) -> Matrix:
        """Return a gallery ready to be scanned; rows of identical text share one vector.

        Raises:
            BadStore: If the file was damaged while it was open.
        """
        about = self.manifest.about
        table = self._table(schema.SELECT_NAMES, kinds, split, None)
        kind, study, patient, ref, text = (_column(table.column(at)) for at in range(1, 6))
        rows, start, vector = fold(text)
        leads = torch.zeros(len(table), dtype=torch.bool)
        leads[rows.long()[start[:-1].long()]] = True
        number = torch.from_numpy(table.column(0).to_numpy().copy())
        lines = about.d + (about.geometry == "lorentz")
        vectors = torch.empty(lines, start.shape[0] - 1)
        for found, mean in self._means(kinds, split):
            at = torch.searchsorted(number, found)
            led = leads[at]
            vectors[:, vector[at[led]].long()] = scannable(mean[led], about.geometry, about.curv).T
        reach = float(vectors.square().sum(0).max().sqrt()) if vectors.shape[1] else 0.0
        names = (kind, study, patient, ref, text)
        return Matrix(vectors, start, rows, vector, *names, reach, about.geometry, about.curv)

    def _table(
        self, statement: str, kinds: Sequence[str] | None, split: str | None, study: str | None
    ) -> pa.Table:
        with self._cursor() as cursor:
            table = cursor.sql(statement, params=_choice(kinds, split, study)).to_arrow_table()
        number = table.column("row").to_numpy()
        return table if (number[1:] > number[:-1]).all() else table.take(number.argsort())

    def _means(
        self, kinds: Sequence[str], split: str | None
    ) -> Iterator[tuple[Int[Tensor, " b"], Float[Tensor, "b d"]]]:
        with self._cursor() as cursor:
            found = cursor.sql(schema.SELECT_MEANS, params=_choice(kinds, split, None))
            for batch in found.to_arrow_reader(BLOCK):
                yield torch.from_numpy(batch.column(0).to_numpy().copy()), _vectors(batch.column(1))

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except duckdb.Error:
            raise BadStore(
                f"{shown(self.folder / self.manifest.file)} cannot be read.", remedy=self.remedy
            ) from None

    def _agree(self, cohort_hash: str, run: str) -> None:
        name = shown(self.folder / self.manifest.file)
        about = self.manifest.about
        if about.cohort != cohort_hash:
            raise BadStore(f"{name} was made of another cohort ({about.cohort[:8]}).", remedy=self.remedy)
        if run and about.run != run:
            raise BadStore(f"{name} was made with other weights (run {about.run[:8]}).", remedy=self.remedy)
        with self._cursor() as cursor:
            counts = dict(cursor.sql(schema.COUNTS).fetchall())
        if counts != self.manifest.counts:
            raise BadStore(f"{name} has other rows than its manifest says.", remedy=self.remedy)


def read_manifest(folder: Path, remedy: str) -> Manifest:
    """Return the manifest of the newest generation.

    Raises:
        BadStore: If there is none or it is damaged.
    """
    path = folder / MANIFEST
    try:
        return Manifest.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadStore(f"{shown(folder)} holds no store.", remedy=remedy) from None
    except UnicodeDecodeError:
        raise BadStore(f"{shown(path)} is not text.", remedy=remedy) from None
    except ValueError as error:
        raise BadStore(f"{shown(path)} {error}.", remedy=remedy) from None


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _same_bytes(path: Path, manifest: Manifest, remedy: str) -> None:
    size = path.stat().st_size
    if size != manifest.size:
        raise BadStore(f"{shown(path)} has {size} bytes instead of {manifest.size}.", remedy=remedy)
    if file_hash(path) != manifest.sha256:
        raise BadStore(f"{shown(path)} has other content than was published.", remedy=remedy)


def _connect(path: Path, remedy: str) -> duckdb.DuckDBPyConnection:
    if path.with_name(f"{path.name}.wal").exists():
        raise BadStore(f"{shown(path)} has a log beside it, which no store has.", remedy=remedy)
    try:
        return duckdb.connect(str(path), read_only=True, config=HARDENED)
    except duckdb.Error:
        raise BadStore(f"{shown(path)} is not a DuckDB file.", remedy=remedy) from None


def _choice(kinds: Sequence[str] | None, split: str | None, study: str | None) -> dict[str, object]:
    return {"kinds": None if kinds is None else list(kinds), "split": split, "study": study}


def _vectors(column: pa.Array | pa.ChunkedArray) -> Float[Tensor, "b d"]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = torch.from_numpy(whole.flatten().to_numpy(zero_copy_only=False).copy())
    return flat.reshape(len(whole), whole.type.list_size)


def _column(column: pa.ChunkedArray) -> Column:
    coded = column.combine_chunks().dictionary_encode()
    names = coded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = torch.empty(len(names), dtype=torch.int32)
    rank[torch.tensor(order, dtype=torch.long)] = torch.arange(len(names), dtype=torch.int32)
    codes = torch.from_numpy(coded.indices.to_numpy().copy()).long()
    return Column(rank[codes], tuple(names[at] for at in order))
