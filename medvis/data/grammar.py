"""A small grammar: templates with choices and slots become sentences that know where their slots stand.

`[a|b|]` chooses one of its branches, `{slot}` is filled from a mapping (its value is a template too),
`{slot:a|b}` chooses and counts as that slot, and `a(n)` becomes "a" or "an".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from numpy.random import Generator


@dataclass(frozen=True)
class Line:
    """A sentence and the character spans of what filled its slots."""

    text: str
    spans: dict[str, tuple[int, int]]


def line(template: str, slots: Mapping[str, str], rng: Generator) -> Line:
    """Return one sentence of a template.

    Raises:
        KeyError: If the template names a slot that is not filled.
        ValueError: If its brackets do not match.
    """
    return _joined(list(_pieces(template, slots, rng)))


def _pieces(template: str, slots: Mapping[str, str], rng: Generator) -> Iterator[tuple[str, str]]:
    """Yield texts, each with the slot that it fills ("" for none)."""
    at = 0
    while at < len(template):
        if template[at] == "[":
            stop = _closing(template, at)
            branches = _branches(template[at + 1 : stop])
            yield from _pieces(branches[int(rng.integers(len(branches)))], slots, rng)
        elif template[at] == "{":
            stop = _closing(template, at)
            name, choice, inner = template[at + 1 : stop].partition(":")
            for text, slot in _pieces(f"[{inner}]" if choice else slots[name], slots, rng):
                yield text, slot or name
        else:
            stop = (
                min(
                    (place for mark in "[{" if (place := template.find(mark, at)) >= 0), default=len(template)
                )
                - 1
            )
            yield template[at : stop + 1], ""
        at = stop + 1


def _closing(template: str, start: int) -> int:
    depth = 0
    for at in range(start, len(template)):
        depth += (template[at] in "[{") - (template[at] in "]}")
        if depth == 0:
            return at
    raise ValueError(f"a bracket of {template!r} is never closed")


def _branches(inner: str) -> list[str]:
    """Split at the bars that stand in no inner bracket."""
    out, depth = [""], 0
    for sign in inner:
        depth += (sign in "[{") - (sign in "]}")
        if sign == "|" and depth == 0:
            out.append("")
        else:
            out[-1] += sign
    return out


def _joined(pieces: list[tuple[str, str]]) -> Line:
    """Join pieces with single spaces, the right article and a capital; note where each slot came to stand."""
    text = ""
    spans: dict[str, tuple[int, int]] = {}
    for number, (piece, slot) in enumerate(pieces):
        start = len(text)
        rest = "".join(other for other, _ in pieces[number + 1 :])
        for at, sign in enumerate(_articles(piece, rest)):
            if sign == " " and (not text or text[-1] == " "):
                continue
            if sign in ".," and text.endswith(" "):
                text = text[:-1]
            text += sign
            start += at == 0 and sign == " "
        if slot and text[start:].strip():
            first, last = spans.get(slot, (start, start))
            spans[slot] = (min(first, start), max(last, len(text.rstrip(" .,"))))
    text = text.strip()
    return Line(
        text[:1].upper() + text[1:],
        {name: (start, min(stop, len(text))) for name, (start, stop) in spans.items()},
    )


def _articles(piece: str, rest: str) -> str:
    while "a(n)" in piece:
        before, _, after = piece.partition("a(n)")
        following = (after + rest).lstrip()
        piece = f"{before}{'an' if following[:1].lower() in 'aeiou' else 'a'}{after}"
    return piece
