"""A worker whose web server and reader are real, and whose pieces come from a table that can fail, wait or count."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from conditions import until

from streamvault_common.documents import Part, StoredFile
from streamvault_common.events import Severity
from streamvault_common.keys import MIB
from streamvault_worker.catalogue import Catalogue
from streamvault_worker.metrics import Metrics
from streamvault_worker.stream.admission import Admission
from streamvault_worker.stream.app import WorkerApp
from streamvault_worker.stream.budget import PieceBudget
from streamvault_worker.stream.hedge import HedgeBudget
from streamvault_worker.stream.peers import Address, Peers
from streamvault_worker.stream.pieces import Piece
from streamvault_worker.stream.readahead import ReadAhead
from streamvault_worker.stream.transfer import Reading
from streamvault_worker.stream.turns import Claim, Turns
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

    async def fetch(self, piece: Piece, claim: Claim) -> bytes:
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
    turns: Turns

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
async def running_worker(
    max_streams: int = 8, others: Sequence[Address] = (), *, hedge: bool = False, read_ahead: bool = False
) -> AsyncIterator[RunningWorker]:
    """Start a worker that may ask the `others` for help."""

    async def nothing_withdrawn(fid: str) -> bool:
        return False

    pieces, admission, metrics, notes = PieceTable(), Admission(max_streams), Metrics(), Notes()
    turns, budget, peers = Turns(16), PieceBudget(64), Peers(others, own=("127.0.0.1", 0))
    ahead = ReadAhead(budget, enabled=read_ahead)
    reading = Reading(
        *(Catalogue(OneFile(), nothing_withdrawn), pieces, turns, budget, ahead, peers, admission, metrics, notes),
        window=4,
        hedges=HedgeBudget(pieces_per_hedge=1) if hedge else None,
    )
    server = WebServer(WorkerApp(reading, lambda: ""), "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield RunningWorker(server.bound_port, pieces, admission, metrics, notes, turns)
    finally:
        pieces.hold.set()
        ahead.clear()
        server.should_exit = True
        await serving
        await peers.close()


async def read_to_the_end(reader: asyncio.StreamReader, into: bytearray) -> None:
    while chunk := await reader.read(MIB):
        into += chunk
