"""From what a source yields to a cohort's folder: films re-encoded, sides settled, everything hashed."""

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool
from PIL import Image
from tqdm import tqdm

from medvis.data import cohort_hash, cohort_schema, facts, film, report, split
from medvis.errors import BadFilm, BadSource
from medvis.types import Film, Radiograph, Region, Report, Study

Source = Iterable[tuple[Study, tuple[Path | Radiograph, ...]]]
Format = Literal["jpeg", "png"]
_AT_ONCE = 16  # films decoded together: large ones take 30 MB each
_IN_FOLDER = 1000  # films a folder
_log = logging.getLogger(__name__)


@dataclass
class Making:
    """A cohort on its way to disk.

    Attributes:
        folder: Where it is written.
        side: Longest side of a film in pixels; longer ones are shrunk.
        format: How films are encoded.
        tables: Rows by table, as `cohort_schema` has them.
        empty: Studies left out because neither a film nor a report could be read.
    """

    folder: Path
    side: int
    format: Format
    tables: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {
            name: [] for name in ("study", "film", "region", "report", "label", "unread")
        }
    )
    empty: int = 0


def write(making: Making, studies: Source, *, about: dict[str, object], seed: int) -> None:
    """Write films, masks and tables of all studies.

    Args:
        making: Where and how.
        studies: What the source yields.
        about: Goes into the table "meta", with name and source; the licences found are added.
        seed: Of the division by hash, where the source has none that holds.

    Raises:
        BadSource: If there is nothing to read, or two studies have one id.
    """
    for study, radiographs in tqdm(_decoded(studies), desc="studies", disable=None):
        _add(making, study, radiographs)
    tables = making.tables
    if not tables["study"]:
        raise BadSource(
            f"No study could be read: {len(tables['unread'])} films failed, {making.empty} studies empty.",
            remedy="Check that the path and the source belong together.",
        )
    ids = [row[0] for row in tables["study"]]
    if len(set(ids)) != len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise BadSource(f"Two studies are called {twice!r}.", remedy="Give every study an id of its own.")
    sides, how = split.settle([(patient, side) for _, patient, side in tables["study"]], seed=seed)
    tables["study"] = [
        (one, patient, side) for (one, patient, _), side in zip(tables["study"], sides, strict=True)
    ]
    meta = {**about, **_licences(tables), "division": how, "left_out": making.empty}
    rows = {"schema": cohort_schema.VERSION, "hash": cohort_hash.digest(tables), "about": json.dumps(meta)}
    tables["meta"] = list(rows.items())
    cohort_schema.write(making.folder / "cohort.duckdb", tables)


def _decoded(studies: Source) -> Iterator[tuple[Study, list[Radiograph | BadFilm]]]:
    """Yield studies with their films decoded, many films at a time."""
    waiting: list[tuple[Study, tuple[Path | Radiograph, ...]]] = []
    count = 0
    for study, sources in studies:
        if len(study.films) != len(sources):
            raise ValueError(f"{study.id}: {len(study.films)} films are described, {len(sources)} given")
        waiting.append((study, sources))
        count += len(sources)
        if count >= _AT_ONCE:
            yield from _decode(waiting)
            waiting, count = [], 0
    yield from _decode(waiting)


def _decode(
    waiting: list[tuple[Study, tuple[Path | Radiograph, ...]]],
) -> Iterator[tuple[Study, list[Radiograph | BadFilm]]]:
    paths = [one for _, sources in waiting for one in sources if isinstance(one, Path)]
    found = iter(list(film.read_many(paths)))
    for study, sources in waiting:
        yield study, [next(found) if isinstance(one, Path) else one for one in sources]


def _add(making: Making, study: Study, radiographs: list[Radiograph | BadFilm]) -> None:
    """Add one study: its films to the folder, its facts to the tables."""
    tables, row = making.tables, len(making.tables["study"])
    name = report.squeeze(study.id)
    films = 0
    for number, (known, found) in enumerate(zip(study.films, radiographs, strict=True)):
        if isinstance(found, BadFilm):
            # The person who imports sees the file's name; the cohort keeps only number and cause.
            _log.warning("%s", found)
            tables["unread"].append((name, number, found.code, found.cause))
        else:
            _add_film(making, row, known, found)
            films += 1
    text = _cleaned(study.report)
    if not films and text is None:
        making.empty += 1
        return
    tables["study"].append((name, report.squeeze(study.patient), study.split))
    if text is not None:
        tables["report"].append((row, text.findings, text.impression, text.licence, text.credit, text.show))
    tables["label"].extend((row, report.squeeze(label), int(value)) for label, value in study.labels.items())


