"""The manager as its own process, as the image starts it."""

import asyncio
import base64
import contextlib
import json
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import preloaded_python
from conditions import DEADLINE_SECONDS, until

REPOSITORY = Path(__file__).resolve().parents[2]
ADMIN_TOKEN = "a-token-for-tests-only"
SETTINGS = {
    "MONGODB_URI": "mongodb://127.0.0.1:1/",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "LINK_KEYS": "k1:" + base64.urlsafe_b64encode(bytes(range(32))).decode(),
    "ADMIN_API_TOKEN": ADMIN_TOKEN,
    "TG_BOT_TOKEN": "7000000001:sandbox-bot-token",
    "TG_API_ID": "1",
    "TG_API_HASH": "none",
    "PORT": "0",
}


def manager_path() -> str:
    """PYTHONPATH of the manager's image."""
    return os.pathsep.join(str(REPOSITORY / "images" / part) for part in ("manager", "common"))


class ManagerProcess:
    """`async with ManagerProcess(REDIS_URL=...) as manager`: serving on a free port; its log is in `log`."""

    def __init__(self, **settings: str) -> None:
        self._settings = SETTINGS | settings
        self._process: preloaded_python.Program | None = None
        self._reading: asyncio.Task[None] | None = None
        self.log: list[dict[str, Any]] = []
        self.http = httpx.AsyncClient(timeout=90, trust_env=False)

    async def __aenter__(self) -> Self:
        reading, writing = os.pipe()
        try:
            environment = {"PYTHONPATH": manager_path(), **self._settings}
            self._process = preloaded_python.start("streamvault_manager", environment, writing)
        finally:
            os.close(writing)
            self._reading = asyncio.create_task(self._read_log(reading))
        line = await self.logged("Uvicorn running on")
        found = re.search(r":(\d+) ", line["message"])
        assert found is not None
        self.http.base_url = httpx.URL(f"http://127.0.0.1:{found[1]}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()
        if self._process is not None:
            self._process.kill()
            await self._ended(DEADLINE_SECONDS)
        if self._reading is not None:
            await self._reading

    async def logged(self, words: str, seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        """The first log line whose message holds `words`; waits for it, raises AssertionError with the log."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for line in self.log:
                        if words in line["message"]:
                            return line
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{words!r} was not logged:\n" + "\n".join(map(str, self.log[-40:]))) from None

    async def terminate(self, seconds: float = DEADLINE_SECONDS) -> int:
        """SIGTERM; gives the exit status."""
        assert self._process is not None
        self._process.terminate()
        return await self._ended(seconds)

    async def _ended(self, seconds: float) -> int:
        process = self._process
        assert process is not None
        await until(lambda: process.poll() is not None, seconds)
        return int(process.returncode)

    async def _read_log(self, output: int) -> None:
        async for raw in preloaded_python.lines(output):
            with contextlib.suppress(json.JSONDecodeError):
                self.log.append(json.loads(raw))
