"""Reports as people wrote them: sections, sentences, words with their places, what is denied or hedged."""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterator

from medvis.data import certainty
from medvis.types import Report, Sentence, Word

_KINDS = {
    "findings": ("findings", "finding", "observations", "description", "findings and impression"),
    "impression": (
        "impression", "impressions", "conclusion", "conclusions", "opinion", "summary", "interpretation",
    ),
    "other": (
        "addendum", "clinical data", "clinical history", "clinical indication", "clinical information",
        "comparison", "comparison studies", "comparisons", "exam", "examination", "final report", "history",
        "indication", "indications", "notification", "notifications", "procedure", "reason for exam",
        "reason for examination", "recommendation", "recommendations", "study", "technique", "wet read",
    ),
}  # fmt: skip
_KIND = {name: kind for kind, names in _KINDS.items() for name in names}
# Where a line or a sentence starts in any case; inside a line in capitals; alone on a line.
_HEADING = re.compile(
    r"(?:^[ \t]*|(?<=[.;] ))(?P<line>[A-Za-z][A-Za-z /&()-]{2,40}?)[ \t]*:"
    r"|(?<![\w-])(?P<capitals>[A-Z][A-Z /&()-]{2,40}?)[ \t]*:"
    r"|^[ \t]*(?P<alone>[A-Z][A-Za-z ]{5,30}?)[ \t]*$",
    re.MULTILINE,
)
_TITLES = ("Findings", "Impression")
_ENUMERATOR = re.compile(r"(?:^|(?<=\s))\(?(\d{1,2})[.)](?=\s|[A-Z])")
_ITEM = r"[ \t]*(?:[-*•]|\(?\d{1,2}[.)])\s"
_CUT = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|(?<=[a-z)])\.(?=[A-Z][a-z])|(?:^|\n)[ \t]*[-*•](?=\s)|\n")
_NEVER_ENDS = re.compile(r"(?:^|[\s(])(?:drs?|mrs?|ms|prof|vs|e\.g|i\.e|cf|approx|fig|ca)$", re.IGNORECASE)
_INITIAL = re.compile(r"(?:^|[\s(])(?:drs?|mrs?|ms|prof)\. ?(?:[A-Z]\. ?)*[A-Z]$", re.IGNORECASE)
_SELDOM_ENDS = re.compile(
    r"(?:^|[\s(\d])(?:a\.m|p\.m|am|pm|etc|no|nos|st|mm|cm|ml|min|max|yrs?|hrs?|wks?|[A-Z](?:\.[A-Z])*)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_BLANK = re.compile(r"[Xx]{2,}|_+")


def sections(text: str) -> Report:
    """Return the findings and the impression of a report's text, each flowing.

    A heading counts where it starts a line or a sentence, or stands in capitals, also when it is misspelt
    ("FINIDNGS", "IMPRSSION"). Several parts of one kind are joined. Without any heading the whole text
    is findings; with headings but neither of the two, so are the paragraphs below the headed ones.

    >>> sections("COMPARISON: none. FINDINGS: Clear lungs. IMPRESSION: Normal.").impression
    'Normal.'
    """
    marks = list(_headings(text))
    if not marks:
        return Report(findings=flow(text), impression="")
    parts: dict[str, list[str]] = {"findings": [], "impression": [], "other": []}
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    for (_, stop, kind), end in zip(marks, ends, strict=True):
        parts[kind].append(text[stop:end])
    if not parts["findings"] and not parts["impression"]:
        paragraphs = [re.split(r"\n[ \t\r]*\n", part, maxsplit=1) for part in parts["other"]]
        parts["findings"] = [pieces[1] for pieces in paragraphs if len(pieces) == 2]
    joined = {kind: "\n".join(filter(None, map(flow, found))) for kind, found in parts.items()}
    return Report(findings=joined["findings"], impression=joined["impression"])


def sentences(report: Report) -> tuple[Sentence, ...]:
    """Return the sentences of both sections: f0, f1, … of findings, then i0, i1, … of the impression.

    Numbered lists and bullets end a sentence, and their numbers belong to none; abbreviations, decimals
    and initials do not end one. Sentences that are only blanks of de-identification ("XXXX", "___") are
    left out.
    """
    found = []
    for section, text in (("findings", report.findings), ("impression", report.impression)):
        for number, (start, stop) in enumerate(_spans(text)):
            piece = text[start:stop]
            negated, uncertain = certainty.judge(piece)
            places = tuple(Word(w.text, w.start + start, w.stop + start) for w in words(piece))
            found.append(Sentence(f"{section[0]}{number}", section, piece, start, places, negated, uncertain))
    return tuple(found)


def words(text: str) -> tuple[Word, ...]:
    r"""Return the words of a text: runs of word characters (`\w+`) with their character spans."""
    return tuple(Word(match.group(), match.start(), match.end()) for match in _WORD.finditer(text))


def text_hash(text: str) -> str:
    """Return 32 hex digits that are the same for texts that differ only in case and white space."""
    return hashlib.sha256(squeeze(text).lower().encode("utf-8", "replace")).hexdigest()[:32]


def flow(text: str) -> str:
    """Return a text with its lines joined; only paragraphs and items of a list start a new line."""
    lines = re.split(rf"\n[ \t\r]*\n|\n(?={_ITEM})", text)
    return "\n".join(filter(None, map(squeeze, lines)))


def squeeze(text: str) -> str:
    """Return a text with every run of white space and control characters as one space."""
    return " ".join("".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text).split())


