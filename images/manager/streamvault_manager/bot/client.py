"""The bot: it comes when it can, and nothing else of the manager waits for it."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from pyrogram import Client, filters
from pyrogram.errors import FloodPremiumWait, FloodWait, RPCError
from pyrogram.handlers import MessageHandler
from pyrogram.types import BotCommand, BotCommandScopeChat, BotCommandScopeDefault, Message

from streamvault_common.settings import TelegramSettings
from streamvault_manager.metrics import Metrics
from streamvault_manager.waiting import done_before_stop, stopped_within

from .commands import ADMIN_COMMANDS, PUBLIC_COMMANDS, Command, Commands
from .connection import UNREACHABLE, BotConnection, flood_seconds
from .errors import NotPosted

log = logging.getLogger(__name__)

START_SECONDS = 45.0
SEND_SECONDS = 10.0
FAILED_CHECKS = 3
FIRST_RETRY_SECONDS = 2.0
LAST_RETRY_SECONDS = 300.0
REFUSED_RETRY_SECONDS = 60.0

Failed = Callable[[str, BaseException], None]


@dataclass(frozen=True)
class BotIdentity:
    """Which bot to be, who its admins are, and where it posts; `check_seconds` is how often the connection is tried."""

    token: str
    admins: frozenset[int]
    channel_id: int | None
    check_seconds: float = 30.0


class Bot:
    """One bot account; `failed(what, error)` is told of errors in its answers."""

    def __init__(
        self, telegram: TelegramSettings, identity: BotIdentity, commands: Commands, metrics: Metrics, failed: Failed
    ) -> None:
        self._telegram = telegram
        self._identity = identity
        self._commands = commands
        self._metrics = metrics
        self._failed = failed
        self._connection: BotConnection | None = None
        self._sending = asyncio.Lock()
        self._quiet_until = 0.0
        self._have_menu: set[int] = set()
        metrics.bot_online.set_function(lambda: float(self.online))

    @property
    def online(self) -> bool:
        """Whether the bot is connected, as far as it knows."""
        return self._connection is not None and self._connection.up

    async def idle(self, stop: asyncio.Event) -> None:
        """Be the bot until `stop`: connect, watch the connection, and connect anew whenever it is lost for good."""
        retry_seconds = FIRST_RETRY_SECONDS
        while not stop.is_set():
            connection = BotConnection(self._telegram, self._identity.token)
            try:
                wait_seconds = await self._start(connection, stop)
                if wait_seconds is None:
                    await self._serve(connection, stop)
                    retry_seconds = wait_seconds = FIRST_RETRY_SECONDS
                elif wait_seconds == 0:
                    wait_seconds = retry_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
                    retry_seconds = min(retry_seconds * 2, LAST_RETRY_SECONDS)
            finally:
                self._connection = None
                await connection.close()
            await stopped_within(stop, wait_seconds)

    async def post(self, text: str) -> None:
        """Write to the Admin Channel; raises NotPosted."""
        if self._identity.channel_id is None:
            raise NotPosted("ADMIN_CHANNEL_ID is not set", REFUSED_RETRY_SECONDS)
        await self._send(self._identity.channel_id, text)

    async def _start(self, connection: BotConnection, stop: asyncio.Event) -> float | None:
        """None when connected, else the seconds that Telegram orders to wait, 0 when it orders nothing."""
        private = filters.private & filters.incoming & ~filters.bot
        connection.client.add_handler(MessageHandler(self._on_message, private))
        try:
            if not await done_before_stop(stop, asyncio.create_task(connection.client.start()), START_SECONDS):
                return 0.0
        except (FloodWait, FloodPremiumWait) as error:
            wait_seconds = flood_seconds(error)
            log.warning("bot has to wait before it may log in", extra={"seconds": wait_seconds})
            self._metrics.bot_starts.labels("flood").inc()
            return wait_seconds
        except Exception as error:  # noqa: BLE001 - whatever it is, the bot tries again and the API must not suffer
            log.warning("bot not connected: %s: %s", type(error).__name__, error)
            self._metrics.bot_starts.labels("failed").inc()
            return 0.0
        self._metrics.bot_starts.labels("connected").inc()
        return None

    async def _serve(self, connection: BotConnection, stop: asyncio.Event) -> None:
        self._connection = connection
        log.info("bot is online")
        await self._publish_menu(connection.client, PUBLIC_COMMANDS)
        failed_checks = 0
        while failed_checks < FAILED_CHECKS and not await stopped_within(stop, self._identity.check_seconds):
            failed_checks = 0 if await connection.answers() else failed_checks + 1
        if failed_checks:
            log.warning("bot lost its connection and starts anew")

    async def _on_message(self, client: Client, message: Message) -> None:
        if message.from_user is None:
            return
        user_id = message.from_user.id
        try:
            reply = await self._commands.answer(user_id, message.text or "")
        except Exception as error:
            log.exception("bot failed to answer", extra={"user": user_id})
            self._failed("answering a message", error)
            reply = "Something went wrong; it was reported."
        try:
            await self._send(user_id, reply)
        except NotPosted as error:
            log.warning("reply not sent: %s", error, extra={"user": user_id})
        if user_id in self._identity.admins - self._have_menu:
            self._have_menu.add(user_id)
            await self._publish_menu(client, ADMIN_COMMANDS, user_id)

    async def _send(self, chat_id: int, text: str) -> None:
        """Send one message after the other; every wait that Telegram orders holds for all of them."""
        loop = asyncio.get_running_loop()
        async with self._sending:
            if self._connection is None:
                raise NotPosted("the bot is not connected", FIRST_RETRY_SECONDS)
            if self._quiet_until > loop.time():
                raise NotPosted("the bot was told to wait", self._quiet_until - loop.time())
            try:
                await asyncio.wait_for(self._connection.client.send_message(chat_id, text), SEND_SECONDS)
            except (FloodWait, FloodPremiumWait) as error:
                wait_seconds = flood_seconds(error)
                self._quiet_until = loop.time() + wait_seconds
                raise NotPosted(f"told to wait {wait_seconds:.0f} s", wait_seconds) from error
            except (RPCError, KeyError, ValueError) as error:
                raise NotPosted(f"chat {chat_id} refused it: {error}", REFUSED_RETRY_SECONDS) from error
            except UNREACHABLE as error:
                raise NotPosted(f"{type(error).__name__}: {error}", FIRST_RETRY_SECONDS) from error

    async def _publish_menu(self, client: Client, commands: tuple[Command, ...], admin: int | None = None) -> None:
        """Show commands in people's apps: to everybody, or to one admin (whom Telegram must know to have written)."""
        scope = BotCommandScopeDefault() if admin is None else BotCommandScopeChat(admin)  # type: ignore[no-untyped-call]
        menu = [BotCommand(command.name, command.summary) for command in commands]
        try:
            await asyncio.wait_for(client.set_bot_commands(menu, scope=scope), SEND_SECONDS)
        except (RPCError, KeyError, ValueError, *UNREACHABLE) as error:
            log.warning("bot menu not set: %s", error, extra={"admin": admin})
