"""Edge agents over HTTP: tombstones that make an edge answer 410 at once, and purges of cached slices."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import aiohttp

from streamvault_common.keys import EDGE_AGENT_PORT

TIMEOUT_SECONDS = 10
AT_ONCE = 8

T = TypeVar("T")


class AgentUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """An edge agent did not do what was asked; try again."""


class CachedFile(Protocol):
    """One generation of a stored file, as a cache knows it."""

    @property
    def fid(self) -> str: ...
    @property
    def gen(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...


@dataclass(frozen=True)
class Swept:
    """What a purge removed, and what is there after it."""

    removed: int
    remaining: int


class Agents:
    """An HTTP client for the agents beside nginx."""

    def __init__(self, http: aiohttp.ClientSession, port: int = EDGE_AGENT_PORT) -> None:
        self._http = http
        self._port = port

    @classmethod
    def connect(cls, token: str) -> Self:
        """Needs a running event loop; `token` is EDGE_AGENT_TOKEN."""
        headers = {"Authorization": f"Bearer {token}"}
        return cls(aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)))

    async def close(self) -> None:
        """Close the connection pool."""
        await self._http.close()

    async def bury(self, address: str, fids: Iterable[str]) -> None:
        """Put tombstones and read them back."""

        async def one(fid: str) -> None:
            await self._ask(address, "PUT", f"/tombstones/{fid}", {204})
            await self._ask(address, "GET", f"/tombstones/{fid}", {200})

        await self._each(one(fid) for fid in fids)

    async def unbury(self, address: str, fids: Iterable[str]) -> None:
        """Remove tombstones."""
        await self._each(self._ask(address, "DELETE", f"/tombstones/{fid}", {204}) for fid in fids)

    async def purge(self, address: str, slices: Iterable[CachedFile]) -> Swept:
        """Remove every slice of these files from one edge, and count what is left."""

        async def one(file: CachedFile) -> Swept:
            order = {"fid": file.fid, "gen": file.gen, "sizeBytes": file.size_bytes}
            return Swept(**await self._ask(address, "POST", "/purge", {200}, order))

        swept = await self._each(one(file) for file in slices)
        return Swept(sum(one.removed for one in swept), sum(one.remaining for one in swept))

    async def keys_zone_failures(self, address: str) -> int | None:
        """How often nginx found no room in a keys zone since it started; None while nobody counts."""
        failures = (await self._ask(address, "GET", "/keys-zone", {200})).get("failures")
        return failures if isinstance(failures, int) else None

    async def _each(self, calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """A season has hundreds of files: a few at once, and every one is tried before the first failure is raised."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def within(call: Coroutine[Any, Any, T]) -> T:
            async with slots:
                return await call

        answers = await asyncio.gather(*map(within, calls), return_exceptions=True)
        done = [answer for answer in answers if not isinstance(answer, BaseException)]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return done

    async def _ask(
        self, address: str, method: str, path: str, expected: set[int], body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._http.request(method, f"http://{host}:{self._port}{path}", json=body) as response:
                if response.status not in expected:
                    raise AgentUnavailable(f"edge agent at {address}: {method} {path}: {response.status}")
                return dict(await response.json()) if response.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # the address of a pod and the cause, nothing that differs with every attempt
            raise AgentUnavailable(f"edge agent at {address}: {type(error).__name__}") from error
