"""Signs the account in, keeps it signed in, and tells death from trouble."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

import tgcrypto  # noqa: F401 - pyrogram falls back to a cipher 300 times slower with no more than a warning
from pyrogram import Client, errors, raw
from pyrogram.session import Session

from streamvault_common.models import AuthVerdict
from streamvault_telegram.connection import trust_public_key
from streamvault_worker.settings import WorkerSettings
from streamvault_worker.waiting import first_of

from .account import AccountState, account_hash
from .calls import FLOODS, NoAnswer
from .connection import Wire
from .fastpath.cipher import choose_cipher
from .fastpath.transport import AbridgedTransport
from .session_string import SessionString
from .sessions import STUCK_SECONDS, Sessions
from .verdicts import AUTH_ERRORS, AccountDead, verdict_of

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
KEY_UNKNOWN_TIMES = 2
"""Telegram may deny a key once in passing; twice on fresh connections is a verdict."""
STOP_SECONDS = 5.0
PINGS_PER_WATCH_SECONDS = 1.0
STILL_WELCOME_SECONDS = 20.0
"""How often an idle account asks whether its session was revoked: a connection that is open already stays open then."""


class TelegramUnreachable(Exception):  # noqa: N818
    """No sign-in within the time allowed, and no word that the key is bad: try again later."""


class KeyUnknown(Exception):  # noqa: N818
    """The home data centre said that it does not know the session's key."""


