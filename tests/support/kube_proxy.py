"""A reverse proxy before a control plane: it counts what an operator writes, and does to its calls what networks do."""

import asyncio
import json
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web
from control_plane import LOOPBACK, ControlPlane
from yarl import URL

HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive", "authorization"})
REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass(frozen=True)
class Call:
    """A request of the operator; `status` is what the API server answered, 0 before it did."""

    method: str
    path: str
    query: str
    status: int = 0
    at: float = field(default_factory=time.monotonic)
    """When it came (monotonic time)."""

    @property
    def writes(self) -> bool:
        """Whether it may change an object."""
        return self.method not in {"GET", "HEAD"}

    @property
    def watches(self) -> bool:
        """Whether it is a watch."""
        return "watch=true" in self.query or "watch=1" in self.query

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} {self.status}"


@dataclass
class Fault:
    """Calls that match are answered with `status`, at most `times` of them; `hits` counts the ones that were."""

    matches: Callable[[Call], bool]
    status: int
    times: int
    retry_after_seconds: int | None = None
    hits: int = 0
    last_hit_at: float = 0.0
    """Monotonic time."""

    def answer(self, call: Call) -> web.Response:
        """The Status that an API server gives; to a watch that it cannot go on from it gives it as an event."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.status,
            "reason": REASONS.get(self.status, ""),
            "message": f"injected {self.status}",
        }
        if call.watches and self.status == 410:
            return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")
        headers = {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}
        return web.json_response(status, status=self.status, headers=headers)


@dataclass
class KubeProxy:
    """Listens on a free port with the API server's own certificate; `kubeconfig` leads there."""

    plane: ControlPlane
    kubeconfig: Path
    after_write: Callable[[Call], None] = lambda _: None
    """Called when the API server has done a write and the operator does not know yet."""
    calls: list[Call] = field(default_factory=list)
    lost: int = 0
    """Calls that got no answer."""
    page_length: int = 0
    """Lists are cut into pages of so many objects, whatever the operator asks for; 0 leaves them as they are."""
    _faults: list[Fault] = field(default_factory=list)
    _watching: set[asyncio.Transport] = field(default_factory=set)
    _watches_broken: bool = False
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        pki = self.plane.pki
        trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connector = aiohttp.TCPConnector(ssl=trust, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        show = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        show.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        site = web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=show)
        await site.start()
        port: int = self._runner.addresses[0][1]
        self.plane.write_kubeconfig(self.kubeconfig, port)
        self._flowing.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.break_watches()
        await self._runner.cleanup()
        await self._http.close()

    @property
    def writes(self) -> list[Call]:
        """What the operator wrote, in order."""
        return [call for call in self.calls if call.writes]

    def refuse(
        self,
        status: int,
        matches: Callable[[Call], bool],
        *,
        times: int = 1,
        retry_after_seconds: int | None = None,
    ) -> Fault:
        """Answer the next calls that match with this status."""
        fault = Fault(matches, status, times, retry_after_seconds)
        self._faults.append(fault)
        return fault

    def break_watches(self) -> None:
        """Reset every watch, and every attempt at one, until `mend_watches`."""
        self._watches_broken = True
        self.cut_watches()

    def cut_watches(self) -> None:
        """Reset every watch; the next attempt works."""
        for transport in list(self._watching):
            transport.abort()

    def mend_watches(self) -> None:
        """Let watches be made, and events pass, again."""
        self._watches_broken = False
        self._flowing.set()

    def hold_watches(self) -> None:
        """Keep watches open but let no event pass, as a half-dead connection does."""
        self._flowing.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path, request.query_string)
        fault = next((one for one in self._faults if one.hits < one.times and one.matches(call)), None)
        if fault is not None:
            fault.hits, fault.last_hit_at = fault.hits + 1, time.monotonic()
            return fault.answer(call)
        if call.watches and self._watches_broken:
            return self._reset(request)
        url = URL(f"https://{LOOPBACK}:{self.plane.port}{self._shortened(request.raw_path)}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        body = await request.read() or None  # an empty one would get a type that the API server refuses
        try:
            async with self._http.request(request.method, url, data=body, headers=headers) as answer:
                if call.watches:
                    return await self._stream(request, answer)
                return self._pass_on(call, answer, await answer.read())
        except (aiohttp.ClientError, OSError):
            return self._reset(request)

    def _pass_on(self, call: Call, answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
        done = replace(call, status=answer.status)
        self.calls.append(done)
        if done.writes and answer.status < 300:
            self.after_write(done)
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, body=body, headers=headers)

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        stream = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
        transport = request.transport
        if transport is None:
            return stream
        self._watching.add(transport)
        try:
            await stream.prepare(request)
            async for piece in answer.content.iter_any():
                await self._flowing.wait()
                await stream.write(piece)
        except (aiohttp.ClientError, OSError):
            transport.abort()
        finally:
            self._watching.discard(transport)
        with suppress(OSError):
            await stream.write_eof()
        return stream

    def _shortened(self, path: str) -> str:
        return re.sub(r"(?<=[?&]limit=)\d+", str(self.page_length), path) if self.page_length else path

    def _reset(self, request: web.Request) -> web.Response:
        self.lost += 1
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)
