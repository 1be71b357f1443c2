"""Fetches pieces by upload.getFile and deals with everything that Telegram may answer instead of bytes."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from pyrogram import errors, raw

from streamvault_worker.errors import AccountUnavailable, CannotServe, SourceUnreachable, TelegramUnavailable
from streamvault_worker.metrics import Metrics
from streamvault_worker.stream.pieces import Piece
from streamvault_worker.stream.reader import Content
from streamvault_worker.stream.turns import Claim, Turns

from .account import AccountState
from .calls import FLOODS, NoAnswer
from .channels import Channels
from .locations import Location, Locations, RememberedLocations
from .sessions import NoSession, Sessions
from .verdicts import AUTH_ERRORS

ATTEMPTS = 5
OPENING_SECONDS = 10.0
"""How long a piece waits for the first session to its data centre; a new key is a handful of round trips."""
RETRY_PAUSE_SECONDS = 0.2
REFERENCE_REFRESHES = 1
MIGRATIONS = 2
STALE_LOCATION = (
    errors.FileReferenceExpired,
    errors.FileReferenceEmpty,
    errors.FileReferenceInvalid,
    errors.FilerefUpgradeNeeded,
    errors.FileIdInvalid,
    errors.LocationInvalid,
)
PASSING = (NoAnswer, errors.InternalServerError, errors.ServiceUnavailable)


class ShortAnswer(Exception):  # noqa: N818
    """Telegram answered another number of bytes than the piece has."""


@dataclass
class _Tries:
    """What was already done for one piece."""

    failures: int = 0
    refreshes: int = 0
    migrations: int = 0


class Downloader:
    """The PieceSource of a signed-in account; `turns` bounds and orders the requests under way over all streams."""

    def __init__(self, state: AccountState, metrics: Metrics, turns: Turns, patience_seconds: float) -> None:
        self._state = state
        self._metrics = metrics
        self._turns = turns
        self._patience_seconds = patience_seconds
        self._sessions: Sessions | None = None
        self._locations: Locations | None = None

    def attach(self, sessions: Sessions, account: str, channels: Channels, remembered: RememberedLocations) -> None:
        """Use the sessions of a (new) sign-in of `account`, a hash of the user id."""
        self._locations = Locations(
            sessions.main, channels, account, remembered, self._patience_seconds, self._state.flooded
        )
        self._sessions = sessions

    async def fetch(self, piece: Piece, claim: Claim) -> Content:
        """Return exactly `piece.expected_bytes` bytes; raises CannotServe."""
        tries = _Tries()
        while True:
            sessions, locations = self._signed_in()
            location: Location | None = None
            try:
                location = await locations.locate(piece.part)
                await sessions.open_first(location.dc_id, OPENING_SECONDS)
                async with self._turns.turn(claim):
                    self._state.require_usable()
                    return await self._get_file(sessions, location, piece)
            except AUTH_ERRORS as error:
                await self._refused(sessions, location, error, tries)
            except errors.FileMigrate as error:
                self._migrated(locations, piece, location, error, tries)
            except STALE_LOCATION as error:
                self._outdated(locations, piece, location, error, tries)
            except FLOODS as error:
                self._turns.troubled()
                raise self._state.flooded(error) from error
            except (*PASSING, ShortAnswer) as error:
                elsewhere = location is not None and location.dc_id != sessions.home_dc
                if not elsewhere:
                    self._turns.troubled()
                await self._pause(error, tries, elsewhere)
            except errors.RPCError as error:
                self._metrics.errors.labels("refused").inc()
                raise SourceUnreachable(f"Telegram refused {piece.part.message_id}: {error}") from error

    def _signed_in(self) -> tuple[Sessions, Locations]:
        self._state.require_usable()
        if self._sessions is None or self._locations is None:
            raise AccountUnavailable("the account is not signed in", 5)
        return self._sessions, self._locations

    async def _get_file(self, sessions: Sessions, location: Location, piece: Piece) -> Content:
        request = raw.functions.upload.GetFile(location=location.as_input(), offset=piece.offset, limit=piece.limit)
        with sessions.files(location.dc_id) as caller:
            self._metrics.getfile_calls.inc()
            asked_at = time.monotonic()
            answer: Any = await caller.call(request, self._patience_seconds)
        seconds = time.monotonic() - asked_at
        self._metrics.getfile_seconds.observe(seconds)
        self._turns.answered(seconds)
        content = answer.bytes if isinstance(answer, raw.types.upload.File) else answer
        if not isinstance(content, bytes | memoryview):
            raise NoAnswer(f"answered {type(answer).__name__} instead of a file")
        self._metrics.getfile_bytes.inc(len(content))
        if len(content) != piece.expected_bytes:
            raise ShortAnswer(f"{len(content)} bytes instead of {piece.expected_bytes} at {piece.offset}")
        return content

    async def _refused(self, sessions: Sessions, location: Location | None, error: Exception, tries: _Tries) -> None:
        """The home data centre's word is final; another one may just have lost the imported authorization."""
        self._metrics.errors.labels("auth").inc()
        if location is None or location.dc_id == sessions.home_dc or isinstance(error, errors.AuthKeyDuplicated):
            raise self._state.judge(error) from error
        await sessions.forget(location.dc_id)
        await self._pause(error, tries, elsewhere=True)

    def _migrated(
        self, locations: Locations, piece: Piece, location: Location | None, error: errors.FileMigrate, tries: _Tries
    ) -> None:
        self._metrics.errors.labels("migrate").inc()
        tries.migrations += 1
        if location is None or tries.migrations > MIGRATIONS or not isinstance(error.value, int):
            raise SourceUnreachable(f"Telegram keeps moving the file: {error}") from error
        locations.moved(piece.part, location, error.value)

    def _outdated(
        self, locations: Locations, piece: Piece, location: Location | None, error: errors.RPCError, tries: _Tries
    ) -> None:
        self._metrics.errors.labels("reference").inc()
        tries.refreshes += 1
        if location is None or tries.refreshes > REFERENCE_REFRESHES:
            raise SourceUnreachable(f"a fresh reference was refused as well: {error}") from error
        locations.forget(piece.part, location)

    async def _pause(self, error: Exception, tries: _Tries, elsewhere: bool) -> None:
        """Wait a moment before the next attempt; raises CannotServe when there were enough.

        Trouble with a data centre other than the account's own is that of some files, not of the whole worker.
        """
        kind = type(error).__name__ if isinstance(error, NoAnswer | ShortAnswer) else "server"
        self._metrics.errors.labels(kind).inc()
        tries.failures += 1
        if tries.failures >= ATTEMPTS or (elsewhere and isinstance(error, NoSession)):
            failure: type[CannotServe] = TelegramUnavailable
            if elsewhere or isinstance(error, ShortAnswer):
                failure = SourceUnreachable
            raise failure(f"{tries.failures} attempts failed, the last with: {error}", 5) from error
        await asyncio.sleep(RETRY_PAUSE_SECONDS * 2 ** (tries.failures - 1))
