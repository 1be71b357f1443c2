"""Golden files: `UPDATE_GOLDEN=1 pytest tests/golden` writes them, a reader of the diff judges them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

UPDATE = "UPDATE_GOLDEN"


@pytest.fixture
def golden() -> Callable[[str, list[dict[str, Any]]], None]:
    """Compare manifests with `tests/golden/<name>.yaml`."""

    def compare(name: str, manifests: list[dict[str, Any]]) -> None:
        path = Path(__file__).parent / f"{name}.yaml"
        text = yaml.dump_all(manifests, sort_keys=False, width=120, Dumper=_Plain)
        if os.environ.get(UPDATE):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: {UPDATE}=1 writes it anew"

    return compare


class _Plain(yaml.SafeDumper):
    """Writes shared values out instead of naming them by anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        return True
