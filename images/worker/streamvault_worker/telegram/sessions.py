"""The sessions of one signed-in client that carry requests: one for messages, some for files per data centre."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pyrogram import Client, errors
from pyrogram.session import Session

from .calls import SessionCaller
from .fastpath.cipher import Decrypt
from .fastpath.session import FileSession

log = logging.getLogger(__name__)

STUCK_SECONDS = 10.0
"""How long a session may stay disconnected before it is replaced."""
OPEN_AGAIN_SECONDS = 30.0
"""Pause after a further session could not be opened: Telegram limits new connections as well."""


@dataclass
class _DataCentre:
    """The file sessions of one data centre."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    callers: list[SessionCaller] = field(default_factory=list)
    stuck_since: dict[SessionCaller, float] = field(default_factory=dict)
    open_again_at: float = 0.0


class Sessions:
    """Opens sessions on first use, once each, under a lock: pyrogram itself would open one per caller.

    The first file session of a data centre is waited for, the further ones open meanwhile. Those of another data
    centre share the key, and so the authorization, of its plain session, which pyrogram keeps: one export of the
    authorization, however many sessions. Telegram answers about a hundred exports with a wait of half an hour.
    """

    def __init__(self, client: Client, main: Session, home_dc: int, per_data_centre: int, decrypt: Decrypt) -> None:
        self._client = client
        self._home_dc = home_dc
        self._per_data_centre = per_data_centre
        self._decrypt = decrypt
        self._data_centres: dict[int, _DataCentre] = {}
        self._growing: set[asyncio.Task[None]] = set()
        self._main = SessionCaller(main)

    @property
    def home_dc(self) -> int:
        """The data centre that the account belongs to."""
        return self._home_dc

    @property
    def main(self) -> SessionCaller:
        """For everything but files."""
        return self._main

    @asynccontextmanager
    async def files(self, dc_id: int) -> AsyncIterator[SessionCaller]:
        """Hold the least busy one for files of `dc_id`; raises what pyrogram raises when none can be opened."""
        caller = await self._least_busy(dc_id)
        caller.held += 1
        try:
            yield caller
        finally:
            caller.held -= 1

    async def open_first(self, dc_id: int) -> None:
        """Open a file session of `dc_id`, unless there is one; raises like `files`."""
        await self._least_busy(dc_id)

    async def _least_busy(self, dc_id: int) -> SessionCaller:
        centre = self._data_centres.setdefault(dc_id, _DataCentre())
        async with centre.opening:
            await self._drop_stuck(centre)
            if not centre.callers:
                centre.callers.append(SessionCaller(await self._open(dc_id)))
        if len(centre.callers) < self._per_data_centre and time.monotonic() >= centre.open_again_at:
            self._grow(dc_id, centre)
        started = [caller for caller in centre.callers if caller.session.is_started.is_set()]
        return min(started or centre.callers, key=lambda caller: caller.load)

    async def forget(self, dc_id: int) -> None:
        """Close the file sessions of `dc_id` and forget its authorization; the next use makes them anew."""
        centre = self._data_centres.setdefault(dc_id, _DataCentre())
        async with centre.opening:
            callers, centre.callers = centre.callers, []
            plain = self._client.sessions.pop(dc_id, None)
            if plain is not None:
                callers.append(SessionCaller(plain))
            await asyncio.gather(*(_stop(caller) for caller in callers))

    async def close(self) -> None:
        """Close every file session."""
        for task in self._growing:
            task.cancel()
        for dc_id in list(self._data_centres):
            await self.forget(dc_id)

    def _grow(self, dc_id: int, centre: _DataCentre) -> None:
        centre.open_again_at = time.monotonic() + OPEN_AGAIN_SECONDS
        task = asyncio.create_task(self._open_further(dc_id, centre), name=f"file sessions of {dc_id}")
        self._growing.add(task)
        task.add_done_callback(self._growing.discard)

    async def _open_further(self, dc_id: int, centre: _DataCentre) -> None:
        try:
            while len(centre.callers) < self._per_data_centre:
                centre.callers.append(SessionCaller(await self._open(dc_id)))
        except (OSError, errors.RPCError) as error:
            log.warning("no further file session", extra={"dc_id": dc_id, "error": repr(error)})

    async def _open(self, dc_id: int) -> Session:
        log.info("opening a file session", extra={"dc_id": dc_id})
        try:
            like = self._main.session if dc_id == self._home_dc else await self._client.get_session(dc_id)
        except BaseException:
            self._client.sessions.pop(dc_id, None)
            raise
        option = await self._client.get_dc_option(dc_id, is_media=True)
        session = FileSession(self._client, like, (option.ip_address, option.port), self._decrypt)
        try:
            await session.start()  # type: ignore[no-untyped-call]
        except BaseException:
            await _stop(SessionCaller(session))
            raise
        return session

    async def _drop_stuck(self, centre: _DataCentre) -> None:
        for caller in list(centre.callers):
            if caller.session.is_started.is_set():
                centre.stuck_since.pop(caller, None)
            elif time.monotonic() - centre.stuck_since.setdefault(caller, time.monotonic()) > STUCK_SECONDS:
                centre.callers.remove(caller)
                del centre.stuck_since[caller]
                await _stop(caller)


async def _stop(caller: SessionCaller) -> None:
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(caller.stop(), STUCK_SECONDS)
