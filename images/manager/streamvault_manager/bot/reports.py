"""Posts the event stream to the Admin Channel: an entry is acknowledged only once its message was accepted."""

import asyncio
import logging
import time
from typing import Protocol

from streamvault_manager.metrics import Metrics
from streamvault_manager.services.reports import Gathering
from streamvault_manager.stores.errors import StoreUnavailable
from streamvault_manager.stores.redis import EventStream, StreamEntry
from streamvault_manager.waiting import stopped_within

from .errors import NotPosted

log = logging.getLogger(__name__)

BATCH = 100
MAX_WAITING = 2000
READ_SECONDS = 1.0
RECLAIM_SECONDS = 60.0
STORE_RETRY_SECONDS = 2.0
FAULT_RETRY_SECONDS = 5.0


class Poster(Protocol):
    """Whatever can reach the admins."""

    @property
    def online(self) -> bool:
        """Whether posting has a chance."""

    async def post(self, text: str) -> None:
        """Return when the message was accepted; raises NotPosted."""


class Reporter:
    """Reads, gathers and posts; at most one message per `interval_seconds`. Delivery is at least once."""

    def __init__(
        self, stream: EventStream, poster: Poster, metrics: Metrics, window_seconds: float, interval_seconds: float
    ) -> None:
        self._stream = stream
        self._poster = poster
        self._metrics = metrics
        self._interval_seconds = interval_seconds
        self._gathering = Gathering(window_seconds)
        self._posted: list[str] = []
        self._opened = False
        self._complained = False
        self._post_at = 0.0
        self._reclaim_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; a store that is down or a fault of our own only delays."""
        while not stop.is_set():
            pause_seconds = 0.0
            try:
                await self._turn(time.monotonic())
            except StoreUnavailable as error:
                if self._opened or not self._complained:
                    log.warning("events are not read until the store is back: %s", error)
                self._opened, self._complained, pause_seconds = False, True, STORE_RETRY_SECONDS
            except Exception:
                log.exception("events are not posted")
                pause_seconds = FAULT_RETRY_SECONDS
            if pause_seconds:
                await stopped_within(stop, pause_seconds)

    async def _turn(self, now: float) -> None:
        if not self._opened:
            await self._stream.open()
            self._opened, self._complained = True, False
            log.info("events are read")
        await self._acknowledge()
        await self._take(await self._read(now), now)
        if self._poster.online and now >= self._post_at:
            await self._post(now)

    async def _read(self, now: float) -> list[StreamEntry]:
        if len(self._gathering) >= MAX_WAITING:
            await asyncio.sleep(READ_SECONDS)
            return []
        if now >= self._reclaim_at:
            entries = await self._stream.reclaim(BATCH, RECLAIM_SECONDS)
            if len(entries) < BATCH:
                self._reclaim_at = now + RECLAIM_SECONDS
            if entries:
                return entries
        return await self._stream.read(BATCH, READ_SECONDS)

    async def _take(self, entries: list[StreamEntry], now: float) -> None:
        for entry in entries:
            if entry.event is None:
                log.error("event left out: it cannot be read", extra={"entry": entry.id})
                self._posted.append(entry.id)
            elif entry.id not in self._posted:
                self._gathering.add(entry.id, entry.event, now)

    async def _post(self, now: float) -> None:
        message = self._gathering.message(now)
        if message is None:
            return
        try:
            await self._poster.post(message.text)
        except NotPosted as error:
            log.warning("report not posted: %s", error, extra={"retry_after_seconds": error.retry_after_seconds})
            self._metrics.reports.labels("failed").inc()
            self._post_at = time.monotonic() + max(error.retry_after_seconds, self._interval_seconds)
            return
        self._metrics.reports.labels("posted").inc()
        self._post_at = time.monotonic() + self._interval_seconds
        self._gathering.told(message)
        self._posted.extend(message.ids)
        await self._acknowledge()

    async def _acknowledge(self) -> None:
        """What was posted is kept until Redis knows, so that it is not posted again when Redis comes back."""
        await self._stream.acknowledge(self._posted)
        self._posted.clear()