class TelegramClient:
    """One account: `idle()` signs in and stays until stopped or until the session is dead."""

    def __init__(
        self,
        settings: WorkerSettings,
        session: SessionString,
        state: AccountState,
        signed_in: Callable[[Sessions, str, bool], None],
    ) -> None:
        """`signed_in` gets the sessions of each sign-in, the account's hash, and whether it is a bot."""
        self._settings = settings
        self._session = session
        self._state = state
        self._start_timeout_seconds = settings.start_timeout_seconds
        self._decrypt = choose_cipher(settings.cipher_library)
        self._signed_in = signed_in
        if settings.rsa_public_key_pem:
            trust_public_key(settings.rsa_public_key_pem)
        Session.START_TIMEOUT = int(settings.start_timeout_seconds)

    async def idle(self, stop: asyncio.Event) -> None:
        """Keep the account signed in until `stop` is set; returns early, for good, when the session is dead."""
        pause, unknown = FIRST_PAUSE_SECONDS, 0
        while await self._allowed(stop):
            wire = Wire(self._settings.dc_addresses, self._session.dc_id, self._state.wait_ordered)
            try:
                client = await self._start(wire)
            except KeyUnknown:
                unknown += 1
                if unknown >= KEY_UNKNOWN_TIMES:
                    self._state.pronounce_dead(
                        AccountDead(AuthVerdict.AUTH_KEY_UNREGISTERED, "Telegram does not know this session's key")
                    )
            except AccountDead as death:
                self._state.pronounce_dead(death)
            except errors.FloodWait as flood:
                self._state.flooded(flood)
                pause = max(pause, float(flood.seconds or 0))
            except (TelegramUnreachable, errors.RPCError, OSError) as error:
                log.warning("sign-in failed, trying again", extra={"error": repr(error), "pause_seconds": pause})
            else:
                pause, unknown = FIRST_PAUSE_SECONDS, 0
                await self._serve(client, wire, stop)
            await first_of(pause, stop, self._state.died)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _allowed(self, stop: asyncio.Event) -> bool:
        """Wait until this process holds the session and no ordered wait is left; False when it is time to end."""
        while not stop.is_set() and not self._state.died.is_set():
            wait = self._state.waiting_seconds
            if not self._state.leased.is_set():
                await first_of(LONGEST_PAUSE_SECONDS, self._state.leased, stop, self._state.died)
            elif wait > 0:
                await first_of(min(wait, LONGEST_PAUSE_SECONDS), stop, self._state.died)
            else:
                return True
        return False

    async def _start(self, wire: Wire) -> Client:
        client = self._new_client(wire)
        starting = asyncio.create_task(client.start())
        refused = asyncio.create_task(wire.key_unknown.wait())
        try:
            await asyncio.wait(
                {starting, refused}, timeout=self._start_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if starting.done() and not starting.exception():
                return client
            if wire.key_unknown.is_set():
                raise KeyUnknown
            if not starting.done():
                raise TelegramUnreachable(f"no sign-in within {self._start_timeout_seconds:g} s")
            raise _final(starting.exception())
        except BaseException:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await _abandon(client, wire)
            raise
        finally:
            refused.cancel()

    def _new_client(self, wire: Wire) -> Client:
        return Client(
            "worker",
            api_id=self._settings.tg_api_id,
            api_hash=self._settings.tg_api_hash.get_secret_value(),
            session_string=self._session.text,
            in_memory=True,
            no_updates=True,
            fetch_replies=False,
            fetch_topics=False,
            fetch_stories=False,
            fetch_stickers=False,
            sleep_threshold=0,
            workers=1,
            connection_factory=wire.connection_class,
            protocol_factory=AbridgedTransport,  # type: ignore[arg-type] # it takes the place, not the name
            loop=asyncio.get_running_loop(),
        )

    async def _serve(self, client: Client, wire: Wire, stop: asyncio.Event) -> None:
        """Hold the client until it should be replaced, then stop it."""
        assert client.session is not None
        sessions = Sessions(
            client,
            client.session,
            self._session.dc_id,
            self._settings.media_sessions,
            self._decrypt,
            self._state.flooded,
        )
        try:
            await sessions.open_first(self._session.dc_id, self._start_timeout_seconds)
            self._signed_in(sessions, account_hash(self._session.user_id), self._session.is_bot)
            self._state.signed_in(account_hash(self._session.user_id))
            log.info("signed in", extra={"home_dc": self._session.dc_id, "is_bot": self._session.is_bot})
            await self._watch(client, sessions, wire, stop)
        except (NoAnswer, OSError, errors.RPCError) as error:
            if isinstance(error, AUTH_ERRORS):
                self._state.judge(error)
            if isinstance(error, FLOODS):
                self._state.flooded(error)
            log.warning("the account's connection failed", extra={"error": repr(error)})
        finally:
            self._state.disconnected()
            with suppress(Exception):
                await asyncio.wait_for(sessions.close(), STOP_SECONDS)
            await _abandon(client, wire)

    async def _watch(self, client: Client, sessions: Sessions, wire: Wire, stop: asyncio.Event) -> None:
        """Return when the account must sign out: its key was denied, another pod has it, or pyrogram is stuck."""
        disconnected_seconds, asked_at = 0.0, time.monotonic()
        while disconnected_seconds < STUCK_SECONDS:
            if await first_of(PINGS_PER_WATCH_SECONDS, stop, self._state.died, wire.key_unknown):
                return
            if not self._state.leased.is_set():
                return
            if time.monotonic() - asked_at >= STILL_WELCOME_SECONDS and not self._state.cooling:
                await self._ask_whether_welcome(sessions)
                asked_at = time.monotonic()
            started = client.session is not None and client.session.is_started.is_set()
            patient = started or self._state.waiting_seconds > 0
            disconnected_seconds = 0.0 if patient else disconnected_seconds + PINGS_PER_WATCH_SECONDS
        log.warning("disconnected for too long, signing in anew")

    async def _ask_whether_welcome(self, sessions: Sessions) -> None:
        """The cheapest request that needs the authorization; raises the RPCError that says it is gone."""
        request = raw.functions.users.GetUsers(id=[raw.types.InputUserSelf()])
        try:
            await sessions.main.call(request, self._settings.answer_timeout_seconds)
        except FLOODS as flood:
            self._state.flooded(flood)
        except NoAnswer as silence:
            log.debug("no answer", extra={"error": str(silence)})


def _final(error: BaseException | None) -> BaseException:
    verdict = verdict_of(error) if isinstance(error, Exception) else None
    if verdict is not None:
        return AccountDead(verdict, str(error))
    return error or TelegramUnreachable("sign-in ended without a result")


async def _abandon(client: Client, wire: Wire) -> None:
    """Stop a client in whatever state it is: pyrogram's own stop() fails on a half-started one."""
    for stopping in (client.stop, client.disconnect):
        try:
            await asyncio.wait_for(stopping(), STOP_SECONDS)
            break
        except Exception as error:  # noqa: BLE001 - nothing that an abandoned client does may stop the worker
            log.debug("abandoning a client", extra={"error": repr(error)})
    if client.session is not None:
        with suppress(Exception):
            await asyncio.wait_for(client.session.stop(), STOP_SECONDS)  # type: ignore[no-untyped-call]
    await wire.abandon()
