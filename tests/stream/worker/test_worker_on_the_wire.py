"""What the edge sees on the wire when reading goes wrong: a status while that is possible, else a reset.

The web server and the reader are real; the pieces come from a table that can fail, wait or count.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from conditions import until

from streamvault_common.documents import Part, StoredFile
from streamvault_common.events import Severity
from streamvault_common.keys import MIB
from streamvault_worker.catalogue import Catalogue
from streamvault_worker.errors import SourceUnreachable, TelegramUnavailable, WorkerBusy
from streamvault_worker.metrics import Metrics
from streamvault_worker.stream.admission import Admission
from streamvault_worker.stream.app import Reading, WorkerApp
from streamvault_worker.stream.pieces import Piece
from streamvault_worker.webserver import WebServer

FID = "b" * 32
SIZE = 32 * MIB
PATH = f"/files/{FID}/1"


@dataclass
class PieceTable:
    """Pieces filled with their number; `trouble` may raise for one, `hold` keeps pieces back."""

    trouble: Callable[[int], None] = lambda number: None
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[int] = field(default_factory=list)
    under_way: int = 0

    async def fetch(self, piece: Piece) -> bytes:
        number = piece.offset // MIB
        self.asked.append(number)
        self.under_way += 1
        try:
            await self.hold.wait()
            self.trouble(number)
            return bytes([number]) * piece.expected_bytes
        finally:
            self.under_way -= 1


class OneFile:
    """A database with one file of 32 MiB."""

    async def find(self, fid: str) -> StoredFile | None:
        parts = (Part(channel_id=1, message_id=1, size_bytes=SIZE),)
        known = StoredFile(
            id=FID, title="t", name="f", kind="video", parts=parts, size_bytes=SIZE, content_type="video/mp4"
        )
        return known if fid == FID else None


class Notes:
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def report(self, severity: Severity, text: str, group: str = "") -> None:
        self.texts.append(text)


@dataclass
class RunningWorker:
    """A web server on a free port, with its parts in reach."""

    port: int
    pieces: PieceTable
    admission: Admission
    metrics: Metrics
    notes: Notes

    async def open(self, extra: str = "", method: str = "GET", path: str = PATH) -> "Wire":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: w\r\n{extra}\r\n".encode())
        return Wire(reader, writer)

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name) or 0.0


@dataclass
class Wire:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), headers

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def running_worker(max_streams: int = 8) -> AsyncIterator[RunningWorker]:
    async def nothing_withdrawn(fid: str) -> bool:
        return False

    pieces, admission, metrics, notes = PieceTable(), Admission(max_streams), Metrics(), Notes()
    app = WorkerApp(Reading(Catalogue(OneFile(), nothing_withdrawn), pieces, admission, metrics, notes, 4), lambda: "")
    server = WebServer(app, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield RunningWorker(server.bound_port, pieces, admission, metrics, notes)
    finally:
        pieces.hold.set()
        server.should_exit = True
        await serving


async def read_to_the_end(reader: asyncio.StreamReader, into: bytearray) -> None:
    while chunk := await reader.read(MIB):
        into += chunk


async def test_no_status_line_before_the_first_byte_is_in_hand() -> None:
    async with running_worker() as worker:
        wire = await worker.open("Range: bytes=0-0\r\n")
        await until(lambda: worker.pieces.under_way == 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), 0.1)
        worker.pieces.hold.set()
        assert (await wire.head())[0] == 206
        assert await wire.reader.readexactly(1) == b"\x00"
        await wire.close()


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (SourceUnreachable("not in this channel"), 424, None),
        (WorkerBusy("told to wait", 37), 503, "37"),
        (TelegramUnavailable("no answer", 5), 503, "5"),
        (RuntimeError("a bug"), 500, None),
    ],
)
async def test_trouble_before_the_first_byte_is_a_problem_with_a_status(
    error: Exception, status: int, retry_after: str | None
) -> None:
    def fail(number: int) -> None:
        raise error

    async with running_worker() as worker:
        worker.pieces.trouble = fail
        worker.pieces.hold.set()
        wire = await worker.open("X-Request-Id: abc-1\r\n")
        got, headers = await wire.head()
        assert got == status
        assert headers["content-type"] == "application/problem+json"
        assert headers["x-request-id"] == "abc-1"
        assert headers.get("retry-after") == retry_after
        body = await wire.reader.readexactly(int(headers["content-length"]))
        assert b'"requestId":"abc-1"' in body
        assert (status == 500) == bool(worker.notes.texts)
        await wire.close()


@pytest.mark.parametrize("bad_piece", [1, 3, 20, 31])
async def test_trouble_after_the_status_line_resets_the_connection(bad_piece: int) -> None:
    def fail(number: int) -> None:
        if number == bad_piece:
            raise TelegramUnavailable("gone")

    async with running_worker() as worker:
        worker.pieces.trouble = fail
        worker.pieces.hold.set()
        wire = await worker.open()
        assert (await wire.head())[0] == 200
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(wire.reader, received)
        assert len(received) <= bad_piece * MIB
        assert received == b"".join(bytes([n]) * MIB for n in range(bad_piece))[: len(received)]
        await until(lambda: worker.metric("streamvault_worker_resets_total") == 1)
        await wire.close()


async def test_a_reader_that_leaves_stops_the_requests_at_once() -> None:
    async with running_worker() as worker:
        wire = await worker.open()
        await until(lambda: worker.pieces.under_way == 4)
        await wire.close()
        await until(lambda: worker.admission.in_flight == 0)
        assert worker.pieces.asked == [0, 1, 2, 3]
        assert worker.pieces.under_way == 0
        left = {"status": "499"}
        await until(lambda: worker.metrics.registry.get_sample_value("streamvault_worker_responses_total", left) == 1)


async def test_a_reader_that_stops_reading_holds_the_requests() -> None:
    async with running_worker() as worker:
        worker.pieces.hold.set()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, ("127.0.0.1", worker.port))
            await loop.sock_sendall(slow, f"GET {PATH} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
            await until(lambda: len(worker.pieces.asked) >= 5)
            asked = -1
            while asked != len(worker.pieces.asked):
                asked = len(worker.pieces.asked)
                await asyncio.sleep(0.2)
            assert asked < 16
        await until(lambda: worker.admission.in_flight == 0)


async def test_a_full_worker_says_so_and_recovers() -> None:
    async with running_worker(max_streams=2) as worker:
        first, second = await worker.open(), await worker.open()
        await until(lambda: worker.admission.in_flight == 2)
        refused = await worker.open()
        status, headers = await refused.head()
        assert (status, headers["retry-after"]) == (503, "1")
        await first.close()
        await until(lambda: worker.admission.in_flight == 1)
        worker.pieces.hold.set()
        third = await worker.open("Range: bytes=0-0\r\n")
        assert (await third.head())[0] == 206
        for wire in (second, refused, third):
            await wire.close()


async def test_a_draining_worker_finishes_its_streams_and_takes_no_more() -> None:
    async with running_worker() as worker:
        old = await worker.open(f"Range: bytes=0-{8 * MIB - 1}\r\n")
        await until(lambda: worker.admission.in_flight == 1)
        worker.admission.stopping = True
        new = await worker.open()
        status, headers = await new.head()
        assert status == 503
        assert int(headers["retry-after"]) > 0
        worker.pieces.hold.set()
        assert (await old.head())[0] == 206
        assert len(await old.reader.readexactly(8 * MIB)) == 8 * MIB
        await asyncio.wait_for(worker.admission.wait_idle(), 10)
        await old.close()
        await new.close()


async def test_one_connection_carries_slice_after_slice() -> None:
    async with running_worker() as worker:
        worker.pieces.hold.set()
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        wire = Wire(reader, writer)
        for number in range(4):
            extent = f"{number * 8 * MIB}-{(number + 1) * 8 * MIB - 1}"
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: w\r\nRange: bytes={extent}\r\n\r\n".encode())
            status, headers = await wire.head()
            assert (status, headers["content-range"]) == (206, f"bytes {extent}/{SIZE}")
            assert headers["etag"] == f'"{FID}-1"'
            body = await reader.readexactly(8 * MIB)
            assert body == b"".join(bytes([n]) * MIB for n in range(number * 8, number * 8 + 8))
        await wire.close()


@pytest.mark.parametrize(
    ("method", "path", "extra", "status"),
    [
        ("GET", f"/files/{'c' * 32}/1", "", 404),
        ("GET", f"/files/{FID}/2", "", 404),
        ("GET", PATH, "X-File-Kind: image\r\n", 404),
        ("GET", "/files/xyz/1", "", 404),
        ("GET", "/", "", 404),
        ("POST", PATH, "Content-Length: 0\r\n", 405),
        ("GET", PATH, "Range: bytes=0-1,5-6\r\n", 416),
        ("GET", PATH, f"Range: bytes={SIZE}-\r\n", 416),
        ("GET", PATH, f'If-None-Match: "{FID}-1"\r\n', 304),
        ("HEAD", PATH, "", 200),
        ("GET", "/healthz", "", 200),
        ("GET", "/readyz", "", 200),
        ("GET", "/metrics", "", 200),
    ],
)
async def test_plain_answers_need_no_telegram(method: str, path: str, extra: str, status: int) -> None:
    async with running_worker() as worker:
        wire = await worker.open(extra, method, path)
        assert (await wire.head())[0] == status
        assert worker.pieces.asked == []
        await wire.close()
