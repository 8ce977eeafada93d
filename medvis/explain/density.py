"""One study on the disk: where its film, report and sentences lie, how far they spread, what is true."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from medvis import methods
from medvis.errors import MedvisError
from medvis.explain import truth
from medvis.explain.scene import MASSES, DiskScene, Item
from medvis.explain.session import Seen, Session
from medvis.explain.truth import Truth
from medvis.geometry import cones, disk, gaussian
from medvis.geometry.lorentz import Lorentz
from medvis.geometry.project import Angles
from medvis.methods.base import Conditions
from medvis.store.matrix import Rows
from medvis.store.store import MANIFEST, Store, read_manifest
from medvis.types import Density, Mode, Placed, Sentence, Study

HIDDEN = "Not shown: the licence of this text is restricted."
KINDS = ("film", "report", "findings", "impression", "sentence", "prompt")
CONE = 0.1  # constant of the cones where a run's settings name none
_FITTED = 20_000  # places that the plane is fitted to, evenly spaced in the store


@dataclass(frozen=True)
class Backdrop:
    """What drawings of every study of a run share.

    Attributes:
        space: Where the run's places live.
        dims: Dimensions of that space.
        angles: The plane that best holds the directions of all its places.
        distances: Kind -> distance to the root of every item, sorted.
        cone: Constant of the entailment cones, for runs of points.
    """

    space: Lorentz
    dims: int
    angles: Angles
    distances: dict[str, Float64[np.ndarray, " n"]]
    cone: float


def rooted(run_folder: Path) -> bool:
    """Return whether a run has a store that lives in hyperbolic space."""
    for manifest in run_folder.glob(f"stores/*/{MANIFEST}"):
        with contextlib.suppress(MedvisError, OSError):
            if read_manifest(manifest.parent, "").about.geometry == "lorentz":
                return True
    return False


def backdrop(store: Store, cone: float = CONE) -> Backdrop:
    """Return what drawings of every study of a run share.

    Raises:
        ValueError: If the run lives on a sphere, which has no root.
    """
    about = store.manifest.about
    if about.geometry != "lorentz":
        raise ValueError("a sphere has no root and no disk")
    space = Lorentz(about.curv)
    rows = store.rows()
    some = rows.mean[:: max(1, -(-len(rows) // _FITTED))]
    kinds = np.array(rows.kind)
    far = rows.root_dist.numpy()
    distances = {kind: np.sort(far[kinds == kind]) for kind in KINDS if (kinds == kind).any()}
    return Backdrop(space, about.d, Angles.fit(some, space), distances, cone)


def scene(
    session: Session,
    study: Study,
    shared: Backdrop,
    *,
    film: str = "film0",
    placed: Placed | None = None,
    own_plane: bool = False,
) -> DiskScene | None:
    """Return a study on the disk; None if the store has nothing of it.

    Args:
        session: A run on the study's cohort.
        study: What to draw.
        shared: Of the same run.
        film: The film that is tested against the texts.
        placed: Where this film is instead of alone: given a text, one row.
        own_plane: Angles from this study's places instead of from all of the run's.
    """
    rows = session.store.rows(study=study.id)
    if not len(rows):
        return None
    density = Density(rows.mean.double(), None if rows.log_scale is None else rows.log_scale.double())
    modes = [Mode.POINT if rows.log_scale is None else Mode.GLOBAL] * len(rows)
    if placed is not None and film in rows.ref:
        density, modes[rows.ref.index(film)] = _moved(density, rows.ref.index(film), placed), placed.mode
    angles = Angles.fit(density.mean, shared.space) if own_plane else shared.angles
    items = _items(study, session.sentences(study), rows, density, modes, angles, shared)
    return DiskScene(
        study=study.id,
        film=film if film in rows.ref else "",
        items=items,
        truths=_truths(items, density, film, angles, shared),
        curv=float(shared.space.curv),
        dims=shared.dims,
        kept=angles.kept,
        distortion=angles.distortion(density.mean),
        plane="this study's places" if own_plane else "all places of the run",
    )


def can_condition(session: Session) -> bool:
    """Return whether the run's method places a film anew for each text."""
    return methods.find(session.run.record.method).can(Conditions)


def given(session: Session, study: Study, seen: Seen, ref: str) -> Placed | None:
    """Return a film placed given one of its own texts: mode paired for its report, else conditioned.

    None if the ref names no text of the study, or the method places films alone whatever is given.
    """
    text = words(study, session.sentences(study), ref) if ref else ""
    if not text or text == ref or ref.startswith("film") or not can_condition(session):
        return None
    found = session.place(seen, [text])
    return found.paired() if ref == "report" else found


