"""Which film stands for a study, in which order studies are read, and which pairs may be negatives."""

import random
from collections import deque
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from medvis.types import Film, Study


def frontal(study: Study) -> Film | None:
    """Return the film that stands for a study: the first frontal one, else one of unknown view, else any.

    None if the study has no film.
    """
    for views in (("PA", "AP"), ("",)):
        for film in study.films:
            if film.view in views:
                return film
    return study.films[0] if study.films else None


def order(studies: Sequence[Study], seed: int, epoch: int) -> list[Study]:
    """Return all studies in the order of an epoch, one patient's as far apart as rounds allow.

    The order depends on ids, seed and epoch alone, so a resumed run reads on where it stopped. Each round
    holds every patient with studies left once; within a round no patient recurs.

    Args:
        studies: Any order.
        seed: Of the run.
        epoch: From 0.
    """
    draw = random.Random(f"{seed}:{epoch}")
    of: dict[str, list[Study]] = {}
    for study in sorted(studies, key=lambda one: one.id):
        of.setdefault(study.patient, []).append(study)
    for some in of.values():
        draw.shuffle(some)
    found: list[Study] = []
    while of:
        patients = list(of)
        draw.shuffle(patients)
        for patient in patients:
            found.append(of[patient].pop())
            if not of[patient]:
                del of[patient]
    return found


def batches(studies: Sequence[Study], seed: int, epoch: int, size: int) -> Iterator[list[Study]]:
    """Yield the studies of an epoch in batches of at most `size`, in each of which a patient occurs once.

    Every study is yielded exactly once; the last batches may be smaller.
    """
    waiting = deque(order(studies, seed, epoch))
    while waiting:
        batch: list[Study] = []
        later: list[Study] = []
        patients: set[str] = set()
        while waiting and len(batch) < size:
            study = waiting.popleft()
            (later if study.patient in patients else batch).append(study)
            patients.add(study.patient)
        waiting.extendleft(reversed(later))
        yield batch


def apart(study: Sequence[str], patient: Sequence[str], text: Sequence[str]) -> Bool[Tensor, "b b"]:
    """Return where the items of a row and a column may be negatives of each other.

    They may if patient, study and text all differ: a third of all reports are the same boiler-plate, and
    two films of one patient are no better negatives.

    >>> apart(["s", "t"], ["p", "q"], ["x", "y"]).tolist()
    [[False, True], [True, False]]

    Args:
        study: Study ids.
        patient: Patient ids.
        text: Hashes of the texts (`report.text_hash`).
    """
    same = torch.zeros(len(study), len(study), dtype=torch.bool)
    for names in (study, patient, text):
        number = {name: at for at, name in enumerate(dict.fromkeys(names))}
        ids = torch.tensor([number[name] for name in names], dtype=torch.int64)
        same |= ids[:, None] == ids[None, :]
    return ~same
