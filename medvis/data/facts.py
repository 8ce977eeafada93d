"""What datasets say of their films, in this house's words: views, licence classes, label lists."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

Show = Literal["open", "local", "restricted"]
STRICTEST: tuple[Show, ...] = ("restricted", "local", "open")

_VIEWS = {
    "PA": "PA", "POSTEROANTERIOR": "PA", "POSTERO-ANTERIOR": "PA",
    "AP": "AP", "ANTEROPOSTERIOR": "AP", "ANTERO-POSTERIOR": "AP",
    "L": "LATERAL", "LL": "LATERAL", "RL": "LATERAL", "LAT": "LATERAL", "LATERAL": "LATERAL",
    "XTABLE LATERAL": "LATERAL", "SWIMMERS": "LATERAL",
}  # fmt: skip
_POSTURES = {"SUPINE", "ERECT", "UPRIGHT", "STANDING", "SITTING", "PORTABLE", "VIEW"}


def view(said: str) -> tuple[str, tuple[str, ...]]:
    """Return the view as Radiograph knows it, and what else the words say.

    >>> view("AP Supine")
    ('AP', ('supine',))
    """
    words = " ".join(said.upper().replace("_", " ").split())
    if words in _VIEWS:
        return _VIEWS[words], ()
    first, *rest = words.split() or [""]
    if first in _VIEWS and set(rest) <= _POSTURES:
        return _VIEWS[first], tuple(word.lower() for word in rest if word != "VIEW")
    if words in {f"{side} LATERAL" for side in ("L", "R", "LEFT", "RIGHT")}:
        return "LATERAL", ()
    if words.startswith("FRONTAL"):
        return "", ("frontal, AP or PA not stated",)
    return "", ()


def show(licence: str) -> Show:
    """Return who may see what stands under a licence text.

    Credentialed access is "restricted". Attribution only (CC BY), CC0, public domain and "no
    restrictions" are "open". Everything else, terms NC, ND and SA and unknown ones above all, is "local".

    >>> show("CC BY 4.0"), show("CC BY-NC-SA 4.0"), show("PhysioNet Credentialed Health Data License")
    ('open', 'local', 'restricted')
    """
    text = " ".join(licence.lower().replace("_", " ").split())
    if (
        re.search(r"credential|restricted(?!\w)|data use agreement|physionet", text)
        and "no restrict" not in text
    ):
        return "restricted"
    if re.search(r"\b(?:nc|nd|sa|non-?\s?commercial|no-?\s?deriv\w*|share-?\s?alike)\b", text):
        return "local"
    if re.search(
        r"\bcc[ -]?by\b|\bcc[ -]?0\b|creative commons attribution|public domain|no restrictions?\b", text
    ):
        return "open"
    return "local"


def strictest(classes: set[Show]) -> Show:
    """Return the strictest of some classes; "local" of none."""
    return next((one for one in STRICTEST if one in classes), "local")


def listed(text: str, separator: str = ";") -> tuple[str, ...]:
    """Return the entries of a list in one cell, without empty ones and doubles, in order."""
    return tuple(dict.fromkeys(" ".join(one.split()) for one in text.split(separator) if one.strip()))


def closed(lists: Sequence[Sequence[str]], least: int = 10) -> list[dict[str, int]]:
    """Return labels of lists that name all that is present: what is not named is absent.

    An empty list says nothing of any finding. A label that fewer than `least` lists name is not filled
    up: it is too rare to be tested, and rare terms were not looked for everywhere.

    >>> closed([["A"], ["B"], []], least=1)
    [{'A': 1, 'B': 0}, {'B': 1, 'A': 0}, {}]
    """
    counts = Counter(name for names in lists for name in set(names))
    common = [name for name, count in counts.items() if count >= least]
    return [
        {**dict.fromkeys(names, 1), **{name: 0 for name in common if name not in names}} if names else {}
        for names in lists
    ]
