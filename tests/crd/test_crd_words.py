"""The words of the custom resources are those of the code: needs no cluster."""

from enum import StrEnum

import pytest
from custom_resources import nodes, schema

from streamvault_common import models
from streamvault_common.documents import Quality, TitleKind

WORDS: list[tuple[str, str, type[StrEnum]]] = [
    ("workersessions", "spec.desiredState", models.DesiredState),
    ("workersessions", "spec.roles.[]", models.Role),
    ("workersessions", "status.phase", models.SessionPhase),
    ("titles", "spec.kind", TitleKind),
    ("titles", "spec.files.[].quality", Quality),
    ("titles", "spec.state", models.TitleState),
    ("titles", "spec.takedown.reason", models.TakedownReason),
    ("titles", "status.phase", models.TitlePhase),
]
KUBERNETES_WORDS = {"operator", "effect", "status"}


@pytest.mark.parametrize(("plural", "path", "words"), WORDS, ids=lambda value: str(value))
def test_enum_of_the_schema_equals_the_enum_of_the_code(plural: str, path: str, words: type[StrEnum]) -> None:
    assert dict(nodes(schema(plural)))[path]["enum"] == [word.value for word in words]


@pytest.mark.parametrize("plural", ["workersessions", "titles"])
def test_no_enum_of_a_schema_is_forgotten(plural: str) -> None:
    enums = {path for path, node in nodes(schema(plural)) if "enum" in node}
    own = {path for path in enums if path.split(".")[-1] not in KUBERNETES_WORDS}
    assert own == {path for kind, path, _ in WORDS if kind == plural}


@pytest.mark.parametrize("plural", ["workersessions", "titles"])
def test_every_string_and_list_of_a_spec_is_bounded(plural: str) -> None:
    """Unbounded fields let one object fill the database, and break the cost estimate of CEL rules."""
    open_ended = [
        path
        for path, node in nodes(schema(plural)["properties"]["spec"], "spec")
        if (node.get("type") == "string" and "maxLength" not in node and "enum" not in node)
        or (node.get("type") == "array" and "maxItems" not in node)
    ]
    assert open_ended == []
