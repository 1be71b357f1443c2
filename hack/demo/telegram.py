"""Stores the sample files in a Telegram channel through the protocol, as any uploader would.

A stored piece is found again by its caption (`sha256:<hex>`), so that an interrupted run goes on where it stopped.
"""

import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pyrogram import Client
from pyrogram.types import Message

from streamvault_common.settings import TelegramSettings
from streamvault_telegram.connection import connection_factory, trust_public_key


class UploadFailed(RuntimeError):  # noqa: N818
    """The channel did not store what was sent; the message names it."""


@dataclass(frozen=True)
class StoredPart:
    """One message that holds a piece of a file."""

    channel_id: int
    message_id: int
    size_bytes: int


class Uploader:
    """Uploads pieces to one channel, each content once."""

    def __init__(self, client: Client, channel_id: int) -> None:
        self._client = client
        self._channel_id = channel_id
        self._known: dict[str, StoredPart] = {}

    async def load(self) -> None:
        """Read what the channel already holds."""
        async for message in self._client.get_chat_history(self._channel_id):
            if message.document and message.caption:
                self._known[str(message.caption)] = self._part(message)

    async def store(self, content: bytes, name: str) -> StoredPart:
        """Return the message that holds `content`, uploaded now when the channel does not have it."""
        caption = f"sha256:{hashlib.sha256(content).hexdigest()}"
        known = self._known.get(caption)
        if known is None:
            file = io.BytesIO(content)
            file.name = name
            message = await self._client.send_document(
                self._channel_id, file, caption=caption, file_name=name, force_document=True
            )
            known = self._known[caption] = self._part(message)
        return known

    async def store_in_parts(self, content: bytes, name: str, parts: int) -> list[StoredPart]:
        """Store `content` as `parts` messages of nearly equal, deliberately odd sizes."""
        if parts == 1:
            return [await self.store(content, name)]
        size = len(content) // parts + 12_345
        pieces = [content[start : start + size] for start in range(0, len(content), size)]
        return [await self.store(piece, f"{name}.{number:03}") for number, piece in enumerate(pieces, start=1)]

    def _part(self, message: Message | None) -> StoredPart:
        if message is None or message.document is None or message.document.file_size is None:
            raise UploadFailed(f"channel {self._channel_id} took an upload but returned no document")
        return StoredPart(self._channel_id, message.id, message.document.file_size)


@asynccontextmanager
async def uploader(settings: TelegramSettings, session: str, channel_id: int) -> AsyncIterator[Uploader]:
    """An Uploader over the account of the session string `session`; disconnected on leaving."""
    if settings.rsa_public_key_pem:
        trust_public_key(settings.rsa_public_key_pem)
    client = Client(
        "uploader",
        api_id=settings.tg_api_id,
        api_hash=settings.tg_api_hash.get_secret_value(),
        session_string=session,
        in_memory=True,
        no_updates=True,
        connection_factory=connection_factory(settings.dc_addresses),
    )
    async with client:
        async for _ in client.get_dialogs():
            pass  # makes the channel's access hash known to this client
        found = Uploader(client, channel_id)
        await found.load()
        yield found
