"""One request over one pyrogram session, with a short patience and no hidden retries."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from pyrogram import errors, raw
from pyrogram.raw.core import TLObject
from pyrogram.session import Session

ABANDONED_SECONDS = 60.0
"""When an answer that nobody waits for any more stops being remembered by the session."""


FLOODS = (errors.FloodWait, errors.FloodPremiumWait)
Flooded = Callable[[errors.FloodWait | errors.FloodPremiumWait], object]
"""Takes note of a wait that Telegram ordered."""


class NoAnswer(Exception):  # noqa: N818
    """The connection was lost, or nothing was heard for too long: ask again."""


class Caller(Protocol):
    """Sends requests of one account to one data centre."""

    async def call(self, request: TLObject[Any], patience_seconds: float) -> Any:
        """Return Telegram's answer; raises NoAnswer or a pyrogram RPCError."""


class SessionCaller:
    """A Caller over a started pyrogram session."""

    def __init__(self, session: Session, flooded: Flooded) -> None:
        """`flooded` is told of waits that were ordered in answer to what nobody waits for any more."""
        self.session = session
        self._flooded = flooded
        self._heard_at = 0.0
        self._under_way: set[asyncio.Future[Any]] = set()
        self.held = 0
        """How many are about to send a request, or wait for an answer."""

    @property
    def load(self) -> int:
        """How many answers may still come, those that nobody waits for any more included."""
        return max(self.held, len(self._under_way))

    async def call(self, request: TLObject[Any], patience_seconds: float) -> Any:
        """Send and wait; gives up at once when the connection is lost, and after `patience_seconds` of silence.

        Answers to other requests on the same connection count as being heard: many pieces share its bandwidth.
        A cancelled caller leaves the request behind: the session must see its answer, or it would keep it for ever.
        """
        if not self.session.is_started.is_set():
            try:
                await asyncio.wait_for(self.session.is_started.wait(), patience_seconds)
            except TimeoutError:
                raise NoAnswer("the session is not connected") from None
        lost = getattr(self.session.connection, "lost", None) or asyncio.Event()
        sending = asyncio.ensure_future(self.session.send(request, timeout=ABANDONED_SECONDS))
        self._under_way.add(sending)
        sending.add_done_callback(self._finished)
        watching = asyncio.ensure_future(lost.wait())
        try:
            await self._wait(sending, watching, patience_seconds)
        except BaseException:
            sending.add_done_callback(self._answered_late)
            raise
        finally:
            watching.cancel()
        try:
            answer = sending.result()
        except OSError as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if isinstance(answer, raw.types.BadMsgNotification):
            raise NoAnswer(f"the message was refused, error {answer.error_code}")
        return answer

    async def stop(self) -> None:
        """Stop the session."""
        await self.session.stop()  # type: ignore[no-untyped-call]

    async def _wait(self, sending: asyncio.Future[Any], watching: asyncio.Future[Any], patience_seconds: float) -> None:
        asked_at = time.monotonic()
        while not sending.done():
            remaining = max(asked_at, self._heard_at) + patience_seconds - time.monotonic()
            if remaining <= 0:
                raise NoAnswer(f"no answer for {patience_seconds:g} s")
            await asyncio.wait({sending, watching}, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not sending.done():
                self._under_way.discard(sending)  # no answer comes any more, though the session waits for it
                raise NoAnswer("the connection was lost")

    def _finished(self, sending: asyncio.Future[Any]) -> None:
        self._under_way.discard(sending)
        if not sending.cancelled() and not isinstance(sending.exception(), OSError):
            self._heard_at = time.monotonic()

    def _answered_late(self, sending: asyncio.Future[Any]) -> None:
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, FLOODS):
            self._flooded(error)
