"""Workers as the edge sees them: real HTTP servers that keep the worker contract, count requests and can be broken."""

import asyncio
import random
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from http_messages import Request, read_request, response_head

T = TypeVar("T")
BLOCK = 64 * 1024


class EventLoopThread:
    """An asyncio loop in a thread, so that plain tests can run servers beside themselves."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="origin", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run in the loop and wait for the result."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return future.result(60)

    def close(self) -> None:
        """Cancel what runs and end the thread."""
        self.run(self._cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()

    async def _cancel(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass
class File:
    """A stored file of the origin; `gone` = taken down."""

    content: bytes
    content_type: str = "video/mp4"
    gen: int = 1
    gone: bool = False
    fid: str = field(default_factory=lambda: uuid.uuid4().hex)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that reached a worker."""

    worker: str
    request: Request


@dataclass
class Faults:
    """What goes wrong at one worker; tests set these while it serves."""

    busy: int = 0
    """Answer everything with this status (429 or 503)."""
    die_after_bytes: int | None = None
    """Reset the connection after that many body bytes."""
    short_by: int = 0
    """End the body so many bytes early, although the connection stays well-behaved until then."""
    delay_seconds: float = 0.0
    bytes_per_second: int = 0
    ignore_range: bool = False
    answer_less: int = 0
    """Answer a range that is so many bytes shorter than asked, and say so."""
    etag: str = ""
    """Send this validator instead of the file's, for ranges that start at `etag_from_offset` or after it."""
    etag_from_offset: int = 0
    hold_after_bytes: int | None = None
    """Send so many body bytes, and the others when the tests release what is held."""
    break_from_offset: int | None = None
    """Answer 503 to every range that starts at or after this offset."""


