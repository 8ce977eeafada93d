"""What a run is but its numbers: run.json."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medvis.errors import BadRun

RECORD = "run.json"


@dataclass(frozen=True)
class RunRecord:
    """Everything that a run is but its numbers; `run.json` is its only form on disk.

    Attributes:
        name: As the person called it.
        method: The paper's file name.
        config: Settings of the method.
        training: Settings of the training, as the command line took them.
        cohort_name: Cohort that it was trained on.
        cohort_hash: Hash of that cohort.
        image: Record of the image encoder.
        text: Record of the text encoder.
        towers: Digest of each encoder ("image", "text") that was frozen; the others are in the weights.
        steps: Training steps whose weights these are.
        created: When, UTC.
        versions: Package -> version that trained it.
        hashes: sha256 of the other files of the run.
    """

    name: str
    method: str
    config: dict[str, Any]
    training: dict[str, Any]
    cohort_name: str
    cohort_hash: str
    image: dict[str, Any]
    text: dict[str, Any]
    towers: dict[str, str]
    steps: int
    created: str
    versions: dict[str, str]
    hashes: dict[str, str] = dataclasses.field(default_factory=dict)

    def json(self) -> str:
        """Return it as the text of `run.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Return the record in a file.

        Raises:
            BadRun: If it is not one; the message names the fields.
        """
        remedy = "Copy the run again from where it was made, or train it again."
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BadRun(f"{path} cannot be read ({type(error).__name__}).", remedy=remedy) from error
        kinds = {field.name: _KINDS[field.name] for field in dataclasses.fields(cls)}
        found = values if isinstance(values, dict) else {}
        odd = sorted(kinds.keys() ^ found.keys())
        odd += sorted(
            name for name in kinds.keys() & found.keys() if not isinstance(found[name], kinds[name])
        )
        if odd:
            raise BadRun(f"{path} is no record of a run: look at {', '.join(odd)}.", remedy=remedy)
        return cls(**found)


_KINDS: dict[str, type] = {
    **dict.fromkeys(("name", "method", "cohort_name", "cohort_hash", "created"), str),
    **dict.fromkeys(("config", "training", "image", "text", "towers", "versions", "hashes"), dict),
    "steps": int,
}