def _cleaned(found: Report | None) -> Report | None:
    if found is None:
        return None
    clean = replace(found, findings=_lines(found.findings), impression=_lines(found.impression))
    return clean if clean.text else None


def _lines(text: str) -> str:
    """Return a text that flows already, cleaned line by line: to flow again would join its paragraphs."""
    return "\n".join(filter(None, map(report.squeeze, text.split("\n"))))


def _add_film(making: Making, row: int, known: Film, radiograph: Radiograph) -> None:
    """Encode a film and write down what source and file say of it."""
    encode = film.encode_jpeg if making.format == "jpeg" else film.encode_png
    data = encode(radiograph, making.side)
    with Image.open(io.BytesIO(data)) as encoded:
        width, height = encoded.size
    count = len(making.tables["film"])
    name = f"films/{count // _IN_FOLDER:04d}/{count:07d}.{'jpg' if making.format == 'jpeg' else 'png'}"
    _put(making.folder / name, data)
    scale = (height / radiograph.pixels.shape[0], width / radiograph.pixels.shape[1])
    spacing = radiograph.spacing or known.spacing
    # Whatever the source says of the view is about this very file; a header may have been copied.
    making.tables["film"].append((
        row, name, height, width, known.view or radiograph.view,
        None if spacing is None else [spacing[0] / scale[0], spacing[1] / scale[1]],
        list(radiograph.orientation or known.orientation or ()) or None,
        list(dict.fromkeys((*known.notes, *radiograph.notes))),
        report.squeeze(known.licence), report.squeeze(known.credit), known.show,
        hashlib.sha256(data).hexdigest(),
    ))  # fmt: skip
    for region in known.regions:
        _add_region(making, count, region, scale, (height, width))


def _add_region(
    making: Making, film_row: int, region: Region, scale: tuple[float, float], shape: tuple[int, int]
) -> None:
    """Write down a known place, its box and mask in the pixels of the encoded film.

    A box without width is read off the mask; a place without extent is left out.
    """
    x0, y0, x1, y1 = region.box
    box = [x0 * scale[1], y0 * scale[0], x1 * scale[1], y1 * scale[0]]
    name, sha256 = "", ""
    mask = _mask(Path(region.mask), shape) if region.mask else None
    if mask is not None:
        count = len(making.tables["region"])
        name = f"truth/{count // _IN_FOLDER:04d}/{count:07d}.png"
        _put(making.folder / name, film.encode_png(Radiograph(mask.astype(np.float32)), max(shape)))
        # Of the mask, not of its file: how well a PNG is packed is no matter of truth.
        sha256 = hashlib.sha256(repr(shape).encode() + np.packbits(mask).tobytes()).hexdigest()
        box = _around(mask) if x0 == x1 else box
    if box[0] < box[2] and box[1] < box[3]:
        making.tables["region"].append((film_row, region.name, box, region.source, name, sha256))


def _mask(path: Path, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"] | None:
    """Return a mask of the film's size, or None with a warning if its file cannot be read."""
    try:
        pixels = film.read(path).pixels
    except BadFilm as error:
        _log.warning("A mask was left out: %s", error)
        return None
    picture = Image.fromarray((pixels > 0.5).astype(np.uint8))
    mask: Bool[np.ndarray, "h w"] = np.asarray(picture.resize(shape[::-1], Image.Resampling.NEAREST)) > 0
    return mask


def _around(mask: Bool[np.ndarray, "h w"]) -> list[float]:
    """Return the box around a mask; one without area if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return [0.0, 0.0, 0.0, 0.0]
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _licences(tables: cohort_schema.Tables) -> dict[str, object]:
    """Return every licence with the number of films and reports under it, and the strictest class."""
    counts: dict[str, int] = {}
    classes: set[facts.Show] = set()
    for name in ("film", "report"):
        for row in tables[name]:
            *_, licence, _, show = row[:-1] if name == "film" else row
            key = f"{licence or 'licence not stated'} ({name}s)"
            counts[key] = counts.get(key, 0) + 1
            classes.add(show)
    return {"licences": dict(sorted(counts.items())), "show": facts.strictest(classes)}
