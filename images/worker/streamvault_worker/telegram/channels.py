"""Access to channels: a user account may only name a channel together with an access hash of its own."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

from pyrogram import raw

from streamvault_worker.errors import SourceUnreachable

from .calls import Caller

log = logging.getLogger(__name__)

DIALOGS_AGAIN_SECONDS = 60.0
"""An unknown channel makes the dialogs be read again at most this often."""
DIALOGS_PAGE = 100
DIALOGS_PAGES = 20


class AccessHashes(Protocol):
    """Remembers access hashes across restarts; they are valid for one account, named by a hash of its user id."""

    async def load(self, account: str) -> dict[int, int]:
        """Access hash by bare channel id; {} when they are another account's, or cannot be read."""

    async def save(self, account: str, hashes: dict[int, int]) -> None:
        """Remember, instead of another account's; failures are not the caller's business."""


def bare_channel_id(channel_id: int) -> int:
    """The id on the wire of a channel given either way, as 2400000123 or as -1002400000123."""
    return -channel_id - 1_000_000_000_000 if channel_id < 0 else channel_id


class Channels:
    """Finds the access hash of a channel: in memory, in Redis, or by asking Telegram."""

    def __init__(
        self, caller: Caller, account: str, is_bot: bool, remembered: AccessHashes, patience_seconds: float
    ) -> None:
        self._caller = caller
        self._account = account
        self._is_bot = is_bot
        self._remembered = remembered
        self._patience_seconds = patience_seconds
        self._hashes: dict[int, int] = {}
        self._loaded = False
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def input_channel(self, channel_id: int) -> raw.types.InputChannel:
        """The channel as requests name it; raises SourceUnreachable when this account does not see it."""
        bare = bare_channel_id(channel_id)
        if self._is_bot:
            return raw.types.InputChannel(channel_id=bare, access_hash=0)
        async with self._lock:
            if bare not in self._hashes and not self._loaded:
                self._hashes = await self._remembered.load(self._account) | self._hashes
                self._loaded = True
            if bare not in self._hashes and self._may_ask():
                await self._read_dialogs()
        if bare not in self._hashes:
            raise SourceUnreachable(f"this account is not in channel {bare}")
        return raw.types.InputChannel(channel_id=bare, access_hash=self._hashes[bare])

    def forget(self, channel_id: int) -> None:
        """Telegram did not accept the access hash: ask for it anew, once, at the next use."""
        self._hashes.pop(bare_channel_id(channel_id), None)
        self._asked_at = None

    def _may_ask(self) -> bool:
        return self._asked_at is None or time.monotonic() - self._asked_at > DIALOGS_AGAIN_SECONDS

    async def _read_dialogs(self) -> None:
        found = dict([known async for known in self._dialog_channels()])
        self._asked_at = time.monotonic()
        log.info("read the dialogs", extra={"channels": len(found)})
        self._hashes |= found
        await self._remembered.save(self._account, found)

    async def _dialog_channels(self) -> AsyncIterator[tuple[int, int]]:
        """Yield (bare id, access hash) of every channel that the account is in."""
        offset: dict[str, Any] = {"offset_date": 0, "offset_id": 0, "offset_peer": raw.types.InputPeerEmpty()}
        for _ in range(DIALOGS_PAGES):
            request = raw.functions.messages.GetDialogs(**offset, limit=DIALOGS_PAGE, hash=0)
            page = await self._caller.call(raw.functions.InvokeWithoutUpdates(query=request), self._patience_seconds)
            for chat in page.chats:
                if isinstance(chat, raw.types.Channel) and chat.access_hash is not None and not chat.min:
                    yield chat.id, chat.access_hash
            if not isinstance(page, raw.types.messages.DialogsSlice) or len(page.dialogs) < DIALOGS_PAGE:
                return
            offset = _next_page(page)


def _next_page(page: Any) -> dict[str, Any]:
    """Offsets behind the last dialog (core.telegram.org/api/offsets)."""
    last = page.dialogs[-1]
    dated = [message for message in page.messages if hasattr(message, "date")]
    dates = {(_peer_id(message.peer_id), message.id): message.date for message in dated}
    hashes = {chat.id: getattr(chat, "access_hash", None) for chat in (*page.chats, *page.users)}
    peer: Any
    match last.peer:
        case raw.types.PeerChannel(channel_id=number):
            peer = raw.types.InputPeerChannel(channel_id=number, access_hash=hashes.get(number) or 0)
        case raw.types.PeerUser(user_id=number):
            peer = raw.types.InputPeerUser(user_id=number, access_hash=hashes.get(number) or 0)
        case _:
            number = last.peer.chat_id
            peer = raw.types.InputPeerChat(chat_id=number)
    date = dates.get((number, last.top_message), 0)
    return {"offset_date": date, "offset_id": last.top_message, "offset_peer": peer}


def _peer_id(peer: Any) -> int:
    for name in ("channel_id", "user_id", "chat_id"):
        if hasattr(peer, name):
            return int(getattr(peer, name))
    return 0