_UNSEEN = {"Cc", "Cs", "Co", "Cn"}  # control characters, lone surrogates, private and unassigned ones


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the kind of every heading that is one."""
    for match in _HEADING.finditer(text):
        phrase = next(group for group in match.groups() if group)
        start = match.start(match.lastgroup or 0)
        if match["capitals"] or match["line"]:
            # "NONE FINDINGS:" is the end of one part and the heading of the next
            starts = [piece.start() for piece in re.finditer(r"\S+", phrase)]
            tails = [at for at in starts if at == 0 or phrase[at:].isupper() or phrase[at:] in _TITLES]
            known = [(at, kind) for at in tails if (kind := _kind(phrase[at:], misspelt=True))]
        else:
            known = [(0, kind)] if (kind := _kind(phrase, misspelt=False)) else []
        if known:
            yield start + known[0][0], match.end(), known[0][1]


def _kind(phrase: str, *, misspelt: bool) -> str | None:
    name = re.sub(r"\(s\)", "s", " ".join(phrase.lower().replace("/", " and ").replace("&", " and ").split()))
    if name in _KIND or not misspelt or len(name) < 6:
        return _KIND.get(name)
    near = difflib.get_close_matches(name, _KIND, n=1, cutoff=0.84)
    return _KIND[near[0]] if near else None


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where sentences with at least one true word start and stop."""
    lists = list(_enumerators(text))
    listed = {place for start, stop in lists for place in range(start, stop)}
    cuts = [
        (match.start() if match.group()[0] in "-*•\n" else match.end(), match.end())
        for match in _CUT.finditer(text)
        if match.start() not in listed and _ends(text, match)
    ]
    start = 0
    for stop, resume in [*sorted(cuts + lists), (len(text), len(text))]:
        piece = text[start:stop]
        if any(not _BLANK.fullmatch(word) for word in _WORD.findall(piece)):
            left = start + len(piece) - len(piece.lstrip())
            yield left, left + len(piece.strip())
        start = resume


def _enumerators(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of "1.", "2)", "(3)" that count upwards from a 1 that starts a sentence."""
    wanted = 1
    for match in _ENUMERATOR.finditer(text):
        number, before = int(match.group(1)), text[max(0, match.start() - 8) : match.start()].rstrip(" \t")
        if number == 1 and (not before or before[-1] in ".:;!?\n)"):
            wanted = 2
        elif number == wanted and wanted > 1:
            wanted += 1
        else:
            continue
        yield match.span()


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a stop ends a sentence."""
    before = text[max(0, match.start() - 16) : match.start()]
    following = text[match.end() : match.end() + 8].lstrip()[:1]
    if match.group().startswith("?") and before.endswith("("):
        return False
    if match.group() != ".":
        return True
    if _NEVER_ENDS.search(before) or _INITIAL.search(before):
        return not following
    if _SELDOM_ENDS.search(before):
        return not following or following.isupper()
    return True
