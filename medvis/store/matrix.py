"""Rows of a store, and the immutable transposed matrix that a search scans."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Items of a run, one a row.

    Attributes:
        kind: "film", "report", "findings", "impression", "sentence" or "prompt".
        study: Study ids; empty for prompts.
        patient: Patient ids; empty for prompts.
        split: "train", "val" or "test"; empty for prompts.
        ref: Which item of its study: "film0", "report", "findings", "f3"; of a prompt its words.
        text_hash: Of its normalised text; empty for films.
        mean: Where it lies, as in Density.
        log_scale: Its spread, as in Density.
        root_dist: Distance to the root in the run's own space.
    """

    kind: tuple[str, ...]
    study: tuple[str, ...]
    patient: tuple[str, ...]
    split: tuple[str, ...]
    ref: tuple[str, ...]
    text_hash: tuple[str, ...]
    mean: Float[Tensor, "n d"]
    log_scale: Float[Tensor, "n d"] | None
    root_dist: Float[Tensor, " n"]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.kind)


@dataclass(frozen=True)
class Column:
    """A column of names as codes: comparing a million rows with one name takes a fraction of a millisecond.

    Attributes:
        codes: Position of each row's name.
        names: The different names, sorted.
    """

    codes: Int[Tensor, " n"]
    names: tuple[str, ...]

    def __getitem__(self, row: int) -> str:
        """Return the name of a row."""
        return self.names[int(self.codes[row])]

    def where(self, name: str) -> Int[Tensor, " r"]:
        """Return the rows that have this name; none for the empty name, which stands for "has none"."""
        code = bisect_left(self.names, name)
        if not name or code == len(self.names) or self.names[code] != name:
            return torch.empty(0, dtype=torch.long)
        return torch.nonzero(self.codes == code).flatten()


@dataclass(frozen=True)
class Matrix:
    """A gallery ready to be scanned: rows of the same text share one vector.

    Attributes:
        vectors: One column a vector, float32; in hyperbolic space the last line is the time component.
        start: The rows of vector v are `rows[start[v]:start[v + 1]]`.
        rows: Rows of the gallery in the order of their vectors.
        vector: The other way: which vector a row has.
        kind: Of each row, as are the following, described in Rows.
        study: Study ids.
        patient: Patient ids.
        ref: Which item of the study.
        text: Text hashes.
        reach: Largest length of a column: it bounds the error of a scan.
        geometry: Where the vectors lie.
        curv: Curvature of their space is `-curv`.
    """

    vectors: Float[Tensor, "e m"]
    start: Int[Tensor, " s"]
    rows: Int[Tensor, " n"]
    vector: Int[Tensor, " n"]
    kind: Column
    study: Column
    patient: Column
    ref: Column
    text: Column
    reach: float
    geometry: Literal["lorentz", "sphere"]
    curv: float

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows.shape[0]

    @property
    def d(self) -> int:
        """Numbers of a vector as the method knows it."""
        return self.vectors.shape[0] - (1 if self.geometry == "lorentz" else 0)


def fold(text: Column) -> tuple[Int[Tensor, " n"], Int[Tensor, " s"], Int[Tensor, " n"]]:
    """Return `rows`, `start` and `vector` of a matrix in which rows of the same text share a vector.

    Rows without a text stay alone. Vectors come in the order of their first rows.
    """
    n = text.codes.shape[0]
    own = torch.arange(n)
    first = torch.full((len(text.names),), n)
    first = first.scatter_reduce(0, text.codes.long(), own, "amin")
    leader = first[text.codes.long()]
    if text.names and not text.names[0]:
        leader = torch.where(text.codes == 0, own, leader)
    _, vector = torch.unique(leader, return_inverse=True)
    rows = torch.sort(vector, stable=True).indices
    sizes = torch.bincount(vector) if n else torch.empty(0, dtype=torch.long)
    start = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    return rows.int(), start.int(), vector.int()


def scannable(
    mean: Float[Tensor, "n d"], geometry: Literal["lorentz", "sphere"], curv: float
) -> Float[Tensor, "n e"]:
    """Return vectors whose products rank like their distances: unit ones, or with their time component.

    Worked out in float64, so that each number is rounded once. Source: time = sqrt(1/c + |x|^2).
    """
    exact = mean.double()
    if geometry == "sphere":
        return torch.nn.functional.normalize(exact, dim=1).float()
    time = (1.0 / curv + exact.square().sum(1)).sqrt()
    return torch.cat([mean, time.float()[:, None]], 1)
