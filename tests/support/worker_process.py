"""The real worker as a process of its own, as a pod runs it."""

import asyncio
import json
import os
import signal
from pathlib import Path

import native_cipher
import preloaded_python
from conditions import until

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`python -m streamvault_worker` with the given environment on a free port; its log is kept in `lines`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._process: preloaded_python.Program | None = None
        self._reading: asyncio.Task[None] | None = None
        self.lines: list[dict[str, object]] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Base address of its HTTP side."""
        return f"http://{self.environment.get('HOST', '127.0.0.1')}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    async def start(self) -> None:
        """Start, also again, and wait until it listens; signing in may take longer."""
        self.port = 0
        path = os.pathsep.join(str(ROOT / "images" / folder) for folder in ("common", "worker"))
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": path,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "CIPHER_LIBRARY": str(native_cipher.library()),
            **self.environment,
        }
        reading, writing = os.pipe()
        try:
            self._process = preloaded_python.start("streamvault_worker", environment, writing)
        finally:
            os.close(writing)
            self._reading = asyncio.create_task(self._read(reading))
        await until(lambda: self.port != 0 or self.exit_code is not None)
        assert self.port, f"the worker did not start: {self.lines}"

    def said(self, message: str) -> list[dict[str, object]]:
        """Log lines whose message contains the text."""
        return [line for line in self.lines if message in str(line.get("message"))]

    def terminate(self) -> None:
        """Ask it to stop, as Kubernetes does."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def wait(self, seconds: float = 60) -> int:
        """Wait for its end; returns the exit code."""
        await until(lambda: self.exit_code is not None, seconds)
        assert self.exit_code is not None
        return self.exit_code

    async def stop(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            self._process.kill()
            await self.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self, output: int) -> None:
        async for raw in preloaded_python.lines(output):
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"message": raw.decode(errors="replace").rstrip()}
            self.lines.append(line)
            if line.get("message") == "listening":
                self.port = line["port"]
