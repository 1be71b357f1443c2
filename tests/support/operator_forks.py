"""Operators that start in a blink: a process that has everything imported and forks one operator per order.

Tests that kill the operator at every step would else spend their time on imports. The fork runs the operator's own
`main()`; only its clock may be wrong, and the ports of pods may be others, because here all of them share one address.

Each line of JSON on standard input starts an operator, or ends one by its process id; the answer is that id. The end
of the input ends everything.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Order:
    """One operator: its environment, where its log goes, and what is odd about its surroundings."""

    environment: Mapping[str, str]
    log: str
    clock_offset_seconds: float = 0.0
    agent_port: int = 0
    worker_port: int = 0


class OperatorForks:
    """The side of the test."""

    def __init__(self) -> None:
        paths = os.pathsep.join(str(REPOSITORY / folder) for folder in ("operator", "images/common"))
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, order: Order) -> int:
        """Start an operator; returns its process id."""
        return self._ask(asdict(order))

    def kill(self, pid: int) -> None:
        """End an operator at once, and wait until it is gone."""
        self._ask({"kill": pid})

    def _ask(self, order: Mapping[str, object]) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self) -> None:
        """End every operator."""
        self._server.communicate(timeout=60)


def serve() -> None:
    """Take orders until the input ends. A child stays a zombie until it is ended here: no id is ever another's."""
    shift = _shiftable_clock()
    import streamvault_operator.__main__  # noqa: F401 - after the clock

    children: set[int] = set()
    try:
        for line in sys.stdin:
            order = json.loads(line)
            if "kill" in order:
                pid = order["kill"]
                children.discard(pid)
                _end(pid)
            else:
                pid = os.fork()
                if pid == 0:
                    _become_operator(Order(**order), shift)
                children.add(pid)
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
    finally:
        for pid in children:
            _end(pid)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _shiftable_clock() -> list[float]:
    """Make `time.time` wrong by what the returned list holds."""
    shift, true_time = [0.0], time.time
    time.time = lambda: true_time() + shift[0]
    return shift


def _become_operator(order: Order, shift: list[float]) -> None:
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order.environment)
    shift[0] = order.clock_offset_seconds
    code = 1
    try:
        _surround(order)
        from streamvault_operator.__main__ import main

        code = main()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


def _surround(order: Order) -> None:
    from kubernetes.aio.config import kube_config

    from streamvault_operator.deps import Deps

    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = order.environment["KUBECONFIG"]  # else read at import

    connect = Deps.connect.__func__  # type: ignore[attr-defined]

    async def connected(cls: type[Deps], *arguments: Any) -> Deps:
        deps: Deps = await connect(cls, *arguments)
        deps.now = lambda: datetime.now(UTC) + timedelta(seconds=order.clock_offset_seconds)
        deps.agents._port = order.agent_port or deps.agents._port
        deps.workers._port = order.worker_port or deps.workers._port
        return deps

    Deps.connect = classmethod(connected)  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    serve()
