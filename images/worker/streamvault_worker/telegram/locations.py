"""Where the document of a message lies, as this account may name it; references age and are fetched anew."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pyrogram import errors, raw

from streamvault_common.documents import Part
from streamvault_worker.errors import SourceUnreachable

from .calls import FLOODS, Caller, Flooded
from .channels import Channels

log = logging.getLogger(__name__)

REMEMBERED = 4096

_Key = tuple[int, int]


@dataclass(frozen=True)
class Location:
    """A document as one account sees it; never shared between accounts."""

    dc_id: int
    document_id: int
    access_hash: int = field(repr=False)
    file_reference: bytes = field(repr=False)
    size_bytes: int

    def as_input(self) -> raw.types.InputDocumentFileLocation:
        """The location as upload.getFile wants it."""
        return raw.types.InputDocumentFileLocation(
            id=self.document_id,
            access_hash=self.access_hash,
            file_reference=self.file_reference,
            thumb_size="",
        )


class RememberedLocations(Protocol):
    """Keeps locations across restarts; failures are not the caller's business. `account` is a hash of the user id."""

    async def load(self, account: str, part: Part) -> Location | None:
        """What is remembered of a message for this account."""

    async def save(self, account: str, part: Part, location: Location) -> None:
        """Remember."""

    async def forget(self, part: Part) -> None:
        """Telegram refused it."""


class Locations:
    """Resolves parts to locations, each message once at a time, and remembers the latest few thousand."""

    def __init__(
        self,
        caller: Caller,
        channels: Channels,
        account: str,
        remembered: RememberedLocations,
        patience_seconds: float,
        flooded: Flooded,
    ) -> None:
        """`flooded` is told of the waits that are ordered when whoever asked has left."""
        self._caller = caller
        self._channels = channels
        self._account = account
        self._remembered = remembered
        self._patience_seconds = patience_seconds
        self._flooded = flooded
        self._refused: set[_Key] = set()
        self._known: OrderedDict[_Key, Location] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[Location]] = {}

    async def locate(self, part: Part) -> Location:
        """The part's location; raises SourceUnreachable, NoAnswer or an RPCError."""
        location = await self._locate(part)
        if location.size_bytes != part.size_bytes:
            raise SourceUnreachable(f"{_name(part)} holds {location.size_bytes} bytes, {part.size_bytes} are declared")
        return location

    async def _locate(self, part: Part) -> Location:
        key = (part.channel_id, part.message_id)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._find(key, part))
            task.add_done_callback(lambda done: self._asked(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._answered_late)
            raise

    def forget(self, part: Part, stale: Location) -> None:
        """Fetch the message anew at the next use, unless that was done since `stale` was handed out."""
        key = (part.channel_id, part.message_id)
        if self._known.get(key) == stale:
            del self._known[key]
            self._refused.add(key)

    def moved(self, part: Part, stale: Location, dc_id: int) -> None:
        """Telegram says that the document lies in another data centre."""
        key = (part.channel_id, part.message_id)
        if self._known.get(key) == stale:
            self._known[key] = replace(stale, dc_id=dc_id)

    def _asked(self, key: _Key, done: asyncio.Task[Location]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self._known[key] = done.result()
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _answered_late(self, done: asyncio.Task[Location]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, FLOODS):
            self._flooded(error)

    async def _find(self, key: _Key, part: Part) -> Location:
        """What was remembered, unless it was refused since; else what Telegram says."""
        if key in self._refused:
            self._refused.discard(key)
            await self._remembered.forget(part)
        elif (known := await self._remembered.load(self._account, part)) is not None:
            return known
        location = await self._ask(part)
        await self._remembered.save(self._account, part, location)
        return location

    async def _ask(self, part: Part) -> Location:
        try:
            answer = await self._get_message(part)
        except (errors.ChannelInvalid, errors.PeerIdInvalid):
            # An access hash from an earlier life of the account: learn it anew, once.
            self._channels.forget(part.channel_id)
            try:
                answer = await self._get_message(part)
            except (errors.ChannelInvalid, errors.PeerIdInvalid) as error:
                raise SourceUnreachable(f"channel {part.channel_id}: {error}") from error
        except errors.ChannelPrivate as error:
            self._channels.forget(part.channel_id)
            raise SourceUnreachable(f"channel {part.channel_id}: {error}") from error
        except errors.MessageIdsEmpty as error:
            raise SourceUnreachable(f"message {part.message_id}: {error}") from error
        return _location(part, answer)

    async def _get_message(self, part: Part) -> Any:
        request = raw.functions.channels.GetMessages(
            channel=await self._channels.input_channel(part.channel_id),
            id=[raw.types.InputMessageID(id=part.message_id)],
        )
        answer = await self._caller.call(raw.functions.InvokeWithoutUpdates(query=request), self._patience_seconds)
        return answer.messages[0] if answer.messages else None


def _location(part: Part, message: Any) -> Location:
    media = getattr(message, "media", None)
    document = getattr(media, "document", None)
    if not isinstance(document, raw.types.Document):
        raise SourceUnreachable(f"{_name(part)} is gone or holds no file")
    return Location(document.dc_id, document.id, document.access_hash, document.file_reference, document.size)


def _name(part: Part) -> str:
    return f"message {part.message_id} of channel {part.channel_id}"
