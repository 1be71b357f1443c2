"""The audit trail is only ever inserted into: no code of any part can change or remove what is on record."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from title_world import TitleWorld, title_world

from streamvault_common.documents import AUDIT

REPOSITORY = Path(__file__).resolve().parents[3]
HARMLESS = {"insert_one", "find", "find_one", "count_documents", "create_index", "create_indexes"}
WHOLESALE = {"drop_database", "drop_collection"}


@pytest.fixture
async def world() -> AsyncIterator[TitleWorld]:
    async with title_world() as one:
        yield one


def sources() -> Iterator[Path]:
    """Everything in Python; the website has no way to the database."""
    images = (folder for folder in (REPOSITORY / "images").iterdir() if folder.name != "frontend")
    for folder in (REPOSITORY / "operator", REPOSITORY / "hack", *images):
        yield from folder.rglob("*.py")


def uses(tree: ast.AST) -> Iterator[str]:
    """What is done with the collection: the name of the method, or `?` where it is handed on."""
    called = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _names_it(node.slice):
            yield called.get(id(node), "?")
        elif isinstance(node, ast.Call) and any(_names_it(argument) for argument in node.args):
            yield "?"
        elif isinstance(node, ast.Attribute) and node.attr in WHOLESALE:
            yield node.attr


def _names_it(node: ast.expr) -> bool:
    names = (isinstance(node, ast.Name) and node.id == "AUDIT") or (
        isinstance(node, ast.Attribute) and node.attr == "AUDIT"
    )
    return names or (isinstance(node, ast.Constant) and node.value == AUDIT)


def test_no_code_does_more_than_insert_and_read() -> None:
    found = {(path, use) for path in sources() for use in uses(ast.parse(path.read_text(encoding="utf-8")))}
    used = {use for _, use in found} - {"?"}
    assert "insert_one" in used, "the search finds nothing any more"
    assert used <= HARMLESS, found
    handed_on = {path.name for path, use in found if use == "?"}
    assert handed_on <= {"audit.py"}, "only the log line may carry the word"


@pytest.mark.parametrize(
    ("code", "does"),
    [
        ("self._database[AUDIT].delete_many({})", "delete_many"),
        ("db['audit'].update_one(a, b)", "update_one"),
        ("clean(db[documents.AUDIT])", "?"),
        ("db.get_collection(AUDIT).drop()", "?"),
        ("client.drop_database(name)", "drop_database"),
    ],
)
def test_the_search_sees_what_would_change_the_trail(code: str, does: str) -> None:
    assert set(uses(ast.parse(code))) == {does}


async def test_a_whole_life_only_inserts_and_reads(world: TitleWorld) -> None:
    world.declare()
    await world.look()
    world.edges.away = {"10.0.0.1"}
    world.take_down(tombstoneDays=0)
    await world.look()
    world.edges.away = set()
    await world.settle()
    await world.settle()
    assert ("Released", "", "TakenDown") in world.facts()
    assert {command for command, collection in world.mongo.commands if collection == AUDIT} == {"insert", "find"}
