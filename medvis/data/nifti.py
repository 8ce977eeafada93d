"""NIfTI-1 volumes read by hand: voxels with axes to the patient's left, front and head.

Only what a CT and its label map need: single files, one volume, plain integers or floats. A few lines of
`struct` save a dependency that would be used for one command.

Source: https://nifti.nimh.nih.gov/nifti-1, header offsets of nifti1.h.
"""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from medvis.errors import BadSource

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2"}


@dataclass(frozen=True)
class Volume:
    """Voxels whose axes run to the patient's left, front and head.

    Attributes:
        voxels: Values with the header's slope and intercept applied.
        spacing: Distance of neighbours along each axis in mm.
    """

    voxels: Shaped[np.ndarray, "x y z"]
    spacing: tuple[float, float, float]


def read(path: Path) -> Volume:
    """Read one volume and turn its axes to left, front, head.

    Raises:
        BadSource: If the file is no single-volume NIfTI-1 file, states no orientation, or is cut short.
    """
    raw = _bytes(path)
    if len(raw) < 352 or raw[344:347] != b"n+1":
        raise BadSource(
            f"{path.name} is not a single-file NIfTI-1 volume.", remedy="Give a .nii or .nii.gz file."
        )
    order = "<" if struct.unpack("<i", raw[:4])[0] == 348 else ">"
    rank, *shape = struct.unpack(f"{order}8h", raw[40:56])
    kind = _TYPES.get(struct.unpack(f"{order}h", raw[70:72])[0])
    if kind is None or rank < 3 or any(length > 1 for length in shape[3:rank]):
        raise BadSource(f"{path.name} is not one volume of plain numbers.", remedy="Export one CT series.")
    sizes = shape[:3]
    start = int(struct.unpack(f"{order}f", raw[108:112])[0])
    count = sizes[0] * sizes[1] * sizes[2]
    type_ = np.dtype(order + kind)
    if len(raw) < start + count * type_.itemsize:
        raise BadSource(f"{path.name} ends before its last voxel.", remedy="Copy the file again.")
    voxels = np.frombuffer(raw, type_, count, start).reshape(sizes, order="F")
    slope, intercept = struct.unpack(f"{order}2f", raw[112:120])
    if slope not in (0.0, 1.0) or intercept != 0.0:
        voxels = voxels.astype(np.float32) * np.float32(slope or 1.0) + np.float32(intercept)
    return _turned(voxels, _affine(raw, order, path.name), path.name)


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise BadSource(
            f"{path.name} cannot be read.", remedy="Check the path and copy the file again."
        ) from error


def _affine(raw: bytes, order: str, name: str) -> Shaped[np.ndarray, "3 3"]:
    """Return the voxel-to-patient matrix (towards right-anterior-superior, as NIfTI counts)."""
    quaternion, sform = struct.unpack(f"{order}2h", raw[252:256])
    if sform > 0:
        return np.array(struct.unpack(f"{order}12f", raw[280:328])).reshape(3, 4)[:, :3]
    if quaternion <= 0:
        raise BadSource(
            f"{name} does not say how the patient lies.", remedy="Write its sform with your tool."
        )
    b, c, d = struct.unpack(f"{order}3f", raw[256:268])
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    rotation: Float[np.ndarray, "3 3"] = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    spacing = struct.unpack(f"{order}4f", raw[76:92])
    handed = -1 if spacing[0] < 0 else 1
    matrix: Float[np.ndarray, "3 3"] = rotation * np.array([spacing[1], spacing[2], handed * spacing[3]])
    return matrix


def _turned(voxels: Shaped[np.ndarray, "x y z"], affine: Shaped[np.ndarray, "3 3"], name: str) -> Volume:
    """Return the volume with axes left, front, head, if its axes lie near the patient's."""
    lengths = np.linalg.norm(affine, axis=0)
    towards = affine / lengths
    axes = np.abs(towards).argmax(axis=0)
    if sorted(axes) != [0, 1, 2] or np.abs(towards).max(axis=0).min() < 0.98:
        raise BadSource(f"{name} is cut obliquely.", remedy="Resample it along the patient's axes.")
    order = tuple(int(np.flatnonzero(axes == axis)[0]) for axis in range(3))
    turned = voxels.transpose(order)
    for axis, column in enumerate(order):
        forward = towards[axis, column] > 0
        if forward == (axis == 0):  # NIfTI counts to the right, we to the left
            turned = np.flip(turned, axis)
    return Volume(turned, (float(lengths[order[0]]), float(lengths[order[1]]), float(lengths[order[2]])))
