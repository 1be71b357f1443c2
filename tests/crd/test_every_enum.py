"""Every enum of the schemas, found in their files: each of its words is accepted, any other is refused by name."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from api_server import ApiServer, Refused
from custom_resources import changed, condition, definition, movie, nodes, schema, season, session

from streamvault_common.keys import API_VERSION

Form = tuple[dict[str, Any], Mapping[str, object]]
"""A valid object, and the changes that put a word into it."""
DOWN = {"reason": "CopyrightClaim"}
KINDS = {"Movie": movie, "Season": season}
FORMS: dict[tuple[str, str], Callable[[str], Form]] = {
    ("workersessions", "spec.desiredState"): lambda word: (session(), {"spec.desiredState": word}),
    ("workersessions", "spec.roles.[]"): lambda word: (session(), {"spec.roles": [word]}),
    ("workersessions", "spec.tolerations.[].operator"): lambda word: (
        session(),
        {"spec.tolerations": [{"key": "board", "operator": word}]},
    ),
    ("workersessions", "spec.tolerations.[].effect"): lambda word: (
        session(),
        {"spec.tolerations": [{"key": "board", "effect": word}]},
    ),
    ("workersessions", "status.phase"): lambda word: (session(), {"status.phase": word}),
    ("workersessions", "status.conditions.[].status"): lambda word: (
        session(),
        {"status.conditions": [condition("Ready", word, "Serving")]},
    ),
    ("titles", "spec.kind"): lambda word: (KINDS.get(word, movie)(), {"spec.kind": word}),
    ("titles", "spec.files.[].quality"): lambda word: (movie(), {"spec.files.0.quality": word}),
    ("titles", "spec.state"): lambda word: (
        movie(),
        {"spec.state": word} | ({"spec.takedown": DOWN} if word == "TakenDown" else {}),
    ),
    ("titles", "spec.takedown.reason"): lambda word: (
        movie(),
        {"spec.state": "TakenDown", "spec.takedown": {"reason": word}},
    ),
    ("titles", "status.phase"): lambda word: (movie(), {"status.phase": word}),
    ("titles", "status.conditions.[].status"): lambda word: (
        movie(),
        {"status.conditions": [condition("Ready", word, "Published")]},
    ),
}
ENUMS = {
    (plural, path): node["enum"]
    for plural in ("workersessions", "titles")
    for path, node in nodes(schema(plural))
    if "enum" in node
}
WORDS = [(plural, path, word) for (plural, path), words in ENUMS.items() for word in words]


@pytest.fixture(scope="module")
def stored(api: ApiServer, namespace: str) -> Iterator[dict[str, str]]:
    """One object of each resource to write a status to: its path."""
    paths = {}
    for plural, manifest in (("workersessions", session()), ("titles", movie())):
        made = api.create(f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}", named(manifest, "every-enum"))
        paths[plural] = f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}/{made['metadata']['name']}"
    yield paths
    for path in paths.values():
        api.delete(path)


def named(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return changed(manifest, {"metadata.name": name})


def attempt(api: ApiServer, stored: dict[str, str], plural: str, path: str, word: str) -> None:
    """Ask the API server to take the word, without keeping it."""
    manifest, changes = FORMS[plural, path](word)
    if path.startswith("status."):
        api.patch(f"{stored[plural]}/status", changed({}, changes), dryRun="All")
    else:
        api.create(stored[plural].rpartition("/")[0], changed(manifest, changes), dryRun="All")


@pytest.mark.cluster
@pytest.mark.parametrize(("plural", "path", "word"), WORDS)
def test_every_word_is_accepted(api: ApiServer, stored: dict[str, str], plural: str, path: str, word: str) -> None:
    attempt(api, stored, plural, path, word)


@pytest.mark.cluster
@pytest.mark.parametrize(("plural", "path"), ENUMS)
def test_another_word_is_refused_and_the_right_ones_are_named(
    api: ApiServer, stored: dict[str, str], plural: str, path: str
) -> None:
    with pytest.raises(Refused) as refused:
        attempt(api, stored, plural, path, "Nonsense")
    assert f'Unsupported value: "Nonsense": supported values: "{ENUMS[plural, path][0]}"' in str(refused.value)
    assert path.replace(".[]", "[0]") in str(refused.value)


@pytest.mark.parametrize("plural", ["workersessions", "titles"])
def test_no_rule_or_enum_hides_where_nobody_looks(plural: str) -> None:
    """`nodes` walks properties and items; a rule anywhere else of the file would have no case."""
    (version,) = definition(plural)["spec"]["versions"]
    for word in ("enum", "x-kubernetes-validations"):
        seen = [node[word] for _, node in nodes(schema(plural)) if word in node]
        assert sum(map(len, seen)) == sum(map(len, everywhere(version["schema"], word)))


def everywhere(node: Any, word: str) -> Iterator[list[Any]]:
    """What stands under a word at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get(word), list):
            yield node[word]
        for child in node.values():
            yield from everywhere(child, word)
    elif isinstance(node, list):
        for child in node:
            yield from everywhere(child, word)
