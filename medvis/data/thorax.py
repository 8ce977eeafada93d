"""One real thorax in 3-D: CT, label map and credit; also the command that reduces them for shipping.

    python -m medvis.data.thorax --ct CT.nii.gz --labels LABELS.nii.gz --structures STRUCTURES.csv

Axes run to the patient's left, front and head, so that a film seen from the front is `[:, ..., ::-1]` turned
upright: the patient's right lies on the viewer's left.
"""

import csv
import gzip
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int16, Int32, UInt8
from scipy import ndimage

from medvis.data import nifti
from medvis.errors import BadSource

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "thorax"
CREDIT = "LIDC-IDRI-0001, The Cancer Imaging Archive"
LICENCE = "CC BY 3.0"
LUNGS = tuple(
    f"lung_{lobe}"
    for lobe in (
        "upper_lobe_left",
        "lower_lobe_left",
        "upper_lobe_right",
        "middle_lobe_right",
        "lower_lobe_right",
    )
)
_BONE = re.compile(r"vertebrae|rib_|scapula|clavicula|humerus|sternum|costal|femur|hip_|skull|sacrum")
_BLOOD = 50  # HU of blood without contrast medium
_STEP = 4  # HU; far below the noise of a voxel, halves the file


@dataclass(frozen=True)
class Thorax:
    """A CT with its label map.

    Attributes:
        hounsfield: Radiodensity in HU; air outside the body is -1000.
        labels: Structure of each voxel, 0 for none.
        spacing: Distance of neighbours along each axis in mm.
        names: Structure of each label.
        credit: Where the CT came from.
        licence: Its licence.
    """

    hounsfield: Int16[np.ndarray, "x y z"]
    labels: UInt8[np.ndarray, "x y z"]
    spacing: tuple[float, float, float]
    names: dict[int, str] = field(default_factory=dict)
    credit: str = CREDIT
    licence: str = LICENCE

    def where(self, *names: str) -> Bool[np.ndarray, "x y z"]:
        """Return the voxels of some structures.

        Raises:
            BadSource: If the label map has no such structure.
        """
        numbers = [number for number, name in self.names.items() if name in names]
        if len(numbers) < len(names):
            raise BadSource(
                f"The label map lacks one of {', '.join(names)}.", remedy="Use TotalSegmentator labels."
            )
        return np.isin(self.labels, numbers)


@dataclass(frozen=True)
class Make:
    """Reduce a CT and its label map to what the simulated cohort needs."""

    ct: Path
    """CT in Hounsfield units, .nii or .nii.gz."""
    labels: Path
    """Label map on the same grid."""
    structures: Path
    """Table with columns `structure` and `id`, TotalSegmentator's names."""
    to: Path = SHIPPED
    """Folder to write."""
    heal: tuple[float, float, float, float] | None = None
    """A lesion to replace by neighbouring lung: voxel left, front, head, and radius in mm."""

    def run(self) -> Thorax:
        """Read, reduce and write.

        Raises:
            BadSource: If a file is damaged, or the two do not lie on one grid.
        """
        ct, labels = nifti.read(self.ct), nifti.read(self.labels)
        if ct.voxels.shape != labels.voxels.shape or not np.allclose(ct.spacing, labels.spacing, atol=1e-3):
            raise BadSource("CT and label map do not lie on one grid.", remedy="Resample one onto the other.")
        with self.structures.open(newline="") as table:
            names = {int(row["id"]): row["structure"] for row in csv.DictReader(table)}
        whole = Thorax(ct.voxels.astype(np.int16), labels.voxels.astype(np.uint8), ct.spacing, names)
        if self.heal is not None:
            whole = healed(whole, self.heal[:3], self.heal[3])
        small = reduced(whole)
        write(small, self.to)
        return small


def read(folder: Path = SHIPPED) -> Thorax:
    """Read a reduced thorax.

    Raises:
        BadSource: If the folder is incomplete or its parts do not fit each other.
    """
    remedy = "Make it with `python -m medvis.data.thorax`, see assets/thorax/README.md."
    try:
        about = json.loads((folder / "about.json").read_text())
        hounsfield, labels = (
            np.load(io.BytesIO(gzip.decompress((folder / name).read_bytes())), allow_pickle=False)
            for name in ("ct.npy.gz", "labels.npy.gz")
        )
    except (OSError, EOFError, ValueError) as error:
        raise BadSource(f"The thorax in {folder.name} is missing or damaged.", remedy=remedy) from error
    if hounsfield.shape != labels.shape or list(hounsfield.shape) != about["shape"]:
        raise BadSource(f"CT and labels in {folder.name} do not fit each other.", remedy=remedy)
    names = {int(number): name for number, name in about["structures"].items()}
    return Thorax(hounsfield, labels, tuple(about["spacing"]), names, about["credit"], about["licence"])


