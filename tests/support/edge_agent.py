"""The edge's purge agent as a process on a free port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from ports import free_port

from nginx import REPOSITORY

TOKEN = "agent-token-of-the-tests"
START_SECONDS = 60.0
NO_NGINX = "http://127.0.0.1:9/status"


def spawn(variables: dict[str, str]) -> "subprocess.Popen[str]":
    """Start `python -m streamvault_edge` with exactly these settings."""
    paths = [str(REPOSITORY / "images/common"), str(REPOSITORY / "images/edge")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths)} | variables
    command = [sys.executable, "-m", "streamvault_edge"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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
    process = spawn(variables)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            _wait_until_healthy(client, process)
            yield client
    finally:
        process.send_signal(ended_by)
        process.communicate(timeout=60)


def _wait_until_healthy(client: httpx.Client, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.get("/healthz").raise_for_status()
        except httpx.ConnectError:
            assert process.poll() is None, f"the agent ended: {process.communicate()[0]}"
            assert time.monotonic() < deadline, "the agent does not answer"
            time.sleep(0.05)
        else:
            return
