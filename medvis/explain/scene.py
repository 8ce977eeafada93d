"""A study on the disk as plain values: what a figure draws now and a canvas may draw later."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medvis.explain.truth import Truth
from medvis.types import Mode

MASSES = (0.5, 0.95)


@dataclass(frozen=True)
class Item:
    """One thing on the disk.

    Attributes:
        ref: Which item of the study: "film0", "report", "findings", "impression", "f3", "i0".
        kind: One of KINDS.
        text: What it says; of a film, what it is.
        at: Place on the unit disk with the root at the centre.
        distance: To the root, in the run's own space: the drawn radius is `tanh(sqrt(c) d/2)`.
        mode: What its place depends on.
        fidelity: Cosine between its true direction and the drawing's plane: 1 is drawn as it is.
        contours: Mass -> outline of the slice of its density through the mean; none for points.
        cone: Both edges of its entailment cone as drawn; none for densities.
        sigma: Geometric mean of its standard deviations; None for points.
        reach: Typical distance of a sample from the mean in all dimensions, `sqrt(sum σ²)`.
        negated: Whether its finding is denied.
        uncertain: Whether it is hedged.
    """

    ref: str
    kind: str
    text: str
    at: tuple[float, float]
    distance: float
    mode: Mode
    fidelity: float
    contours: dict[float, Float64[np.ndarray, "v 2"]]
    cone: tuple[Float64[np.ndarray, "e 2"], ...] = ()
    sigma: float | None = None
    reach: float | None = None
    negated: bool = False
    uncertain: bool = False

    @property
    def section(self) -> str:
        """What it is styled as: a sentence as the section it stands in, else its kind."""
        if self.kind != "sentence":
            return self.kind
        return "findings" if self.ref.startswith("f") else "impression"


@dataclass(frozen=True)
class DiskScene:
    """A study on the disk, as plain values: what a figure draws.

    Attributes:
        study: Its id.
        film: Ref of the film that is tested against the texts; "" if the study has none.
        items: Films first, then the texts in reading order.
        truths: Every text against the film; empty without a film or a report.
        curv: Curvature of the run is `-curv`.
        dims: Dimensions of the run's space.
        kept: Share of the squared distances to the root that the plane holds.
        distortion: Mean relative error of the drawn distances between the items.
        plane: What the plane was fitted to, in words.
    """

    study: str
    film: str
    items: tuple[Item, ...]
    truths: tuple[Truth, ...]
    curv: float
    dims: int
    kept: float
    distortion: float
    plane: str

    def item(self, ref: str) -> Item | None:
        """Return an item; None if there is no such one."""
        return next((one for one in self.items if one.ref == ref), None)

    def truth(self, ref: str) -> Truth | None:
        """Return the test of one text; None for a film."""
        return next((one for one in self.truths if one.general == ref), None)


def summary(scene: DiskScene, selected: str) -> str:
    """Return the picture in words, for those who cannot see it; no text of a report."""
    far = ", ".join(f"{item.ref} {item.distance:.2f}" for item in scene.items)
    wrong = [one.general for one in scene.truths if one.disagrees]
    inside = [one.general for one in scene.truths if one.inside]
    return (
        f"Disk with the root in the middle. Distances to the root: {far}. Selected: {selected}. "
        f"The film is inside {', '.join(inside) or 'none'} of the texts. "
        f"Drawn otherwise than tested: {', '.join(wrong) or 'none'}."
    )


def table(scene: DiskScene) -> list[dict[str, str | float | bool | None]]:
    """Return the picture as a table, one row an item; what does not apply is None."""
    rows: list[dict[str, str | float | bool | None]] = []
    for item in scene.items:
        found = scene.truth(item.ref)
        rows.append({
            "item": item.ref,
            "text": item.text,
            "distance to root": round(item.distance, 4),
            "mean σ": None if item.sigma is None else round(item.sigma, 4),
            "place": item.mode.value,
            "angle kept": round(item.fidelity, 3),
            "film inside": None if found is None else found.inside,
            "drawn inside": None if found is None else found.drawn_inside,
            "KL (nats) or angle (rad)": None if found is None else round(found.amount, 3),
            "standard error": None if found is None else round(found.error, 3),
            "limit": None if found is None else round(found.limit, 3),
            "coverage": None if found is None else found.coverage,
        })  # fmt: skip
    return rows
