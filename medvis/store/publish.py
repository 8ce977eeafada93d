"""Publishes a store in whole generations, so that no reader ever sees half of one.

A writer builds `gen-N.duckdb` aside, closes it without a log, hashes it, renames it, and last renames the
manifest that names it. A writer killed at any moment leaves the generation before it in force, and what it
left behind is swept by the next. A generation is never changed: its name stands for its content.
"""

import fcntl
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float
from torch import Tensor

import medvis
from medvis.data import aside, cohort_schema
from medvis.errors import BadStore, NonFinite

from . import schema
from .matrix import Rows
from .schema import About, Manifest
from .store import MANIFEST, file_hash, place, read_manifest

KEPT = 3  # generations that stay, for readers that opened one a moment ago


def publish(run_folder: Path, cohort_hash: str, batches: Iterable[Rows], about: About) -> Path:
    """Write the rows as the next generation and return its file.

    The batches may be computed while they are asked for: one is in memory at a time, and nobody else can
    publish into the same store meanwhile.

    Args:
        run_folder: Folder of the run.
        cohort_hash: Hash of the cohort.
        batches: The items, in the order in which they are to be read.
        about: What they are of.

    Raises:
        BadStore: If another process is writing this store.
        NonFinite: If a vector, a spread or a distance is not a number.
        ValueError: If a batch does not fit what is said about it.
    """
    if about.cohort != cohort_hash:
        raise ValueError(f"the rows are of cohort {about.cohort[:8]}, the store is of {cohort_hash[:8]}")
    folder = place(run_folder, cohort_hash)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        generation = 1 + max([0, *_generations(folder)])
        _sweep(folder)
        path = folder / schema.generation_file(generation)
        with aside.writing(path) as lent:
            counts = _fill(lent, batches, about)
            size, sha256 = lent.stat().st_size, file_hash(lent)
        manifest = Manifest(
            schema=schema.VERSION,
            generation=generation,
            file=path.name,
            sha256=sha256,
            size=size,
            counts=counts,
            about=about,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            software={"medvis": medvis.__version__, "duckdb": duckdb.__version__},
        )
        with aside.writing(folder / MANIFEST) as lent:
            lent.write_text(manifest.text(), encoding="utf-8")
        for old in sorted(_generations(folder))[:-KEPT]:
            (folder / schema.generation_file(old)).unlink()
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the store's lock; the system lets go of it when its holder dies, however that happens."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadStore(
                f"{folder.parent.parent.name}: another process is writing this store.",
                remedy="Wait for it to end, or stop it.",
            ) from None
        yield


def _generations(folder: Path) -> list[int]:
    found = (re.fullmatch(r"gen-(\d+)\.duckdb", path.name) for path in folder.iterdir())
    return [int(match[1]) for match in found if match]


def _sweep(folder: Path) -> None:
    """Remove what dead writers left: whoever holds the lock is the only one alive."""
    for path in folder.iterdir():
        if re.fullmatch(r"\..*\.tmp(\.wal)?", path.name):
            path.unlink()
    try:
        current = read_manifest(folder, "").generation
    except BadStore:
        return
    for orphan in _generations(folder):  # renamed, but its writer died before it was named in the manifest
        if orphan > current:
            (folder / schema.generation_file(orphan)).unlink()


def _fill(path: Path, batches: Iterable[Rows], about: About) -> dict[str, int]:
    counts: Counter[str] = Counter()
    config = {"storage_compatibility_version": cohort_schema.STORAGE, "enable_external_access": False}
    try:
        with duckdb.connect(str(path), config=config) as connection:
            connection.execute(schema.create(about.d))
            for batch in batches:
                _check(batch, about)
                connection.register("batch", _table(batch, counts.total()))
                connection.execute(schema.INSERT)
                connection.unregister("batch")
                counts.update(batch.kind)
            connection.execute("CHECKPOINT")
    except duckdb.Error:
        raise BadStore(
            f"{path.parent.parent.parent.name}: the store could not be written; the one before it stays.",
            remedy="Free some disk and try again.",
        ) from None
    if path.with_name(f"{path.name}.wal").exists():
        raise BadStore(
            f"{path.name} could not be closed without a log.", remedy="Free some disk and try again."
        )
    return dict(sorted(counts.items()))


def _check(batch: Rows, about: About) -> None:
    if batch.mean.shape[1] != about.d or (batch.log_scale is not None) != about.densities:
        raise ValueError(f"a batch of {batch.mean.shape[1]}-dimensional rows does not fit {about}")
    names = (batch.kind, batch.study, batch.patient, batch.split, batch.ref, batch.text_hash)
    if {len(column) for column in names} != {batch.mean.shape[0]} or not set(batch.kind) <= set(schema.KINDS):
        raise ValueError("a batch has columns of different lengths or a kind that no store has")
    numbers = {"mean": batch.mean, "log_scale": batch.log_scale, "root_dist": batch.root_dist}
    for name, values in numbers.items():
        if values is not None and not bool(torch.isfinite(values).all()):
            row = int((~torch.isfinite(values.reshape(len(batch), -1)).all(1)).nonzero()[0])
            raise NonFinite(
                f"{batch.study[row]} {batch.ref[row]}: its {name} is not a number; nothing was published.",
                remedy="Train the run again with a lower learning rate, or embed an earlier checkpoint.",
            )
    if about.geometry == "sphere" and bool(((batch.mean.norm(dim=1) - 1).abs() > 1e-3).any()):
        raise ValueError("a batch for the sphere has vectors that are not of unit length")


def _table(batch: Rows, first: int) -> pa.Table:
    n = len(batch)
    return pa.table(
        {
            "row": pa.array(np.arange(first, first + n, dtype=np.int32)),
            "kind": pa.array(batch.kind, pa.string()),
            "study": pa.array(batch.study, pa.string()),
            "patient": pa.array(batch.patient, pa.string()),
            "split": pa.array(batch.split, pa.string()),
            "ref": pa.array(batch.ref, pa.string()),
            "text_hash": pa.array(batch.text_hash, pa.string()),
            "mean": _vectors(batch.mean),
            "log_scale": pa.nulls(n, pa.list_(pa.float32(), batch.mean.shape[1]))
            if batch.log_scale is None
            else _vectors(batch.log_scale),
            "root_dist": pa.array(batch.root_dist.detach().double().numpy()),
        }
    )


def _vectors(values: Float[Tensor, "n d"]) -> pa.FixedSizeListArray:
    flat = values.detach().float().contiguous().reshape(-1).cpu().numpy()
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), values.shape[1])
