"""`make test` and its parts: linters, the website's own tests, then one pytest run over what was asked for."""

from collections.abc import Sequence

from . import commands, environments
from .paths import KUBECONFIG, REPOSITORY, VENV
from .steps import Step, run_steps

TYPED = ("operator/streamvault_operator", "images", "hack", "tests")
WITHOUT_CLUSTER = ("tests/unit", "tests/golden")
WITH_CLUSTER = (
    "tests/crd",
    "tests/chart",
    "tests/telegram",
    "tests/stream",
    "tests/operator",
    "tests/e2e",
    "tests/browser",
    "tests/upkeep",  # the last: it repeats `make up` itself and kills daemons
)
BENCHES = "tests/bench"


class TestsFailed(Exception):  # noqa: N818 what the caller prints
    """A linter or test run ended with another code than 0."""


def lint() -> None:
    """ruff, mypy, import-linter. TestsFailed after all have spoken."""
    runs: list[list[str]] = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", *TYPED],
        ["lint-imports"],
    ]
    failed = [" ".join(argv[:2]) for argv in runs if _show(argv) != 0]
    if failed:
        raise TestsFailed(f"failed: {', '.join(failed)}")


def website() -> None:
    """The website's types, lint and unit tests."""
    run_steps(
        [
            Step(
                "website packages",
                "npm ci",
                environments.frontend_is_ready,
                environments.install_frontend,
            )
        ]
    )
    if commands.show(["npm", "test"], cwd=environments.FRONTEND, env=environments.node_environment()) != 0:
        raise TestsFailed("the website's tests failed")


def pytest(folders: Sequence[str], arguments: Sequence[str] = ()) -> None:
    """One run over the folders that exist. TestsFailed."""
    present = [folder for folder in folders if (REPOSITORY / folder).is_dir()]
    if _show(["pytest", *arguments, *present]) != 0:
        raise TestsFailed(f"tests failed in {', '.join(present)}")


def bench() -> None:
    """Every program of tests/bench; each prints a table and writes build/bench/<name>.json. TestsFailed after all."""
    failed = []
    for program in sorted((REPOSITORY / BENCHES).glob("[a-z]*.py")):
        print(f"\n== {program.stem.replace('_', ' ')}", flush=True)
        if _show(["python", str(program.relative_to(REPOSITORY))]) != 0:
            failed.append(program.stem)
    if failed:
        raise TestsFailed(f"failed or missed their targets: {', '.join(failed)}")


def _show(argv: Sequence[str]) -> int:
    program, *arguments = argv
    environment = environments.tool_environment(KUBECONFIG)
    if program == "python":
        environment["PYTHONPATH"] += f":{REPOSITORY / 'tests/support'}"
    return commands.show([VENV / "bin" / program, *arguments], env=environment, cwd=REPOSITORY)
