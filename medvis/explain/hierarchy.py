"""The walk to the root: which text entails each point on the way from an item to the most general place."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from medvis.explain.density import CONE, words
from medvis.explain.session import Session
from medvis.geometry import cones, gaussian
from medvis.geometry.draws import log_normal, log_scale_of
from medvis.geometry.haversine import log_sinh_ratio
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density, Study

STEPS = 50
ROOT, NOTHING = -1, -2  # in place of a text's row
MASS = 0.95
REGION_RULE = "the nearest text whose 95 % region, in all dimensions, contains the point"
CONE_RULE = "the nearest text whose entailment cone contains the point"
_CHUNK = 16_384  # texts that are tested at a time


@dataclass(frozen=True)
class Library:
    """The texts that a walk may name, each wording once: labels, sentences and impressions of the cohort.

    Attributes:
        kind: "prompt", "sentence" or "impression".
        study: The first study that has it; empty for prompts.
        ref: Which item of that study; of a prompt its words.
        density: Where they lie.
        root_dist: Distance to the root.
        hidden: How many more there are whose licence is restricted.
    """

    kind: tuple[str, ...]
    study: tuple[str, ...]
    ref: tuple[str, ...]
    density: Density
    root_dist: Float64[Tensor, " n"]
    hidden: int

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self.ref)


@dataclass(frozen=True)
class Path:
    """What was found at each step of a walk, from the item (step 0) to the root.

    Attributes:
        points: Places on the geodesic, at equal steps of length.
        distances: Of the points, to the root.
        best: Row of the nearest entailing text; ROOT where the root is nearer, NOTHING where no text entails.
        entailing: How many texts entail the point.
    """

    points: Float64[Tensor, "s d"]
    distances: tuple[float, ...]
    best: tuple[int, ...]
    entailing: tuple[int, ...]


@dataclass(frozen=True)
class Stop:
    """A text that a walk comes to, with the steps for which it stands.

    Attributes:
        first: First step at which it is the answer.
        distance: Of that step's point to the root.
        kind: "text", "root" or "nothing".
        text: Its words; for the root and for nothing a phrase that says so.
        study: Where the text stands; empty for labels.
        ref: Which item of that study.
        text_distance: Of the text itself to the root; 0 for the root and for nothing.
        entailing: How many texts entail that point.
        dropped: Words of the text before that this one lacks; empty if the two share no word.
    """

    first: int
    distance: float
    kind: str
    text: str
    study: str = ""
    ref: str = ""
    text_distance: float = 0.0
    entailing: int = 0
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """A walk to the root, ready to be told.

    Attributes:
        path: Its steps.
        stops: In the order of the walk; a text that comes back later is listed once.
        at: For each step, which stop.
        pool: How many texts were asked.
        hidden: How many were left out because their licence is restricted.
        rule: What entails a point.
    """

    path: Path
    stops: tuple[Stop, ...]
    at: tuple[int, ...]
    pool: int
    hidden: int
    rule: str


def library(session: Session) -> Library:
    """Return the texts of the session's cohort that a walk may name."""
    rows = session.store.rows(kinds=["prompt", "sentence", "impression"])
    studies = {one.id: one for one in session.cohort.studies()}
    seen: set[str] = set()
    kept, hidden = [], 0
    for row, (study, wording) in enumerate(zip(rows.study, rows.text_hash, strict=True)):
        if wording in seen:
            continue
        if study and not _shown(studies.get(study)):
            hidden += 1
            continue
        seen.add(wording)
        kept.append(row)
    scale = None if rows.log_scale is None else rows.log_scale[kept]
    return Library(
        kind=tuple(rows.kind[row] for row in kept),
        study=tuple(rows.study[row] for row in kept),
        ref=tuple(rows.ref[row] for row in kept),
        density=Density(rows.mean[kept], scale),
        root_dist=rows.root_dist[kept],
        hidden=hidden,
    )


