"""Rows on the terminal: lines for people, JSON for programs."""

import json
import sys
from collections.abc import Sequence


def rows(found: Sequence[dict[str, object]], *, as_json: bool, empty: str) -> None:
    """Print rows that have a name and any other facts; `empty` says what to do when there are none."""
    if as_json:
        sys.stdout.write(json.dumps(list(found), indent=2, default=str) + "\n")
        return
    for row in found:
        facts = "  ".join(f"{key} {value}" for key, value in row.items() if key != "name")
        sys.stdout.write(f"{row['name']!s:<20} {facts}\n")
    if not found:
        sys.stdout.write(empty + "\n")
