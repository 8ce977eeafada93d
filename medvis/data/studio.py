"""Makes the studies of simulated patients, in processes of their own that never load torch.

    python -m medvis.data.studio THORAX SEED FIRST STOP STEP SIZE

writes each study to standard output as two lengths, a JSON line and the film's grey values: patients FIRST,
FIRST + STEP, … below STOP. The order of what `studies` yields does not depend on the number of processes.
"""

import itertools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import UInt8

from medvis.data import slabs, thorax
from medvis.data.patient import Visit, visits
from medvis.data.shot import Shot, box, shot
from medvis.errors import BadSource

_LENGTHS = struct.Struct("<II")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Made:
    """A study as it leaves the studio.

    Attributes:
        patient: Number of the patient.
        visit: Number of the visit, from 1.
        about: View, spacing, labels, both sections, facts and regions as plain values.
        pixels: The film.
    """

    patient: int
    visit: int
    about: dict[str, Any]
    pixels: UInt8[np.ndarray, "h w"]


def studies(folder: Path, seed: int, patients: range, size: int, workers: int) -> Iterator[Made]:
    """Yield the studies of some patients, in order.

    Args:
        folder: A reduced thorax.
        seed: Of the cohort.
        patients: Their numbers.
        size: Longer side of a film in pixels.
        workers: Processes; with 1 the films are made in this one.

    Raises:
        BadSource: If the thorax is missing or damaged.
    """
    if workers == 1:
        shared = slabs.cut(thorax.read(folder))
        for number in patients:
            yield from _patient(shared, seed, number, size)
        return
    thorax.read(folder)  # a damaged one is named here, not in a process that only dies
    step = patients.step * workers
    running = [
        _started(folder, seed, range(first, patients.stop, step), size) for first in patients[:workers]
    ]
    try:
        for number, process in zip(patients, itertools.cycle(running), strict=False):
            yield from _received(process, number)
    finally:
        for process in running:
            process.kill()
            process.communicate()


def facts(visit: Visit) -> list[dict[str, Any]]:
    """Return what every sentence of a visit's report says, as plain values."""
    counts = {"findings": itertools.count(), "impression": itertools.count()}
    return [
        {
            "sentence": f"{said.section[0]}{next(counts[said.section])}",
            "start": said.start,
            "stop": said.stop,
            "spans": {name: list(span) for name, span in said.spans.items()},
            "facts": [asdict(fact) | {"path": list(fact.path)} for fact in said.facts],
        }
        for said in visit.report.said
    ]


def _patient(shared: slabs.Slabs, seed: int, number: int, size: int) -> Iterator[Made]:
    last = None
    for visit in visits(shared, seed, number):
        if last is not None:
            yield last
        film = shot(shared, visit, size)
        last = Made(number, visit.number, _about(visit, film), film.pixels)
    if last is not None:
        last.about["last"] = True
        yield last


def _about(visit: Visit, film: Shot) -> dict[str, Any]:
    boxes = {name: box(mask) for name, mask in film.masks.items() if mask.any()}
    return {
        "view": film.view,
        "spacing": film.spacing,
        "labels": visit.labels(),
        "ratio": visit.ratio,
        "findings": visit.report.findings,
        "impression": visit.report.impression,
        "said": facts(visit),
        "regions": boxes,
        "last": False,
    }


def _started(folder: Path, seed: int, numbers: range, size: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "medvis.data.studio", str(folder.resolve()), str(seed)]
    command += [str(value) for value in (numbers.start, numbers.stop, numbers.step, size)]
    paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    alone = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=os.environ | alone | {"PYTHONPATH": paths},
    )


def _received(process: "subprocess.Popen[bytes]", number: int) -> Iterator[Made]:
    """Yield the studies of one patient as its process sends them."""
    assert process.stdout is not None
    last = False
    while not last:
        head = process.stdout.read(_LENGTHS.size)
        if len(head) < _LENGTHS.size:
            raise BadSource(
                f"The process that simulates patient {number} ended early.", remedy="Try with workers=1."
            )
        text, picture = (process.stdout.read(length) for length in _LENGTHS.unpack(head))
        record = json.loads(text)
        pixels = np.frombuffer(picture, np.uint8).reshape(record["shape"])
        last = record["about"]["last"]
        yield Made(record["patient"], record["visit"], record["about"], pixels)


def _sent(made: Made, to: IO[bytes]) -> None:
    record = {"patient": made.patient, "visit": made.visit, "about": made.about, "shape": made.pixels.shape}
    text = json.dumps(record).encode()
    to.write(_LENGTHS.pack(len(text), made.pixels.size) + text + made.pixels.tobytes())
    to.flush()


def main(words: list[str]) -> None:
    """Write some patients' studies to standard output."""
    folder, seed, first, stop, step, size = Path(words[0]), *(int(word) for word in words[1:])
    for made in studies(folder, seed, range(first, stop, step), size, 1):
        _sent(made, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
