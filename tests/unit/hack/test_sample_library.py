"""The sample library is declared again without undoing what a person did with it."""

import json
from typing import Any

import pytest

from demo.__main__ import is_taken_down


@pytest.mark.parametrize(
    ("spec", "expected"), [({"state": "TakenDown"}, True), ({"state": "Unlisted"}, False), ({}, False)]
)
def test_title_that_was_taken_down_is_left_alone(program: Any, spec: dict[str, str], expected: bool) -> None:
    program("kubectl", f"print({json.dumps(json.dumps({'spec': spec}))})")
    assert is_taken_down("aurora-drift") is expected


def test_title_that_is_not_there_is_made(program: Any) -> None:
    program("kubectl", "")
    assert not is_taken_down("aurora-drift")
