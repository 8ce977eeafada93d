"""The schema: its statement takes nothing but a number, its manifest refuses what no publisher wrote."""

import ast
import dataclasses
import json
from pathlib import Path

import duckdb
import pytest

from medvis.store import schema
from medvis.store.schema import About, Manifest

ROOT = Path(__file__).parent.parent.parent
ACCESS = {
    "medvis/store/store.py",
    "medvis/store/publish.py",
    "medvis/data/cohort.py",
    "medvis/data/cohort_schema.py",
    "medvis/data/rows.py",
}
ABOUT = About("r" * 64, "c" * 64, "toy", "lorentz", 3, 1.0, True, {"studies without a film": 2})
MANIFEST = Manifest(
    schema.VERSION, 7, "gen-7.duckdb", "0" * 64, 512, {"film": 3}, ABOUT, "2026-11-21T00:00:00+00:00", {}
)


def test_a_manifest_survives_its_own_text() -> None:
    assert Manifest.parse(MANIFEST.text()) == MANIFEST


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"schema": schema.VERSION + 1}, "schema"),
        ({"schema": None}, "schema"),
        ({"file": "../../etc/passwd"}, "values|fields"),
        ({"file": "gen-6.duckdb"}, "values|fields"),
        ({"generation": "7"}, "values|fields"),
        ({"sha256": "0" * 63}, "values|fields"),
        ({"sha256": None}, "values|fields"),
        ({"size": "512"}, "values|fields"),
        ({"counts": {"patient": 3}}, "values|fields"),
        ({"counts": {"film": "3"}}, "values|fields"),
        ({"about": None}, "fields"),
        ({"about": dataclasses.asdict(ABOUT) | {"d": 0}}, "values|fields"),
        ({"about": dataclasses.asdict(ABOUT) | {"curv": 0.0}}, "values|fields"),
        ({"about": dataclasses.asdict(ABOUT) | {"curv": "1"}}, "values|fields"),
        ({"about": dataclasses.asdict(ABOUT) | {"geometry": "flat"}}, "values|fields"),
        ({"about": dataclasses.asdict(ABOUT) | {"cohort": 3}}, "values|fields"),
        ({"surprise": 1}, "values|fields"),
    ],
)
def test_a_foreign_manifest_is_refused_in_words(change: dict[str, object], cause: str) -> None:
    values = json.loads(MANIFEST.text()) | change
    with pytest.raises(ValueError, match=cause):
        Manifest.parse(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"gen"', "null"])
def test_what_is_no_manifest_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|schema"):
        Manifest.parse(text)


@pytest.mark.parametrize("d", [0, -1, True, 2.0, "3]; DROP TABLE item; --"])
def test_nothing_but_a_number_gets_into_the_statement(d: object) -> None:
    with pytest.raises(ValueError, match="at least one number"):
        schema.create.__wrapped__(d)


def test_the_statements_choose_what_their_parameters_say() -> None:
    with duckdb.connect() as connection:
        connection.execute(schema.create(1))
        for row, (kind, study, split) in enumerate(
            [("film", "a", "test"), ("report", "a", "test"), ("film", "b", "train")]
        ):
            connection.execute(
                "INSERT INTO item VALUES (?, ?, ?, 'p', ?, 'ref', '', [1], NULL, 0)",
                [row, kind, study, split],
            )

        def chosen(**choice: object) -> list[tuple[str, str]]:
            found = connection.execute(schema.SELECT, {"kinds": None, "split": None, "study": None} | choice)
            return [row[1:3] for row in sorted(found.fetchall())]

        assert chosen() == [("film", "a"), ("report", "a"), ("film", "b")]
        assert chosen(kinds=["film"]) == [("film", "a"), ("film", "b")]
        assert chosen(kinds=["film", "report"], split="test") == [("film", "a"), ("report", "a")]
        assert chosen(study="b") == [("film", "b")]
        assert chosen(study="b' OR '1'='1") == []
        assert chosen(kinds=[]) == []


def _calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def _sources() -> list[Path]:
    return [path for top in ("medvis", "train", "app") for path in sorted((ROOT / top).rglob("*.py"))]


def test_only_the_access_modules_open_a_database() -> None:
    for path in _sources():
        if str(path.relative_to(ROOT)) in ACCESS:
            continue
        for call in _calls(path):
            assert ast.unparse(call.func) != "duckdb.connect", f"{path}:{call.lineno}: open it in {ACCESS}"


def test_no_text_is_pasted_into_sql_elsewhere() -> None:
    for path in _sources():
        if str(path.relative_to(ROOT)) in ACCESS:
            continue
        for call in _calls(path):
            if isinstance(call.func, ast.Attribute) and call.func.attr in {"execute", "executemany", "sql"}:
                pasted = any(not isinstance(text, ast.Constant) for text in call.args[:1])
                assert not pasted, f"{path}:{call.lineno}: text from a report or a link is never SQL"
