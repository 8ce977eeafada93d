"""The house stands: imports go downward only, pages stay thin, signatures carry shapes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "medvis.errors": 0, "medvis.types": 0, "medvis.torchvision_fix": 0,
    "medvis.geometry": 1, "medvis.data": 2, "medvis.models": 3, "medvis.methods": 4, "medvis.store": 5,
    "medvis.explain": 6, "train": 7, "app": 7, "medvis.cli": 8, "medvis.commands": 8,
}  # fmt: skip
FREE = {"medvis", "medvis.__main__"}  # the façade and the map
PAGE_IMPORTS = {"streamlit", "app", "medvis.explain", "medvis.types", "collections.abc"}


def modules() -> list[Path]:
    return [path for top in ("medvis", "train", "app") for path in sorted((ROOT / top).rglob("*.py"))]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor(module: str) -> int | None:
    known = [prefix for prefix in FLOORS if module == prefix or module.startswith(prefix + ".")]
    return FLOORS[max(known, key=len)] if known else None


def imports(path: Path) -> Iterator[tuple[str, int]]:
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"{package}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            for alias in node.names:
                yield (
                    (f"{base}.{alias.name}" if floor(base) is None or base == "medvis" else base),
                    node.lineno,
                )


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_imports_up(path: Path) -> None:
    here = name_of(path)
    if here in FREE:
        return
    mine = floor(here)
    assert mine is not None, f"{here} stands on no floor: add it to FLOORS or move it"
    for target, line in imports(path):
        theirs = floor(target)
        if theirs is None:
            continue
        assert theirs <= mine, f"{here}:{line} (floor {mine}) imports {target} (floor {theirs})"
        sides = {here.partition(".")[0], target.partition(".")[0]}
        assert sides != {"train", "app"}, f"{here}:{line}: train and app meet in the run folder only"


@pytest.mark.parametrize("path", sorted((ROOT / "app" / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_pages_import_only_their_four_names(path: Path) -> None:
    for target, line in imports(path):
        known = any(target == name or target.startswith(name + ".") for name in PAGE_IMPORTS)
        assert known, f"{path.name}:{line} imports {target}; a page lays out, it does not compute"


@pytest.mark.parametrize("path", sorted((ROOT / "medvis" / "explain").rglob("*.py")), ids=name_of)
def test_explanations_work_without_streamlit(path: Path) -> None:
    assert not [target for target, _ in imports(path) if target.startswith("streamlit")]


@pytest.mark.parametrize("path", [p for p in modules() if p.parts[-2] != "app"], ids=name_of)
def test_no_public_signature_has_a_bare_tensor(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        notes = [arg.annotation for arg in (*node.args.args, *node.args.kwonlyargs)] + [node.returns]
        bare = [note for note in notes if isinstance(note, ast.Name) and note.id == "Tensor"]
        assert not bare, f"{path}:{node.lineno} {node.name} says Tensor without dtype and axes"


def test_nothing_is_pickled() -> None:
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "gdcm"}
    for path in modules():
        found = {target.partition(".")[0] for target, _ in imports(path)} & banned
        assert not found, f"{path} imports {found}"


def test_files_say_what_they_are() -> None:
    for path in modules():
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        assert first, f"{path} has no docstring: its first line becomes the map"
        assert len(first) <= 110, f"{path}: the first line becomes the map and is too long"