class Origin:
    """A pool of workers on 127.0.1.x, all on one port."""

    def __init__(self, workers: int = 3) -> None:
        self.thread = EventLoopThread()
        self.files: dict[str, File] = {}
        self.asked: list[Asked] = []
        self.sent_bytes = 0
        self.release, self.release_breaks, self.release_held = (threading.Event() for _ in range(3))
        """While the first is clear, every request waits; while the second is, those that `break_from_offset` refuses;
        while the third is, bodies in the middle, where `hold_after_bytes` says so."""
        for event in (self.release, self.release_breaks, self.release_held):
            event.set()
        self.addresses = [f"127.0.1.{number}" for number in range(1, workers + 1)]
        self.faults = {address: Faults() for address in self.addresses}
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[str, set[asyncio.StreamWriter]] = {address: set() for address in self.addresses}
        self._deaf: dict[str, list[socket.socket]] = {}
        self.port = 0
        for address in self.addresses:
            self.raise_up(address)

    def add(self, size: int, **facts: Any) -> File:
        """Store a file of random bytes."""
        file = File(content=random.randbytes(size), **facts)
        self.files[file.fid] = file
        return file

    def requests(self, file: File) -> list[Asked]:
        """What was asked for one file so far."""
        return [asked for asked in self.asked if file.fid in asked.request.path]

    def forget(self, file: File) -> None:
        """Drop what was noted of one file."""
        self.asked = [asked for asked in self.asked if file.fid not in asked.request.path]

    def ranges(self, file: File) -> Counter[str]:
        """How often each range of a file was asked."""
        return Counter(asked.request.headers.get("range", "") for asked in self.requests(file))

    @property
    def listening(self) -> set[str]:
        """Addresses of the workers that are up."""
        return set(self._servers)

    def heal(self) -> set[str]:
        """Every worker up and well; the addresses of those that were not."""
        for event in (self.release, self.release_breaks, self.release_held):
            event.set()
        broken = {address for address in self.addresses if self.faults[address] != Faults()}
        broken |= set(self.addresses) - self.listening
        for address in broken:
            self.faults[address] = Faults()
            if address not in self._servers:
                self.raise_up(address)
        return broken

    def raise_up(self, address: str) -> None:
        """Start one worker."""
        self._close_deaf(address)
        self._servers[address] = self.thread.run(self._listen(address))
        self.port = self._servers[address].sockets[0].getsockname()[1]

    def strike_down(self, address: str) -> None:
        """End one worker as a killed pod ends: nobody listens, open connections are reset."""
        self.thread.run(self._strike_down(address))

    def vanish(self, address: str) -> None:
        """End one worker as a lost node ends: its address swallows every attempt to connect."""
        self.strike_down(address)
        # The kernel drops the SYNs for a listener whose queue is full, and the first of these connections fills it.
        deaf, *waiting = [socket.socket() for _ in range(5)]
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind((address, self.port))
        deaf.listen(0)
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex((address, self.port))
        self._deaf[address] = [deaf, *waiting]

    def _close_deaf(self, address: str) -> None:
        for connection in self._deaf.pop(address, []):
            connection.close()

    def close(self) -> None:
        """End all."""
        for address in self.addresses:
            self._close_deaf(address)
        for address in list(self._servers):
            self.strike_down(address)
        self.thread.close()

    async def _strike_down(self, address: str) -> None:
        self._servers.pop(address).close()
        for writer in list(self._connections[address]):
            writer.transport.abort()

    async def _listen(self, address: str) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._converse(address, reader, writer)

        return await asyncio.start_server(connected, address, self.port, backlog=1024)

    async def _converse(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[address].add(writer)
        try:
            while request := await read_request(reader):
                self.asked.append(Asked(address, request))
                await self._serve(self.faults[address], request, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections[address].discard(writer)
            writer.transport.abort()

    async def _serve(self, faults: Faults, request: Request, writer: asyncio.StreamWriter) -> None:
        await _until_set(self.release)
        await asyncio.sleep(faults.delay_seconds)
        file = self.files.get(request.path.split("/")[2]) if request.path.startswith("/files/") else None
        if faults.busy:
            return await self._refuse(writer, faults.busy, {"Retry-After": "1"})
        if file is None or request.path != f"/files/{file.fid}/{file.gen}":
            return await self._refuse(writer, 404)
        if file.gone:
            return await self._refuse(writer, 410)
        start, end = _range_of(request, len(file.content), ignored=faults.ignore_range)
        end -= faults.answer_less
        if faults.break_from_offset is not None and start >= faults.break_from_offset:
            await _until_set(self.release_breaks)
            return await self._refuse(writer, 503, {"Retry-After": "1"})
        if start >= len(file.content):
            return await self._refuse(writer, 416, {"Content-Range": f"bytes */{len(file.content)}"})
        return await self._send(faults, file, start, end, request, writer)

    async def _refuse(self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str] | None = None) -> None:
        body = b'{"worker":"says no"}'
        writer.write(response_head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)
        await writer.drain()

    async def _send(
        self, faults: Faults, file: File, start: int, end: int, request: Request, writer: asyncio.StreamWriter
    ) -> None:
        whole = faults.ignore_range or "range" not in request.headers
        etag = faults.etag if faults.etag and start >= faults.etag_from_offset else _etag(file)
        headers = {"Content-Type": file.content_type, "ETag": etag, "Accept-Ranges": "bytes"}
        headers |= {"Content-Length": str(end - start + 1), "X-Worker": "ws-secret-name", "Server": "uvicorn"}
        if not whole:
            headers["Content-Range"] = f"bytes {start}-{end}/{len(file.content)}"
        writer.write(response_head(200 if whole else 206, headers | file.headers))
        limit = end + 1 - faults.short_by
        for position in range(start, limit, BLOCK):
            if faults.die_after_bytes is not None and position - start >= faults.die_after_bytes:
                raise ConnectionResetError
            if faults.hold_after_bytes is not None and position - start >= faults.hold_after_bytes:
                await _until_set(self.release_held)
            block = file.content[position : min(position + BLOCK, limit)]
            writer.write(block)
            await writer.drain()
            self.sent_bytes += len(block)
            if faults.bytes_per_second:
                await asyncio.sleep(len(block) / faults.bytes_per_second)
        if faults.short_by:
            raise ConnectionResetError


def _etag(file: File) -> str:
    return f'"{file.fid}-{file.gen}"'


async def _until_set(event: threading.Event) -> None:
    """Wait for an event of the tests, which are outside of this loop."""
    while not event.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def _range_of(request: Request, size: int, *, ignored: bool) -> tuple[int, int]:
    """First and last byte of a single range, clamped to the file (the edge asks no other kind)."""
    text = request.headers.get("range", "")
    if ignored or not text:
        return 0, size - 1
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(first), min(int(last), size - 1)


class Echo:
    """Manager or website: answers with what it was asked; `answer` replaces the reply."""

    def __init__(self, thread: EventLoopThread, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.asked: list[Request] = []
        self.answer: Callable[[Request, asyncio.StreamWriter], Awaitable[None]] = self._reply
        self._thread = thread
        self._server = thread.run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._converse, self.address, 0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            while request := await read_request(reader):
                self.asked.append(request)
                await self.answer(request, writer)
        writer.transport.abort()

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        body = f"{self.name} {request.path}".encode()
        headers = {"Content-Type": "text/plain", "Content-Length": str(len(body)), "X-Powered-By": "magic"}
        headers |= {"X-Request-Id": "someone-else", "Server": "uvicorn", "Cache-Control": "no-cache"}
        writer.write(response_head(200, headers) + body)
        await writer.drain()

    def close(self) -> None:
        """Stop listening."""
        self._thread.run(self._close())

    async def _close(self) -> None:
        self._server.close()
