"""The sessions of one signed-in client that carry requests: one for messages, some for files per data centre."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pyrogram import Client
from pyrogram.session import Session

from .calls import FLOODS, Flooded, NoAnswer, SessionCaller
from .fastpath.cipher import Decrypt
from .fastpath.session import FileSession

log = logging.getLogger(__name__)

STUCK_SECONDS = 10.0
"""How long a session may stay disconnected before it is replaced."""
LEAST_PATIENCE_SECONDS = 1.0
OPEN_AGAIN_SECONDS = 30.0
"""Pause after a further session could not be opened: Telegram limits new connections as well."""


class NoSession(NoAnswer):
    """No connection to a data centre could be opened in time."""


@dataclass
class _DataCentre:
    """The file sessions of one data centre."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    callers: list[SessionCaller] = field(default_factory=list)
    stuck_since: dict[SessionCaller, float] = field(default_factory=dict)
    opening: asyncio.Task[None] | None = None
    opening_since: float = 0.0
    open_again_at: float = 0.0


class Sessions:
    """Opens sessions on first use, once each, under a lock: pyrogram itself would open one per caller.

    The first file session of a data centre is waited for, the further ones open meanwhile. Those of another data
    centre share the key, and so the authorization, of its plain session, which pyrogram keeps: one export of the
    authorization, however many sessions. Telegram answers about a hundred exports with a wait of half an hour.
    """

    def __init__(
        self, client: Client, main: Session, home_dc: int, per_data_centre: int, decrypt: Decrypt, flooded: Flooded
    ) -> None:
        """`flooded` is told of the waits that no caller hears of."""
        self._client = client
        self._home_dc = home_dc
        self._per_data_centre = per_data_centre
        self._decrypt = decrypt
        self._data_centres: dict[int, _DataCentre] = {}
        self._flooded = flooded
        self._main = SessionCaller(main, flooded)

    @property
    def home_dc(self) -> int:
        """The data centre that the account belongs to."""
        return self._home_dc

    @property
    def main(self) -> SessionCaller:
        """For everything but files."""
        return self._main

    async def open_first(self, dc_id: int, patience_seconds: float) -> None:
        """Have at least one file session of `dc_id`; raises NoSession, or what Telegram answered.

        Everybody waits for the same opening, `patience_seconds` from its start but at least a second, and it goes on
        when they leave: a data centre that is far away or ill makes itself felt for its own files only.
        """
        centre = self._data_centres.setdefault(dc_id, _DataCentre())
        async with centre.lock:
            await _drop_stuck(centre)
            if not centre.callers:
                opening = self._opening(dc_id, centre, 1)
            else:
                opening = None
                if len(centre.callers) < self._per_data_centre and time.monotonic() >= centre.open_again_at:
                    self._opening(dc_id, centre, self._per_data_centre)
        if opening is None:
            return
        patience_seconds = max(LEAST_PATIENCE_SECONDS, centre.opening_since + patience_seconds - time.monotonic())
        try:
            await asyncio.wait_for(asyncio.shield(opening), patience_seconds)
        except TimeoutError:
            raise NoSession(f"no session to data centre {dc_id} yet") from None
        except (OSError, ValueError) as error:
            raise NoSession(f"no session to data centre {dc_id}: {error!r}") from error
        except asyncio.CancelledError:
            if opening.cancelled() and not _is_leaving():
                raise NoSession(f"the sessions to data centre {dc_id} were closed") from None
            raise

    @contextmanager
    def files(self, dc_id: int) -> Iterator[SessionCaller]:
        """Hold the least busy one for files of `dc_id`; raises NoAnswer when none is open any more."""
        caller = self._least_busy(dc_id)
        caller.held += 1
        try:
            yield caller
        finally:
            caller.held -= 1

    def _least_busy(self, dc_id: int) -> SessionCaller:
        callers = self._data_centres[dc_id].callers
        if not callers:
            raise NoAnswer(f"no session to data centre {dc_id} any more")
        started = [caller for caller in callers if caller.session.is_started.is_set()]
        return min(started or callers, key=lambda caller: caller.load)

    async def forget(self, dc_id: int) -> None:
        """Close the file sessions of `dc_id` and forget its authorization; the next use makes them anew."""
        centre = self._data_centres.setdefault(dc_id, _DataCentre())
        async with centre.lock:
            if centre.opening is not None:
                centre.opening.cancel()
                await asyncio.gather(centre.opening, return_exceptions=True)
            callers, centre.callers = centre.callers, []
            plain = self._client.sessions.pop(dc_id, None)
            await asyncio.gather(*(_stop(caller.session) for caller in callers), *([_stop(plain)] if plain else []))

    async def close(self) -> None:
        """Close every file session."""
        for dc_id in list(self._data_centres):
            await self.forget(dc_id)

    def _opening(self, dc_id: int, centre: _DataCentre, number: int) -> asyncio.Task[None]:
        """The task that opens sessions until there are `number`; the one that is under way, if there is one."""
        if centre.opening is None or centre.opening.done():
            opening = self._open_up_to(number, dc_id, centre)
            centre.opening_since = time.monotonic()
            centre.opening = asyncio.create_task(opening, name=f"file sessions of {dc_id}")
            centre.opening.add_done_callback(self._opened)
        return centre.opening

    async def _open_up_to(self, number: int, dc_id: int, centre: _DataCentre) -> None:
        if centre.callers:
            centre.open_again_at = time.monotonic() + OPEN_AGAIN_SECONDS
        while len(centre.callers) < number:
            centre.callers.append(SessionCaller(await self._open(dc_id), self._flooded))

    def _opened(self, opening: asyncio.Task[None]) -> None:
        error = None if opening.cancelled() else opening.exception()
        if error is not None:
            log.warning("no file session", extra={"task": opening.get_name(), "error": repr(error)})
        if isinstance(error, FLOODS):
            self._flooded(error)

    async def _open(self, dc_id: int) -> Session:
        log.info("opening a file session", extra={"dc_id": dc_id})
        like = self._main.session if dc_id == self._home_dc else await self._plain(dc_id)
        option = await self._client.get_dc_option(dc_id, is_media=True)
        session = FileSession(self._client, like, (option.ip_address, option.port), self._decrypt)
        try:
            await session.start()  # type: ignore[no-untyped-call]
        except BaseException:
            await _stop(session)
            raise
        return session

    async def _plain(self, dc_id: int) -> Session:
        """Pyrogram's own session, with the authorization imported; one whose import failed lives on unless stopped."""
        try:
            return await self._client.get_session(dc_id)
        except BaseException:
            plain = self._client.sessions.pop(dc_id, None)
            if plain is not None:
                await _stop(plain)
            raise


def _is_leaving() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _drop_stuck(centre: _DataCentre) -> None:
    for caller in list(centre.callers):
        if caller.session.is_started.is_set():
            centre.stuck_since.pop(caller, None)
        elif time.monotonic() - centre.stuck_since.setdefault(caller, time.monotonic()) > STUCK_SECONDS:
            centre.callers.remove(caller)
            del centre.stuck_since[caller]
            await _stop(caller.session)


async def _stop(session: Session) -> None:
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(session.stop(), STUCK_SECONDS)  # type: ignore[no-untyped-call]
