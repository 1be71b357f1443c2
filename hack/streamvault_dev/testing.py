"""`make test` and its parts: linters, the website's own tests, and pytest over what was asked for."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import commands, environments
from .paths import BUILD, KUBECONFIG, REPOSITORY, VENV
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
)
ALONE = ("tests/upkeep",)
"""They repeat `make up` itself and kill daemons."""
REPORT = ("--durations=15", f"--junitxml={BUILD / 'test-results.xml'}")
BENCHES = "tests/bench"
KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""`hack/dev` sets it; pytest would rewrite every test anew in every lane, and every process compile what it imports."""
LANES = 4
"""Tests that run at a time on two cores; with more each is slower, and pages and played workers run into their limits.
Which may meet is said in tests/conftest.py."""
AFTER_TESTS = ("nice", "-n", "10")
"""Linters beside the tests have time; what a test waits for has not."""


class TestsFailed(Exception):  # noqa: N818 what the caller prints
    """A linter or test run ended with another code than 0."""


def everything() -> None:
    """All tests against an installation that is up. TestsFailed after all have run."""
    _install_website()  # first: the browser's tests want it as well
    with ThreadPoolExecutor() as beside:
        others = [beside.submit(lint), beside.submit(website)]
        failed = _failures(lambda: pytest(WITHOUT_CLUSTER + WITH_CLUSTER), *(other.result for other in others))
    failed += _failures(lambda: pytest(ALONE))
    if failed:
        raise TestsFailed("; ".join(failed))


def _failures(*runs: Callable[[], None]) -> list[str]:
    failed = []
    for run in runs:
        try:
            run()
        except TestsFailed as failure:
            failed.append(str(failure))
    return failed


def lint() -> None:
    """ruff, mypy, import-linter. TestsFailed after all have spoken."""
    runs: list[list[str]] = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", *TYPED],
        ["lint-imports"],
    ]
    failed = [" ".join(argv[:2]) for argv in runs if _show(argv, AFTER_TESTS) != 0]
    if failed:
        raise TestsFailed(f"failed: {', '.join(failed)}")


def website() -> None:
    """The website's types, lint and unit tests; its packages are installed."""
    argv = [*AFTER_TESTS, "npm", "test"]
    if commands.show(argv, cwd=environments.FRONTEND, env=environments.node_environment()) != 0:
        raise TestsFailed("the website's tests failed")


def _install_website() -> None:
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


def pytest(folders: Sequence[str]) -> None:
    """One run over the folders, side by side when there are several. TestsFailed."""
    lanes = ["--numprocesses", str(LANES), "--dist=loadscope", "--no-loadscope-reorder", *REPORT]
    if _show(["pytest", *(lanes if len(folders) > 1 else ()), *folders]) != 0:
        raise TestsFailed(f"tests failed in {', '.join(folders)}")


def bench() -> None:
    """Every program of tests/bench; each prints a table and writes build/bench/<name>.json. TestsFailed after all."""
    failed = []
    for program in sorted((REPOSITORY / BENCHES).glob("[a-z]*.py")):
        print(f"\n== {program.stem.replace('_', ' ')}", flush=True)
        if _show(["python", str(program.relative_to(REPOSITORY))]) != 0:
            failed.append(program.stem)
    if failed:
        raise TestsFailed(f"failed or missed their targets: {', '.join(failed)}")


def bench_installation(arguments: Sequence[str], site: str, namespace: str) -> None:
    """Measure an installation as it is: that of KUBECONFIG, else that of `make up`. TestsFailed."""
    kubeconfig = os.environ.get("KUBECONFIG") or str(KUBECONFIG)
    if not Path(kubeconfig).is_file():
        raise TestsFailed(f"{kubeconfig} is not a file: set KUBECONFIG to the cluster's, or run `make up` first")
    named = {"KUBECONFIG": kubeconfig, "STREAMVAULT_NAMESPACE": namespace, **({"SITE_URL": site} if site else {})}
    if _show(["python", f"{BENCHES}/whole_chain.py", *arguments], extra=named) != 0:
        raise TestsFailed("failed or missed its targets")


def _show(argv: Sequence[str], before: Sequence[str] = (), extra: dict[str, str] | None = None) -> int:
    program, *arguments = argv
    environment = environments.tool_environment(KUBECONFIG) | KEEP_BYTECODE | (extra or {})
    if program == "python":
        environment["PYTHONPATH"] += f":{REPOSITORY / 'tests/support'}"
    return commands.show([*before, VENV / "bin" / program, *arguments], env=environment, cwd=REPOSITORY)