def write(thorax: Thorax, folder: Path) -> None:
    """Write CT and labels as gzipped arrays beside a small JSON; the same thorax gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("ct.npy.gz", thorax.hounsfield), ("labels.npy.gz", thorax.labels)):
        plain = io.BytesIO()
        np.save(plain, np.ascontiguousarray(array), allow_pickle=False)
        (folder / name).write_bytes(gzip.compress(plain.getvalue(), 9, mtime=0))
    about = {
        "shape": list(thorax.hounsfield.shape),
        "spacing": list(thorax.spacing),
        "axes": ["left", "front", "head"],
        "unit": "HU",
        "credit": thorax.credit,
        "licence": thorax.licence,
        "structures": {str(n): thorax.names[n] for n in sorted(thorax.names) if (thorax.labels == n).any()},
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def reduced(thorax: Thorax) -> Thorax:
    """Return the body alone, without contrast medium, with pairs of voxels from front to back as one.

    The beam of a film runs from front to back: detail along it is lost anyway, detail across it is kept.
    """
    hounsfield = np.where(_body(thorax.hounsfield), thorax.hounsfield, -1000)
    bone = bones(thorax)
    near = ndimage.binary_dilation(bone, np.ones((3, 3, 1)))
    cortex = near & ~bone & (hounsfield < 500)  # of bone, beside its label
    hounsfield = np.where(~bone & ~cortex & (hounsfield > 200), _BLOOD, hounsfield)
    hounsfield = np.where(~bone & ~cortex, np.minimum(hounsfield, 80), hounsfield).clip(-1000, 1000)
    depth = hounsfield.shape[1] // 2
    pairs = hounsfield[:, : 2 * depth].reshape(hounsfield.shape[0], depth, 2, -1).mean(axis=2)
    spacing = (thorax.spacing[0], 2 * thorax.spacing[1], thorax.spacing[2])
    coarse = (np.round(pairs / _STEP) * _STEP).astype(np.int16)
    return Thorax(
        coarse, thorax.labels[:, : 2 * depth : 2], spacing, thorax.names, thorax.credit, thorax.licence
    )


def bones(thorax: Thorax) -> Bool[np.ndarray, "x y z"]:
    """Return the voxels of bone and rib cartilage."""
    numbers = [number for number, name in thorax.names.items() if _BONE.search(name)]
    return np.isin(thorax.labels, numbers)


def healed(thorax: Thorax, centre: tuple[float, float, float], radius: float) -> Thorax:
    """Return the thorax with a ball of lung replaced by the lung in front and to the left of it.

    The shipped CT shows a real mass of the left lower lobe; without this every normal film would show it too.

    Args:
        thorax: The CT as it came.
        centre: Voxel in the middle of the lesion.
        radius: Reach in mm; the outer fifth is blended.
    """
    grid = np.ogrid[tuple(slice(length) for length in thorax.hounsfield.shape)]
    offsets = [(grid[axis] - centre[axis]) * np.float32(thorax.spacing[axis]) for axis in range(3)]
    distance = np.sqrt(offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2)
    ball = distance < radius
    lung = np.isin(thorax.labels, [number for number, name in thorax.names.items() if name in LUNGS])
    weight = np.clip((radius - distance) / (0.2 * radius), 0, 1) * (ball & lung)
    shift = (round(1.6 * radius / thorax.spacing[0]), round(1.4 * radius / thorax.spacing[1]))
    donor = np.roll(thorax.hounsfield, (-shift[0], -shift[1]), axis=(0, 1))
    mixed = thorax.hounsfield + weight * (donor - thorax.hounsfield)
    return Thorax(
        mixed.astype(np.int16), thorax.labels, thorax.spacing, thorax.names, thorax.credit, thorax.licence
    )


def _body(hounsfield: Int16[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Return the largest dense body with its holes filled slice by slice: no table, no air around it."""
    dense = ndimage.binary_opening(hounsfield > -300, np.ones((5, 5, 1)))
    parts: Int32[np.ndarray, "x y z"] = ndimage.label(dense)[0]
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return np.stack([ndimage.binary_fill_holes(largest[:, :, k]) for k in range(largest.shape[2])], axis=2)


if __name__ == "__main__":
    import tyro

    tyro.cli(Make).run()
