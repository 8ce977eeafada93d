"""Training, validation and test sides: always whole patients."""

import hashlib
from collections.abc import Sequence

SIDES = ("train", "val", "test")
_ALSO = {
    "validate": "val",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "training": "train",
    "testing": "test",
}


def side(said: str) -> str:
    """Return the side that a dataset's word means, "" if it means none.

    >>> side("Validate")
    'val'
    """
    word = said.strip().lower()
    word = _ALSO.get(word, word)
    return word if word in SIDES else ""


def hashed(patient: str, *, seed: int = 0, shares: tuple[int, int, int] = (80, 10, 10)) -> str:
    """Return the side of a patient, from a hash: the same in every cohort that names the patient alike.

    Args:
        patient: Pseudonym.
        seed: Another seed is another division.
        shares: Percent of patients for training, validation and test.

    >>> hashed("P1") in SIDES
    True
    """
    digest = hashlib.sha256(f"{seed}:{patient}".encode("utf-8", "replace")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares)
    return SIDES[0] if draw < shares[0] else SIDES[1] if draw < shares[0] + shares[1] else SIDES[2]


def settle(said: Sequence[tuple[str, str]], *, seed: int = 0) -> tuple[list[str], str]:
    """Return the side of every study and, in words, where it comes from.

    The source's division holds if every study has a side and no patient stands on two. Else all
    patients are divided by hash, 80/10/10: a division that is half the source's would be neither.

    Args:
        said: Patient and side of every study, "" where the source says none.
        seed: For the hash.
    """
    sides: dict[str, set[str]] = {}
    for patient, side in said:
        sides.setdefault(patient, set()).add(side)
    unsaid = sum(side not in SIDES for _, side in said)
    torn = sum(len(found) > 1 for found in sides.values())
    if not unsaid and not torn:
        return [side for _, side in said], "the source's"
    if unsaid == len(said):
        why = "the source has none"
    elif unsaid:
        why = f"the source has none for {unsaid} of {len(said)} studies"
    else:
        why = f"the source's put {torn} patients on two sides"
    how = f"by hash of the patient, 80/10/10, seed {seed}: {why}"
    return [hashed(patient, seed=seed) for patient, _ in said], how
