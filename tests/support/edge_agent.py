"""The edge's purge agent as a process on a free port."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import httpx
import preloaded_python
from ports import free_port
from preloaded_python import Program

from nginx import REPOSITORY

TOKEN = "agent-token-of-the-tests"
START_SECONDS = 60.0
NO_NGINX = "http://127.0.0.1:9/status"


def spawn(variables: dict[str, str], output: IO[str]) -> Program:
    """Start `python -m streamvault_edge` with exactly these settings; all that it says goes into `output`."""
    paths = [str(REPOSITORY / "images/common"), str(REPOSITORY / "images/edge")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths)} | variables
    return preloaded_python.start("streamvault_edge", environment, output.fileno())


@contextmanager
def running_agent(cache: Path, status_url: str = NO_NGINX) -> Iterator[httpx.Client]:
    """An agent on a cache; the client sends its token."""
    with _agent(cache, status_url, signal.SIGTERM) as client:
        yield client


@contextmanager
def killed_agent(cache: Path) -> Iterator[httpx.Client]:
    """The same, ended at once as for want of memory."""
    with _agent(cache, NO_NGINX, signal.SIGKILL) as client:
        yield client


@contextmanager
def _agent(cache: Path, status_url: str, ended_by: signal.Signals) -> Iterator[httpx.Client]:
    port = free_port()
    variables = {"EDGE_AGENT_TOKEN": TOKEN, "CACHE_ROOT": str(cache), "NGINX_STATUS_URL": status_url, "PORT": str(port)}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TemporaryFile("w+") as said:
        process = spawn(variables, said)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                _wait_until_healthy(client, process, said)
                yield client
        finally:
            process.send_signal(ended_by)
            process.wait(timeout=60)


def _wait_until_healthy(client: httpx.Client, process: Program, said: IO[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.get("/healthz").raise_for_status()
        except httpx.ConnectError:
            assert process.poll() is None, f"the agent ended: {all_of(said)}"
            assert time.monotonic() < deadline, "the agent does not answer"
            time.sleep(0.05)
        else:
            return


def all_of(said: IO[str]) -> str:
    """What a program has said so far."""
    said.seek(0)
    return said.read()
