"""A Node.js that is too old is left alone; another one is used together with an npm that fits it."""

import os
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev import environments

NPM = """
programs = pathlib.Path(argv[argv.index("--prefix") + 1]) / "node_modules/.bin"
programs.mkdir(parents=True)
for name in ("node", "npm"):
    (programs / name).touch()
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fetched = tmp_path / "node"
    monkeypatch.setattr(environments, "FETCHED", fetched)
    monkeypatch.setattr(environments, "FETCHED_PROGRAMS", fetched / "node_modules/.bin")
    monkeypatch.setattr(environments, "LOG", tmp_path / "environments.log")
    return environments.FETCHED_PROGRAMS


def test_node_of_the_machine_is_used_when_it_is_new_enough(program: Any, programs: Path) -> None:
    program("node", "print('v20.9.0')")
    npm = program("npm", NPM)
    environments.ensure_node()
    assert not Path(f"{npm}.calls").exists()
    assert environments.node_environment() == {}


def test_node_and_npm_are_fetched_once_when_it_is_too_old(program: Any, programs: Path, tmp_path: Path) -> None:
    program("node", "print('v18.20.4')")
    npm = program("npm", NPM)
    environments.ensure_node()
    environments.ensure_node()
    (call,) = Path(f"{npm}.calls").read_text().splitlines()
    assert call.endswith(f"@{environments.NODE_VERSION} npm@{environments.NPM_VERSION}")
    assert environments.node_environment()["PATH"] == f"{programs}:{os.environ['PATH']}"
    assert f":{programs}:" in environments.tool_environment(tmp_path / "kubeconfig")["PATH"]
