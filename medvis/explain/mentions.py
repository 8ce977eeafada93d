"""Which findings a short text names and does not deny, by rules of our own over the labels' names."""

import re
from collections.abc import Iterable

from medvis.data import certainty
from medvis.data import report as reports
from medvis.types import Report

from . import prompts

_PIECE = re.compile(r"[,;]|\b(?:but|and|with)\b|\b(?=(?:no|not|without)\b)")
_TURN = re.compile(r";|\bbut\b|\b(?=(?:no|not|without)\b)")


def mentioned(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that a text names and does not deny; a hedged one counts as named.

    A label is named by its own words or by its prompt's, in this order, the last in the plural too. A
    mention counts as denied if its sentence is, or what leads to it since the start, a comma or a "no".
    When in doubt the label is left out, because a wrong one would call strangers alike.

    >>> mentioned("Small left pleural effusion, no pneumothorax.", ["Effusion", "Pneumothorax"])
    ('Effusion',)
    """
    sentences = [one.text for one in reports.sentences(Report(reports.squeeze(text), ""))] or [text]
    return tuple(name for name in names if any(_named(name, sentence.lower()) for sentence in sentences))


def _named(name: str, sentence: str) -> bool:
    positive = prompts.pair(name)[0]
    plain = " ".join(name.replace("_", " ").split()).lower()
    for phrase in (plain, positive):
        spaced = r"\W+".join(map(re.escape, phrase.split()))
        for match in re.finditer(rf"\b{spaced}(?:s|es)?\b", sentence):
            if phrase.startswith("no ") or not _denied(sentence, match.start(), match.end()):
                return True
    return False


def _denied(sentence: str, start: int, stop: int) -> bool:
    piece, turn = (
        max((cut.end() for cut in sort.finditer(sentence, 0, start)), default=0) for sort in (_PIECE, _TURN)
    )
    readings = (sentence, sentence[:stop], sentence[piece:stop], sentence[turn:stop])
    return any(certainty.judge(reading)[0] for reading in readings)
