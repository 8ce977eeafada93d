"""Prints the map of the package from the files' own first lines: python -m medvis."""

import ast
import sys
from pathlib import Path


def lines(root: Path) -> list[str]:
    """Return one line a file: indented path and the first line of its docstring."""
    found = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        summary = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        if path.name == "__init__.py" and not summary:
            continue
        name = f"{relative.parent}/" if path.name == "__init__.py" else str(relative)
        found.append(f"{root.name}/{name:<32} {summary}".rstrip())
    return found


def main() -> None:
    """Print the map of medvis, train and app."""
    here = Path(__file__).parent
    roots = [here, here.parent / "train", here.parent / "app"]
    sys.stdout.write("\n".join(line for root in roots if root.is_dir() for line in lines(root)) + "\n")


if __name__ == "__main__":
    main()
