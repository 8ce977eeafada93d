"""What frozen encoders see of a cohort, computed once and read from disk ever after.

Shards are written aside and renamed, in order; a stopped run goes on with the first that is missing. They
are named by what they depend on (the encoder's digest, the cohort's hash, the input's size), so they are
never stale and may be deleted at any time.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from medvis.data import aside, batch, frame, places
from medvis.data.cohort import Cohort
from medvis.models import weights
from medvis.models.image import ImageEncoder
from medvis.models.text import TextEncoder
from medvis.types import Encoded, Study

Item = TypeVar("Item")

SHARD = 256  # rows a file
CHUNK = 16  # films encoded at once


@dataclass(frozen=True)
class Shards:
    """Rows of tensors on disk.

    Attributes:
        folder: Where the shards lie.
        keys: What each row is of, in order.
    """

    folder: Path
    keys: tuple[str, ...]

    def rows(self, name: str, keys: Sequence[str]) -> list[Tensor]:
        """Return one tensor's rows.

        Raises:
            KeyError: If a key has no row.
        """
        found = []
        for key in keys:
            shard, row = divmod(self._row[key], SHARD)
            found.append(self._files[shard].get_slice(name)[row : row + 1][0])
        return found

    def ragged(self, name: str, keys: Sequence[str]) -> list[Tensor]:
        """Return rows of different length; tensor NAME_start says where each begins in its shard."""
        found = []
        for key in keys:
            shard, row = divmod(self._row[key], SHARD)
            start, stop = self._files[shard].get_slice(f"{name}_start")[row : row + 2].tolist()
            found.append(self._files[shard].get_slice(name)[start:stop])
        return found

    @cached_property
    def _row(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    @cached_property
    def _files(self) -> list[Any]:
        count = -(-len(self.keys) // SHARD)
        return [safe_open(self.folder / _name(shard), "pt") for shard in range(count)]


@dataclass(frozen=True)
class Films:
    """Encoded films of a cohort, one a study."""

    shards: Shards
    grid: tuple[int, int]

    def encoded(self, studies: Sequence[str]) -> Encoded:
        """Return the films of some studies, by id; parts were kept in float16."""
        whole, parts, real = (torch.stack(self.shards.rows(name, studies)) for name in _FILM)
        return Encoded("image", whole, parts.float(), real, self.grid)


@dataclass(frozen=True)
class Texts:
    """Encoded texts."""

    shards: Shards

    def encoded(self, texts: Sequence[str]) -> Encoded:
        """Return some of the texts; words were kept in float16."""
        whole = torch.stack(self.shards.rows("whole", texts))
        words = self.shards.ragged("words", texts)
        real = self.shards.ragged("real", texts)
        most = max(1, *(len(one) for one in words))
        parts = whole.new_zeros(len(words), most, whole.shape[1])
        known = torch.zeros(len(words), most, dtype=torch.bool)
        for row, (one, there) in enumerate(zip(words, real, strict=True)):
            parts[row, : len(one)] = one.float()
            known[row, : len(one)] = there
        return Encoded("text", whole, parts, known)


@dataclass(frozen=True)
class Pixels:
    """Films of a cohort as model inputs in 256 grey levels, one a study; for encoders that learn."""

    shards: Shards

    def fitted(self, studies: Sequence[str]) -> tuple[Float[Tensor, "b 1 s s"], Float[Tensor, "b 1 s s"]]:
        """Return input and seen share of some studies, by id."""
        pixels, seen = (torch.stack(self.shards.rows(name, studies)) for name in ("pixels", "seen"))
        return pixels.float() / 255, seen.float() / 255


def films(encoder: ImageEncoder, cohort: Cohort, studies: Sequence[Study]) -> Films:
    """Return the encoded frontal film of each study, encoding what is not cached yet.

    Args:
        encoder: A frozen encoder.
        cohort: Where the films are.
        studies: Studies that have a film.
    """
    digest = weights.digest(encoder)
    size = encoder.record.size
    device = next(encoder.parameters()).device

    def compute(part: Sequence[Study]) -> dict[str, Tensor]:
        chunks = []
        for start in range(0, len(part), CHUNK):
            pixels, seen = _fit(cohort, part[start : start + CHUNK], size)
            with torch.inference_mode():
                one = encoder(pixels.to(device), seen.to(device))
            chunks.append((one.whole.cpu(), one.parts.half().cpu(), one.real.cpu()))
        return {name: torch.cat(found) for name, found in zip(_FILM, zip(*chunks, strict=True), strict=True)}

    keys = [study.id for study in studies]
    shards = _build("films", [digest, cohort.hash, str(size)], keys, studies, compute)
    return Films(shards, encoder.record.grid)


def texts(encoder: TextEncoder, wanted: Sequence[str]) -> Texts:
    """Return the encoded texts, encoding what is not cached yet; equal texts are encoded once."""
    unique = sorted(set(wanted))

    def compute(part: Sequence[str]) -> dict[str, Tensor]:
        one = encoder.encode(part)
        lengths = [int(real.nonzero().max()) + 1 if real.any() else 0 for real in one.real]
        start = torch.tensor([0, *lengths]).cumsum(0)
        words = [row[:length] for row, length in zip(one.parts, lengths, strict=True)]
        real = [row[:length] for row, length in zip(one.real, lengths, strict=True)]
        return {
            "whole": one.whole.cpu(),
            "words": torch.cat(words).half().cpu(),
            "real": torch.cat(real).cpu(),
            "words_start": start,
            "real_start": start.clone(),
        }

    return Texts(
        _build("texts", [weights.digest(encoder), str(encoder.record.limit)], unique, unique, compute)
    )


def pixels(cohort: Cohort, studies: Sequence[Study], size: int) -> Pixels:
    """Return the fitted frontal film of each study, decoding what is not cached yet."""

    def compute(part: Sequence[Study]) -> dict[str, Tensor]:
        fitted, seen = _fit(cohort, part, size)
        return {"pixels": _bytes(fitted), "seen": _bytes(seen)}

    return Pixels(
        _build("pixels", [cohort.hash, str(size)], [study.id for study in studies], studies, compute)
    )


_FILM = ("whole", "parts", "real")


def _build(
    kind: str,
    depends: list[str],
    keys: list[str],
    items: Sequence[Item],
    compute: Callable[[Sequence[Item]], dict[str, Tensor]],
) -> Shards:
    """Compute the shards that are missing and return all."""
    name = hashlib.sha256(json.dumps([kind, SHARD, depends, keys]).encode()).hexdigest()[:32]
    folder = places.features() / f"{kind}-{name}"
    for shard in tqdm(range(-(-len(items) // SHARD)), desc=f"encoding {kind}", disable=None, leave=False):
        path = folder / _name(shard)
        if not path.exists():
            tensors = compute(items[shard * SHARD : (shard + 1) * SHARD])
            with aside.writing(path) as file:
                save_file({name: one.contiguous() for name, one in tensors.items()}, file)
    return Shards(folder, tuple(keys))


def _name(shard: int) -> str:
    return f"shard-{shard:05d}.safetensors"


def _fit(
    cohort: Cohort, studies: Sequence[Study], size: int
) -> tuple[Float[Tensor, "b 1 s s"], Float[Tensor, "b 1 s s"]]:
    fitted = []
    for study in studies:
        film = batch.frontal(study)
        assert film is not None, f"study {study.id} has no film"
        fitted.append(frame.fit(cohort.radiograph(film).pixels, size)[:2])
    return torch.stack([one for one, _ in fitted]), torch.stack([seen for _, seen in fitted])


def _bytes(share: Float[Tensor, "b 1 s s"]) -> UInt8[Tensor, "b 1 s s"]:
    return (share * 255).round().clamp(0, 255).to(torch.uint8)
