"""The one command: medvis demo, app, import, train, embed, evaluate, export, runs, cohorts, doctor.

Each command is one file in `medvis/commands` with one frozen dataclass. The first word chooses the file and
only that file is imported, so that `medvis --help` answers at once.
"""

import ast
import importlib
import logging
import os
import sys
from pathlib import Path

from medvis import __version__
from medvis.errors import MedvisError

ORDER = ("demo", "app", "import", "train", "embed", "evaluate", "export", "runs", "cohorts", "doctor")


def main() -> None:
    """Run the command line and exit with its status: 0 done, 1 a check failed, 2 bad input."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command and return its exit status.

    Args:
        words: Arguments after the program's name.
    """
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(overview())
        return 0
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"medvis {__version__}\n")
        return 0
    if words[0] not in ORDER:
        sys.stderr.write(f"medvis: there is no command '{words[0]}'. It knows {', '.join(ORDER)}.\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    command = importlib.import_module(f"medvis.commands.{_module(words[0])}")
    try:
        return int(command.main(words[1:]))
    except MedvisError as error:
        sys.stderr.write(f"medvis: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("medvis: stopped by you; what was finished is kept.\n")
        return 130


def overview() -> str:
    """Return the help text: one line a command, read from the commands' own files."""
    lines = [
        "medvis: see what chest X-ray image-report models learned. A research tool, never a diagnosis.",
        "",
        "usage: medvis COMMAND [options]      medvis COMMAND --help",
        "",
    ]
    folder = Path(__file__).parent / "commands"
    for word in ORDER:
        source = (folder / f"{_module(word)}.py").read_text()
        summary = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        lines.append(f"  {word:<10} {summary}")
    lines += ["", "Cohorts and runs live in ${MEDVIS_HOME:-./data}; a name with a / is a path."]
    return "\n".join(lines) + "\n"


def _module(word: str) -> str:
    return {"import": "import_"}.get(word, word)


if __name__ == "__main__":
    main()
