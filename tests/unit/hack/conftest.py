"""Programs that answer as told, on a PATH that holds them first."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a Python program of that name on PATH; each call adds a line with its arguments to `<name>.calls`."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def make(name: str, body: str) -> Path:
        file = folder / name
        calls = f"open({str(folder / name)!r} + '.calls', 'a').write(' '.join(sys.argv[1:]) + '\\n')"
        file.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{calls}\nargv = sys.argv[1:]\n{body}\n")
        file.chmod(0o755)
        return file

    return make
