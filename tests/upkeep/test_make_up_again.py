"""`make up` on an installation that stands. `make test` runs this folder last: it looks at all of the installation."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import httpx
import pytest
from site_under_test import Site, eventually, restarts

from demo.catalogue import TITLES
from streamvault_dev.cluster.daemons import start_time
from streamvault_dev.paths import REPOSITORY, RUN

SECOND_RUN_SECONDS = 60
RUNS = 3
"""One of which has to find all well: a busy machine lets a pod miss a probe, and that is something to wait for."""
# Running pods notice nothing when these are gone.
EXPENDABLE = ("kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager")


def drive(*arguments: str) -> str:
    """What the driver of the Makefile's targets prints; AssertionError with it when it fails."""
    done = run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """How the driver of the Makefile's targets ends."""
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}  # noqa: PTH120
    return subprocess.run(
        [REPOSITORY / "hack/dev", *arguments], capture_output=True, text=True, check=False, env=environment
    )


def steps(printed: str, mark: str) -> list[str]:
    """Names of the steps with that mark: `>` was begun, `=` was skipped."""
    return re.findall(rf"(?m)^  {mark}   ([a-z ]+):", printed)


@pytest.fixture
def settled() -> None:
    """Whatever earlier tests left half-way is finished."""
    drive("up")


@pytest.mark.timeout(1800)
def test_second_run_does_nothing_and_says_so_within_a_minute(settled: None) -> None:
    for _ in range(RUNS):
        began = time.monotonic()
        printed = drive("up")
        took = time.monotonic() - began
        if not steps(printed, ">") and took < SECOND_RUN_SECONDS:
            break
    assert steps(printed, ">") == []
    assert {"images", "cluster", "load", "release", "pods", "sample library", "titles", "workers"} <= set(
        steps(printed, "=")
    )
    assert "website          http://" in printed
    assert took < SECOND_RUN_SECONDS


@pytest.mark.timeout(1200)
def test_status_of_a_whole_installation_is_code_0(settled: None) -> None:
    printed = eventually(status, 600, "all of it is ready")
    assert ": running" in printed.splitlines()[0]
    assert "not ready" not in printed
    for title in TITLES:
        assert title.id in printed


def status() -> str | None:
    """What `make status` prints; None while a pod misses a probe."""
    done = run("status")
    return done.stdout if done.returncode == 0 else None


def kill(names: list[str]) -> dict[str, str]:
    """End daemons of the built cluster without notice; their pids by name. Another cluster has none here."""
    killed = {}
    for name in names:
        file = RUN / f"{name}.pid"
        if file.is_file():
            pid, started = file.read_text().split()
            assert start_time(int(pid)) == started, f"{name} does not run"
            os.kill(int(pid), signal.SIGKILL)
            eventually(partial(is_dead, int(pid)), 60, f"{name} is dead")
            killed[name] = pid
    return killed


def is_dead(pid: int) -> bool:
    return start_time(pid) is None


def assert_running_again(killed: dict[str, str]) -> None:
    for name, pid in killed.items():
        again, started = (RUN / f"{name}.pid").read_text().split()
        assert again != pid
        assert start_time(int(again)) == started


def film_plays() -> bool:
    """Whether a viewer gets the first bytes of a film."""
    viewer = Site()
    try:
        source = viewer.source(TITLES[0].id, "720p")
        return viewer.read(source["url"], "bytes=0-99").status_code == 206
    except httpx.HTTPError:
        return False
    finally:
        viewer.http.close()


@pytest.mark.timeout(1200)
def test_killed_daemons_come_back_without_touching_what_runs(settled: None) -> None:
    before = restarts()
    killed = kill(list(EXPENDABLE))
    begun = set(steps(drive("up"), ">"))
    assert ("cluster" in begun) == bool(killed)
    assert begun <= {"cluster", "pods", "titles", "workers"}, "a kubelet that starts asks every pod anew, no more"
    assert_running_again(killed)
    assert {name: count for name, count in restarts().items() if count > before.get(name, 0)} == {}
    eventually(film_plays, 180, "a film plays")