def words(study: Study, sentences: Sequence[Sentence], ref: str) -> str:
    """Return what an item says; for a text whose licence is restricted, that it is not shown."""
    if ref.startswith("film"):
        at = int(ref.removeprefix("film"))
        return f"Film {at + 1}, {study.films[at].view or 'view not stated'}"
    if study.report is None or study.report.show == "restricted":
        return HIDDEN
    whole = {"report": study.report.text, "findings": study.report.findings}
    whole |= {"impression": study.report.impression, **{one.id: one.text for one in sentences}}
    return whole.get(ref, ref)


def _moved(density: Density, row: int, placed: Placed) -> Density:
    mean, scale = density.mean.clone(), density.log_scale
    width = mean.shape[-1]
    mean[row] = placed.whole.mean.double().reshape(-1, width)[0]
    if scale is not None and placed.whole.log_scale is not None:
        scale = scale.clone()
        scale[row] = placed.whole.log_scale.double().reshape(-1, width)[0]
    return Density(mean, scale)


def _items(
    study: Study,
    sentences: Sequence[Sentence],
    rows: Rows,
    density: Density,
    modes: Sequence[Mode],
    angles: Angles,
    shared: Backdrop,
) -> tuple[Item, ...]:
    at, fidelity = angles.disk(density.mean).tolist(), angles.fidelity(density.mean).tolist()
    distance = shared.space.root_dist(density.mean).tolist()
    outlines = _outlines(density, angles, shared)
    edges = [()] * len(rows) if density.log_scale is not None else _cones(density, angles, shared)
    said = {one.id: one for one in sentences}
    return tuple(
        Item(
            ref=ref,
            kind=rows.kind[row],
            text=words(study, sentences, ref),
            at=(at[row][0], at[row][1]),
            distance=distance[row],
            mode=modes[row],
            fidelity=fidelity[row],
            contours=outlines[row],
            cone=edges[row] if rows.kind[row] != "film" else (),
            sigma=None if density.log_scale is None else float(density.log_scale[row].mean().exp()),
            reach=None if density.log_scale is None else float(gaussian.radius(density[row])),
            negated=ref in said and said[ref].negated,
            uncertain=ref in said and said[ref].uncertain,
        )
        for row, ref in enumerate(rows.ref)
    )


def _outlines(
    density: Density, angles: Angles, shared: Backdrop
) -> list[dict[float, Float64[np.ndarray, "v 2"]]]:
    if density.log_scale is None:
        return [{}] * len(density.mean)
    centre, spread = angles.lifted(density.mean), angles.slice_covariance(density)
    curv = float(shared.space.curv)
    return [
        {mass: disk.credible_outline(one, two, curv, mass).numpy() for mass in MASSES}
        for one, two in zip(centre, spread, strict=True)
    ]


def _cones(
    density: Density, angles: Angles, shared: Backdrop
) -> list[tuple[Float64[np.ndarray, "e 2"], ...]]:
    """Return both edges of each point's cone: geodesics that leave it at the half aperture from outward."""
    opened = cones.half_aperture(density.mean, shared.space, shared.cone)
    apex, outward = angles.lifted(density.mean), angles.direction(density.mean)
    along = torch.linspace(0, 12, 97, dtype=torch.float64) / shared.space.curv.double().sqrt()
    edges = []
    for row, angle in enumerate(opened.tolist()):
        both = []
        for side in (angle, -angle):
            turned = _turned(outward[row], side)
            rays = along[:, None] * turned
            edge = shared.space.wrap(apex[row].expand_as(rays), rays)
            both.append(disk.to_disk(edge, float(shared.space.curv)).numpy())
        edges.append(tuple(both))
    return edges


def _turned(v: Float[Tensor, " two"], angle: float) -> Float64[Tensor, " two"]:
    sine, cosine = float(np.sin(angle)), float(np.cos(angle))
    turn = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)
    return turn @ v.double()


def _truths(
    items: Sequence[Item], density: Density, film: str, angles: Angles, shared: Backdrop
) -> tuple[Truth, ...]:
    refs = [one.ref for one in items]
    texts = [row for row, one in enumerate(items) if one.kind != "film"]
    if film not in refs or not texts:
        return ()
    at = refs.index(film)
    special = (film, items[at].mode, density[[at]])
    general = (tuple(refs[row] for row in texts), density[texts])
    if density.log_scale is None:
        lifted = angles.lifted(density.mean)
        return truth.of_points(special, general, (lifted[[at]], lifted[texts]), shared.space, shared.cone)
    drawn = (items[at].contours[MASSES[-1]], [items[row].contours[MASSES[-1]] for row in texts])
    return truth.of_densities(special, general, drawn, shared.space)
