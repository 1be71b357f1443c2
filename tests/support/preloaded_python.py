"""`python -m` in a blink: a process that has the libraries imported and forks one program per order.

Most of what a worker, a manager or the local Telegram does at its start is to import other people's libraries, a second
and a half of processor time. Here they are imported once; the program's own modules and its environment are as ever.
"""

import asyncio
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

LIBRARIES = ("pyrogram", "motor.motor_asyncio", "redis.asyncio", "fastapi", "uvicorn", "aiohttp", "cryptography")
MESSAGE_BYTES = 128 * 1024
LINE_BYTES = 1 << 20
PAUSE_SECONDS = 0.01


class Program(Protocol):
    """A running program, with the names of subprocess.Popen."""

    @property
    def pid(self) -> int:
        """Process id."""

    @property
    def returncode(self) -> Any:
        """Exit code, or minus the signal that ended it; None while nobody has seen its end."""

    def poll(self) -> int | None:
        """The exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Nothing happens once it has ended."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


def start(module: str, environment: Mapping[str, str], output: int) -> Program:
    """Run a module as `python -m` does, with just this environment and all its output going to a file descriptor.

    It is forked where `preload()` was called, and else a process like any other.
    """
    if _preloaded is not None:
        return _preloaded.start(module, environment, output)
    return subprocess.Popen(
        [sys.executable, "-m", module], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )


async def lines(output: int) -> AsyncIterator[bytes]:
    """Lines that come out of the reading end of a pipe, which is closed after the last."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    with os.fdopen(output, "rb") as pipe:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async for line in reader:
                yield line
        finally:
            transport.close()


def preload() -> None:
    """Fork what is started from now on; the libraries are imported when the first is."""
    global _preloaded
    _preloaded = _preloaded or PreloadedPython()


def unload() -> None:
    """End all that was forked."""
    global _preloaded
    if _preloaded is not None:
        _preloaded.close()
    _preloaded = None


class PreloadedPython:
    """The side of the test; safe for use by several threads."""

    def __init__(self) -> None:
        self._orders, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None

    def start(self, module: str, environment: Mapping[str, str], output: int) -> "Fork":
        """Start a module."""
        return Fork(self, self._ask({"module": module, "environment": dict(environment)}, [output]))

    def reap(self, pid: int) -> int:
        """The exit code of a program that has ended."""
        return self._ask({"reap": pid}, [])

    def close(self) -> None:
        """End everything."""
        self._orders.close()
        self._other.close()
        if self._server is not None:
            self._server.wait(20)

    def _ask(self, order: Mapping[str, object], descriptors: list[int]) -> int:
        with self._one_at_a_time:
            if self._server is None:
                self._server = self._serving()
            socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)
            return int(self._orders.recv(MESSAGE_BYTES))

    def _serving(self) -> "subprocess.Popen[bytes]":
        other = self._other.fileno()
        command, path = [sys.executable, __file__, str(other)], {"PATH": os.environ["PATH"]}
        server = subprocess.Popen(command, env=path, stdin=subprocess.DEVNULL, pass_fds=[other])
        self._other.close()
        return server


class Fork:
    """A program that was forked. Its id is nobody else's until its end was seen here."""

    def __init__(self, server: PreloadedPython, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self.returncode is None and select.select([self._descriptor], [], [], 0)[0]:
            os.close(self._descriptor)
            self.returncode = self._server.reap(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("fork", timeout or 0)
            time.sleep(PAUSE_SECONDS)
        return code

    def send_signal(self, sig: int) -> None:
        """Nothing happens once it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, sig)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


_preloaded: PreloadedPython | None = None


def serve(orders: socket.socket) -> None:
    """Take orders until the other side is gone. A child stays a zombie until it is asked for."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    children: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 1)
        if not message:
            break
        order = json.loads(message)
        if "reap" in order:
            children.discard(order["reap"])
            answer = os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                orders.close()
                _become(order["module"], order["environment"], descriptors[0])
            children.add(answer)
            os.close(descriptors[0])
        orders.send(str(answer).encode())
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _become(module: str, environment: Mapping[str, str], output: int) -> None:
    """Be `python -m module`, to the end."""
    for target in (1, 2):
        os.dup2(output, target)
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    del sys.argv[1:]
    sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - nothing of the parent may run in the child
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
