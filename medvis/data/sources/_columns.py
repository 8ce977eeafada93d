"""Whether a table has the columns that its reader asks for, said so that they can be named."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from medvis.errors import BadSource

_CONTENT = ("image", "findings", "impression", "text")
_OTHER = ("study", "patient", "view", "split", "labels", "licence", "report_licence", "credit")
_log = logging.getLogger(__name__)


def check(table: Path, there: Sequence[str], wanted: Mapping[str, str], usual: Mapping[str, str]) -> None:
    """Refuse a table without a column that was asked for, or without any to read a study from.

    Args:
        table: For the message.
        there: Its columns.
        wanted: Column of each role, such as "image"; "" for none. Other entries do not count.
        usual: Likewise, as they are if nobody says anything.

    Raises:
        BadSource: If it is such a table; the remedy lists its columns.
    """
    has = f"It has: {', '.join(there)}."
    asked = [wanted[role] for role in (*_CONTENT, *_OTHER) if wanted[role] != usual[role]]
    missing = [one for one in asked if one and one not in there]
    if missing:
        raise BadSource(f"{table} has no column {', '.join(missing)}.", remedy=has)
    content = [wanted[role] for role in _CONTENT if wanted[role]]
    if not set(content) & set(there):
        raise BadSource(
            f"{table} has no column {', '.join(content)}.",
            remedy=f"{has} Say which is which, such as --image {there[0]}.",
        )
    if wanted["patient"] not in there:
        _log.warning(
            "%s has no column %s: each study counts as a patient of its own, so one person may stand on two "
            "sides of the split. %s Name it with --patient.",
            table, wanted["patient"] or "for patients", has,
        )  # fmt: skip
