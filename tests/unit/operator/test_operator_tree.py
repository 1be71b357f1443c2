"""The folder `operator/` must stay without an `__init__.py`: with one it would shadow the standard library's module."""

import operator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def test_operator_folders_are_no_packages() -> None:
    for folder in (REPOSITORY / "operator", REPOSITORY / "tests", Path(__file__).parent):
        assert not (folder / "__init__.py").exists(), f"remove {folder / '__init__.py'}"


def test_import_operator_is_the_standard_library() -> None:
    assert operator.itemgetter(0)("a") == "a"
    assert "site-packages" not in str(operator.__file__)
    assert not Path(str(operator.__file__)).is_relative_to(REPOSITORY / "operator")
