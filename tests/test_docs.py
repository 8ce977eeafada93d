"""The README is true: its two tables are generated, its commands exist, its pictures are there."""

import re
from pathlib import Path

from medvis import __main__ as tree
from medvis import cli, methods

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def between(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert found, f"README.md has no <!-- {name} --> block"
    return found[1].strip()


def papers() -> str:
    methods.discover()
    rows = ["| method | paper | arXiv | settings |", "|---|---|---|---|"]
    for name, method in sorted(methods.METHODS.items()):
        settings = "inferred" if method.paper.inferred else "as published"
        rows.append(f"| `{name}` | {method.paper.title} | {method.paper.arxiv} | {settings} |")
    return "\n".join(rows)


def the_map() -> str:
    found = [line for top in ("medvis", "train", "app") for line in tree.lines(ROOT / top)]
    return "```\n" + "\n".join(found) + "\n```"


def test_the_paper_table_is_the_registry() -> None:
    assert between("papers") == papers(), "run `python -m tests.test_docs` to write it anew"


def test_the_map_is_the_tree() -> None:
    assert between("map") == the_map(), "run `python -m tests.test_docs` to write it anew"


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"(?:^|[`/ ])medvis ([a-z]+)(?= |`|$)", README, re.MULTILINE)) - {"shows", "is"}
    assert named <= set(cli.ORDER), f"README names {named - set(cli.ORDER)}"


def test_every_picture_is_there() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).stat().st_size > 10_000, picture


def test_nothing_names_a_path_of_somebody_s_machine() -> None:
    told = re.compile(r"(?:/root/|/home/\w|/tmp/\w)")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *(ROOT / "medvis").rglob("*.py")]:
        found = told.search(path.read_text())
        assert not found, f"{path.name}: {found and found[0]}"


def test_a_cited_equation_has_its_test() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for path in (ROOT / "medvis" / "methods").glob("*.py"):
        for number in re.findall(r"# Eq\. (\d+)", path.read_text()):
            assert f"def test_{path.stem}_eq_{number}" in tests, f"{path.name} cites Eq. {number}"


if __name__ == "__main__":
    text = README
    for name, body in (("papers", papers()), ("map", the_map())):
        text = re.sub(
            rf"<!-- {name} -->.*?<!-- /{name} -->",
            lambda _, name=name, body=body: f"<!-- {name} -->\n{body}\n<!-- /{name} -->",
            text,
            flags=re.DOTALL,
        )
    (ROOT / "README.md").write_text(text)
