"""One read of a stored file: refused, delivered, gone on with elsewhere, or cut."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from streamvault_common.documents import StoredFile
from streamvault_common.events import Severity
from streamvault_common.keys import HEADER_FILE_KIND, HEADER_RELAY
from streamvault_worker.catalogue import Catalogue
from streamvault_worker.errors import CannotServe, FileWithdrawn, SourceUnreachable, UnknownFile
from streamvault_worker.metrics import Metrics
from streamvault_worker.reporting import Reporter

from .admission import Admission
from .answer import Answer, plan_answer
from .asgi import Receive, Request, Send, send_head, send_problem
from .budget import PieceBudget
from .hedge import HedgeBudget, PeerHedge
from .peers import NoPeer, Peers
from .pieces import pieces
from .ranges import ByteRange
from .readahead import ReadAhead
from .reader import Fetching, OrderedReader, PieceSource
from .running import RunningReads
from .turns import Turns

log = logging.getLogger(__name__)

READER_LEFT = 499
"""Stands in logs and metrics for the status that nobody waited for."""
STALLED_READER_SECONDS = 120.0
"""A reader that takes no byte for this long is cut, so that it does not hold a stream for ever."""


@dataclass(frozen=True)
class Reading:
    """What a read needs; `window` is in pieces, `hedges` None where no other account is to be asked for late ones."""

    catalogue: Catalogue
    source: PieceSource
    turns: Turns
    budget: PieceBudget
    read_ahead: ReadAhead
    peers: Peers
    admission: Admission
    metrics: Metrics
    reporter: Reporter
    window: int
    hedges: HedgeBudget | None = None
    running: RunningReads = field(default_factory=RunningReads)


class StalledReader(Exception):  # noqa: N818
    """The reader has taken no byte for STALLED_READER_SECONDS."""


class Transfer:
    """One read: refused with a status while that is possible, reset when it fails later, never short and clean."""

    def __init__(self, reading: Reading, request: Request, receive: Receive, send: Send) -> None:
        self._reading = reading
        self._request = request
        self._receive = receive
        self._send = send
        self._status = 0
        self._asked_at = time.monotonic()

    async def run(self, fid: str, gen: int) -> None:
        """Answer the request; raises nothing but cancellation."""
        try:
            await self._run(fid, gen)
        except CannotServe as error:
            await self._fail(fid, error.status, error.title, str(error), error.retry_after_seconds)
        except StalledReader:
            log.info("reader stalled", extra=self._names(fid))
            self._request.reset()
        except Exception as error:
            log.exception("read failed", extra=self._names(fid))
            self._reading.reporter.report(Severity.ERROR, f"reading {fid} failed: {error!r}", "read")
            await self._fail(fid, 500, "Internal error", "", None)
        except asyncio.CancelledError:
            self._request.reset()
            raise
        finally:
            self._reading.metrics.responses.labels(str(self._status)).inc()

    async def _run(self, fid: str, gen: int) -> None:
        with self._reading.admission.stream(), self._reading.metrics.streams.track_inprogress():
            file = await self._reading.catalogue.find(fid, gen)
            wanted_kind = self._request.headers.get(HEADER_FILE_KIND.lower(), file.kind)
            if wanted_kind != file.kind:
                raise UnknownFile(f"there is no {wanted_kind} {fid}")
            answer = plan_answer(self._request.method, self._request.headers, file)
            complete = True
            if answer.body is None:
                await self._start(answer)
                await self._send({"type": "http.response.body", "body": b""})
            else:
                complete = await self._until_disconnected(file, answer)
        self._status = self._status or READER_LEFT
        log.info(
            "served" if complete else "reader left",
            extra={**self._names(fid), "seconds": round(time.monotonic() - self._asked_at, 3)},
        )

    async def _until_disconnected(self, file: StoredFile, answer: Answer) -> bool:
        """Deliver the body, but stop at once when the reader goes away or the file is withdrawn.

        Returns whether all of it was sent; raises FileWithdrawn.
        """
        with self._reading.running.read(file.id) as cut:
            delivering = asyncio.create_task(self._deliver(file, answer))
            others = (asyncio.create_task(self._left()), asyncio.create_task(cut.wait()))
            try:
                await asyncio.wait({delivering, *others}, return_when=asyncio.FIRST_COMPLETED)
                if cut.is_set():
                    raise FileWithdrawn(f"file {file.id} was withdrawn")
                if delivering.done():
                    delivering.result()
                    return True
                return False
            finally:
                for task in (delivering, *others):
                    task.cancel()
                await asyncio.gather(delivering, *others, return_exceptions=True)

    async def _deliver(self, file: StoredFile, answer: Answer) -> None:
        """Send the body from this account, and what it cannot give from another worker."""
        assert answer.body is not None
        position, end = answer.body.start, answer.body.end
        try:
            async with aclosing(self._own_bytes(file, answer.body)) as chunks:
                async for chunk in chunks:
                    position += len(chunk)
                    await self._hand_on(answer, chunk, more=position <= end)
        except CannotServe as error:
            if not self._others_may_help(error):
                raise
            log.info("going on with another worker", extra={**self._names(file.id), "reason": str(error)})
            self._reading.metrics.relays.inc()
            try:
                await self._deliver_from_others(file, answer, position)
            except NoPeer as no_peer:
                raise error from no_peer

    async def _deliver_from_others(self, file: StoredFile, answer: Answer, position: int) -> None:
        assert answer.body is not None
        end = answer.body.end
        async with aclosing(self._reading.peers.read(file, position, end, self._request.request_id)) as chunks:
            async for chunk in chunks:
                position += len(chunk)
                await self._hand_on(answer, chunk, more=position <= end)

    async def _own_bytes(self, file: StoredFile, body: ByteRange) -> AsyncGenerator[memoryview, None]:
        reading = self._reading
        fetched, ahead = (deque[Fetching](), iter(())) if self._is_relay else reading.read_ahead.asked(file, body)
        reader = OrderedReader(
            reading.source, reading.budget, reading.turns.new_share(), reading.window, reading.read_ahead.make_room
        )
        wanted = pieces(file.parts, body.start, body.end)
        async with aclosing(
            reader.read(wanted, start=body.start, fetched=fetched, ahead=ahead, hedge=self._hedge(file))
        ) as chunks:
            async for chunk in chunks:
                yield chunk
        reading.read_ahead.keep(file, body, reader.left_behind())

    def _hedge(self, file: StoredFile) -> PeerHedge | None:
        reading = self._reading
        if reading.hedges is None or self._is_relay:
            return None
        return PeerHedge(
            reading.hedges,
            reading.peers,
            file,
            self._request.request_id,
            reading.turns.slow_seconds,
            reading.metrics.hedges.inc,
        )

    async def _hand_on(self, answer: Answer, chunk: bytes | memoryview, *, more: bool) -> None:
        if not self._status:
            self._reading.metrics.first_byte_seconds.observe(time.monotonic() - self._asked_at)
            await self._start(answer)
        try:
            async with asyncio.timeout(STALLED_READER_SECONDS):
                await self._send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            raise StalledReader from None
        self._reading.metrics.delivered_bytes.inc(len(chunk))

    @property
    def _is_relay(self) -> bool:
        return HEADER_RELAY.lower() in self._request.headers

    def _others_may_help(self, error: CannotServe) -> bool:
        """Before the status line the edge asks another worker by itself, unless this account alone lacks the source."""
        if self._is_relay or isinstance(error, FileWithdrawn | UnknownFile):
            return False
        return bool(self._status) or isinstance(error, SourceUnreachable)

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _start(self, answer: Answer) -> None:
        self._status = answer.status
        await send_head(self._send, answer.status, answer.headers, self._request.request_id)

    async def _fail(self, fid: str, status: int, title: str, detail: str, retry_after: int | None) -> None:
        extra = {**self._names(fid), "failure": status, "detail": detail}
        if self._status:
            log.warning("read cut", extra=extra)
            self._reading.metrics.resets.inc()
            self._request.reset()
            await self._left()
            return
        log.info("read refused", extra=extra)
        self._status = status
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        await send_problem(self._send, self._request, status, title, detail, headers)

    def _names(self, fid: str) -> dict[str, object]:
        return {
            "fid": fid,
            "range": self._request.headers.get("range", ""),
            "request_id": self._request.request_id,
            "status": self._status,
        }
