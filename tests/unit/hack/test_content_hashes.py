"""What counts as changed: names, bytes and the executable bit; never times or generated files."""

import os
from pathlib import Path

import pytest

from streamvault_dev import fingerprint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "part").mkdir()
    (tmp_path / "part/a.py").write_text("one")
    (tmp_path / "part/b.py").write_text("two")
    return tmp_path


def test_times_and_generated_files_do_not_count(tree: Path) -> None:
    before = fingerprint.of_paths(tree, ["part"])
    os.utime(tree / "part/a.py", (0, 0))
    (tree / "part/__pycache__").mkdir()
    (tree / "part/__pycache__/a.cpython-313.pyc").write_text("x")
    (tree / "part/node_modules/left-pad").mkdir(parents=True)
    (tree / "part/node_modules/left-pad/index.js").write_text("x")
    assert fingerprint.of_paths(tree, ["part"]) == before


def test_every_real_change_counts(tree: Path) -> None:
    seen = {fingerprint.of_paths(tree, ["part"])}
    (tree / "part/a.py").write_text("ONE")
    seen.add(fingerprint.of_paths(tree, ["part"]))
    (tree / "part/a.py").chmod(0o755)
    seen.add(fingerprint.of_paths(tree, ["part"]))
    (tree / "part/a.py").rename(tree / "part/c.py")
    seen.add(fingerprint.of_paths(tree, ["part"]))
    (tree / "part/b.py").unlink()
    seen.add(fingerprint.of_paths(tree, ["part"]))
    seen.add(fingerprint.of_paths(tree, ["part"], "base changed"))
    assert len(seen) == 6


def test_bytes_that_move_between_files_count(tree: Path) -> None:
    before = fingerprint.of_paths(tree, ["part"])
    (tree / "part/a.py").write_text("onet")
    (tree / "part/b.py").write_text("wo")
    assert fingerprint.of_paths(tree, ["part"]) != before
    assert fingerprint.of_text("ab", "c") != fingerprint.of_text("a", "bc")


def test_a_missing_input_is_an_error(tree: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fingerprint.of_paths(tree, ["part", "gone"])
