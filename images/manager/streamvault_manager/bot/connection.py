"""One attempt at being connected: a client, its connections, and an end that leaves nothing behind."""

import asyncio
import logging

from pyrogram import Client
from pyrogram.connection import Connection
from pyrogram.enums import ParseMode
from pyrogram.errors import FloodPremiumWait, FloodWait, RPCError
from pyrogram.handlers import ConnectHandler
from pyrogram.session.session import Session, TransportError
from pyrogram.types import LinkPreviewOptions

from streamvault_common.settings import TelegramSettings
from streamvault_telegram.connection import connection_factory

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10
CLOSE_SECONDS = 10.0
CHECK_SECONDS = 20.0

UNREACHABLE = (OSError, TimeoutError, TransportError, AttributeError)
"""How pyrogram says that there is no connection; AttributeError while it replaces its session."""


def flood_seconds(error: FloodWait | FloodPremiumWait) -> float:
    """How long Telegram orders to wait, and a second more for its clock."""
    return float(str(error.value)) + 1


class BotConnection:
    """One client, used for one attempt: pyrogram (2.2.26) cannot be started again after some of its failures."""

    def __init__(self, telegram: TelegramSettings, token: str) -> None:
        Session.START_TIMEOUT = HANDSHAKE_SECONDS
        self._connections = _TrackedConnections(telegram)
        self.client = Client(
            "manager",
            api_id=telegram.tg_api_id,
            api_hash=telegram.tg_api_hash.get_secret_value(),
            bot_token=token,
            in_memory=True,
            parse_mode=ParseMode.DISABLED,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            sleep_threshold=0,
            workers=4,
            fetch_replies=False,
            fetch_topics=False,
            fetch_stories=False,
            fetch_stickers=False,
            connection_factory=self._connections,  # type: ignore[arg-type]
            loop=asyncio.get_running_loop(),
        )

        self.client.add_handler(ConnectHandler(self._on_connect))

    @property
    def up(self) -> bool:
        """Whether the session is established, as far as the library knows."""
        return self.client.session is not None and self.client.session.is_started.is_set()

    async def answers(self) -> bool:
        """Whether a request comes back; what is asked for are the messages that were missed, and they are handled."""
        try:
            await asyncio.wait_for(self.client.recover_gaps(0), CHECK_SECONDS)
        except (FloodWait, FloodPremiumWait):
            return True
        except (RPCError, *UNREACHABLE) as error:
            log.info("bot's connection does not answer: %s", type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        """End everything that the attempt started, within about CLOSE_SECONDS."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self.client.is_initialized:
                    await self.client.stop()
                elif self.client.is_connected:
                    await self.client.disconnect()
        except (RPCError, *UNREACHABLE) as error:
            log.info("bot's connection closed roughly: %s", type(error).__name__)
        finally:
            await self._connections.close()
            self.client.executor.shutdown(wait=False)

    async def _on_connect(self, client: Client, _: Session) -> None:
        """The library reconnects by itself, but asks nobody what came meanwhile."""
        if client.is_initialized:
            await self.answers()


class _TrackedConnections:
    """Makes a client's connections and remembers them: a start that is given up leaves some open (pyrogram 2.2.26)."""

    def __init__(self, telegram: TelegramSettings) -> None:
        self._factory = connection_factory(telegram.dc_addresses)
        self._made: list[Connection] = []
        self._closed = False

    def __call__(self, *args: object, **options: object) -> Connection:
        if self._closed:
            # The library goes on reconnecting in a task of its own; cancellation ends that without a sound.
            raise asyncio.CancelledError
        connection = self._factory(*args, **options)  # type: ignore[arg-type]
        self._made.append(connection)
        return connection

    async def close(self) -> None:
        self._closed = True
        for connection in self._made:
            if connection.protocol is not None:
                await connection.close()
