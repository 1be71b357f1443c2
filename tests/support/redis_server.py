"""A real Redis on a Unix socket of its own, for tests that look at what a part writes there."""

import asyncio
import shutil
from pathlib import Path
from typing import Self

from conditions import DEADLINE_SECONDS, until
from redis.asyncio import Redis
from redis.exceptions import RedisError


class RedisServer:
    """One redis-server process without persistence; can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Address for REDIS_URL."""
        return f"unix://{self._socket}"

    def client(self) -> "Redis":
        """A client that decodes answers; the caller closes it."""
        return Redis.from_url(self.url, decode_responses=True)

    async def start(self) -> None:
        """Start and wait until it answers; raises RuntimeError when redis-server is not installed."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise RuntimeError("redis-server is not installed: apt-get install redis-server")
        self._process = await asyncio.create_subprocess_exec(
            binary,
            *("--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._folder), "--save", ""),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await until(self._socket.exists)
        async with self.client() as client:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    try:
                        await client.ping()
                        return
                    except (RedisError, OSError):
                        await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop it at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None
        self._socket.unlink(missing_ok=True)
