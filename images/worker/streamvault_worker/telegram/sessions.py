"""The sessions of one signed-in client that carry requests: one for messages, one for files per data centre."""

import asyncio
import logging
import time
from contextlib import suppress

from pyrogram import Client
from pyrogram.session import Session

from .calls import SessionCaller

log = logging.getLogger(__name__)

STUCK_SECONDS = 10.0
"""How long a session may stay disconnected before it is replaced."""


class Sessions:
    """Opens sessions on first use, once each, under a lock: pyrogram itself would open one per caller.

    Files of the home data centre come over a media session of their own. Those of another data centre come over its
    plain session, which pyrogram keeps: it costs one export of the authorization, a media session would cost two,
    and Telegram answers about a hundred exports with a wait of half an hour.
    """

    def __init__(self, client: Client, main: Session, home_dc: int) -> None:
        self._client = client
        self._home_dc = home_dc
        self._locks: dict[int, asyncio.Lock] = {}
        self._files: dict[int, SessionCaller] = {}
        self._stuck_since: dict[int, float] = {}
        self._main = SessionCaller(main)

    @property
    def home_dc(self) -> int:
        """The data centre that the account belongs to."""
        return self._home_dc

    @property
    def main(self) -> SessionCaller:
        """For everything but files."""
        return self._main

    async def files(self, dc_id: int) -> SessionCaller:
        """For files of data centre `dc_id`; raises what pyrogram raises when it cannot be opened."""
        async with self._locks.setdefault(dc_id, asyncio.Lock()):
            known = self._files.get(dc_id)
            if known is not None and not self._stuck(dc_id, known.session):
                return known
            await self._close(dc_id)
            caller = SessionCaller(await self._open(dc_id))
            self._files[dc_id] = caller
            return caller

    async def forget(self, dc_id: int) -> None:
        """Close the file session of `dc_id`; the next use opens another."""
        async with self._locks.setdefault(dc_id, asyncio.Lock()):
            await self._close(dc_id)

    async def close(self) -> None:
        """Close every file session."""
        for dc_id in list(self._files):
            await self.forget(dc_id)

    async def _open(self, dc_id: int) -> Session:
        log.info("opening a file session", extra={"dc_id": dc_id})
        try:
            if dc_id == self._home_dc:
                return await self._client.get_session(dc_id, is_media=True, temporary=True)
            return await self._client.get_session(dc_id)
        except BaseException:
            self._client.sessions.pop(dc_id, None)
            raise

    async def _close(self, dc_id: int) -> None:
        caller = self._files.pop(dc_id, None)
        self._client.sessions.pop(dc_id, None)
        self._stuck_since.pop(dc_id, None)
        if caller is not None:
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(caller.stop(), STUCK_SECONDS)

    def _stuck(self, dc_id: int, session: Session) -> bool:
        if session.is_started.is_set():
            self._stuck_since.pop(dc_id, None)
            return False
        return time.monotonic() - self._stuck_since.setdefault(dc_id, time.monotonic()) > STUCK_SECONDS