def path(
    start: Float[Tensor, " d"], texts: Density, space: Lorentz, cone: float = CONE, steps: int = STEPS
) -> Path:
    """Return what entails each point on the way from an item to the root.

    The root is always allowed: it entails everything, and is the answer where no entailing text is nearer.

    Args:
        start: Where the walk begins.
        texts: Densities or points.
        space: Where all of them live.
        cone: Constant of the cones, for points.
        steps: Points on the way, both ends included.

    Source: the traversal of Desai et al. 2023 (MERU): points even on the tangent line at the root.
    """
    share = torch.linspace(1, 0, steps, dtype=torch.float64)[:, None]
    points = space.exp0(share * space.log0(start.double()))
    home = space.root_dist(points)
    nearest, best, count = home.clone(), torch.full((steps,), ROOT), torch.zeros(steps, dtype=torch.long)
    for from_ in range(0, len(texts.mean), _CHUNK):
        chunk = texts[slice(from_, from_ + _CHUNK)].double()
        away, holds = _tested(points, chunk, space, cone)
        count += holds.sum(1)
        least, row = away.masked_fill(~holds, math.inf).min(1)
        better = least < nearest
        best = torch.where(better, row + from_, best)
        nearest = torch.minimum(least, nearest)
    best[(count == 0) & (home > 0)] = NOTHING
    return Path(points, tuple(home.tolist()), tuple(best.tolist()), tuple(count.tolist()))


def walk(session: Session, texts: Library, start: Float[Tensor, " d"], cone: float = CONE) -> Walk:
    """Return the walk from an item to the root of the session's run, told in texts of its cohort."""
    found = path(start, texts.density, Lorentz(session.store.manifest.about.curv), cone)
    stops: list[Stop] = []
    known: dict[int, int] = {}
    at = []
    for step, row in enumerate(found.best):
        if row not in known:
            known[row] = len(stops)
            stops.append(_stop(session, texts, found, step, stops))
        at.append(known[row])
    rule = CONE_RULE if texts.density.log_scale is None else REGION_RULE
    return Walk(found, tuple(stops), tuple(at), len(texts), texts.hidden, rule)


def dropped(before: str, after: str) -> tuple[str, ...]:
    """Return the words of one text that the next one lacks; none if the two share no word.

    >>> dropped("Small left pleural effusion.", "Left effusion")
    ('Small', 'pleural')
    """
    then, now = re.findall(r"\w+", before), {word.lower() for word in re.findall(r"\w+", after)}
    if not any(word.lower() in now for word in then):
        return ()
    return tuple(dict.fromkeys(word for word in then if word.lower() not in now))


def _tested(
    points: Float64[Tensor, "s d"], texts: Density, space: Lorentz, cone: float
) -> tuple[Float64[Tensor, "s t"], Bool[Tensor, "s t"]]:
    """Return distances of points to texts, and which texts entail which points."""
    away = space.dist(points, texts.mean)
    if texts.log_scale is None:
        opened = cones.half_aperture(texts.mean, space, cone)
        return away, (cones.exterior_angles(texts.mean, points, space) <= opened[:, None]).T
    dims = points.shape[-1]
    volume = (dims - 1) * log_sinh_ratio(space.curv * away.square())
    peak = log_normal(torch.zeros(len(texts.mean), dtype=torch.float64), log_scale_of(texts))
    square = 2 * (peak - volume - gaussian.log_densities(points, texts, space))
    return away, square <= gaussian.chi_square(MASS, dims)


def _stop(session: Session, texts: Library, found: Path, step: int, before: Sequence[Stop]) -> Stop:
    row, distance, count = found.best[step], found.distances[step], found.entailing[step]
    if row == ROOT:
        return Stop(step, distance, "root", "ROOT, which entails everything", entailing=count)
    if row == NOTHING:
        return Stop(step, distance, "nothing", "Nothing entails this point", entailing=count)
    text = _text(session, texts, row)
    last = next((one.text for one in reversed(before) if one.kind == "text"), "")
    return Stop(
        first=step,
        distance=distance,
        kind="text",
        text=text,
        study=texts.study[row],
        ref=texts.ref[row],
        text_distance=float(texts.root_dist[row]),
        entailing=count,
        dropped=dropped(last, text) if last else (),
    )


def _text(session: Session, texts: Library, row: int) -> str:
    if not texts.study[row]:
        return texts.ref[row]
    study = session.cohort.study(texts.study[row])
    return words(study, session.sentences(study), texts.ref[row])


def _shown(study: Study | None) -> bool:
    return study is not None and study.report is not None and study.report.show != "restricted"
