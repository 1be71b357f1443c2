"""Message text: its limits and the entities that Telegram itself finds in it."""

import re
from typing import Any

from pyrogram.raw import types

from telegram_sandbox.errors import RpcError

MAX_TEXT = 4096
MAX_CAPTION = {False: 1024, True: 4096}
_FOUND = (
    (re.compile(r"(?<![\w/])/[A-Za-z]\w{0,63}(?:@\w{3,32})?"), types.MessageEntityBotCommand),
    (re.compile(r"(?<!\w)@[A-Za-z]\w{3,31}"), types.MessageEntityMention),
    (re.compile(r"https?://[^\s<>]+"), types.MessageEntityUrl),
)


def units(text: str) -> int:
    """Length in UTF-16 code units, Telegram's measure."""
    return len(text.encode("utf-16-le")) // 2


def check_text(text: str) -> None:
    """Raises RpcError MESSAGE_EMPTY, MESSAGE_TOO_LONG."""
    if not text.strip():
        raise RpcError("MESSAGE_EMPTY")
    if units(text) > MAX_TEXT:
        raise RpcError("MESSAGE_TOO_LONG")


def check_caption(text: str, *, premium: bool) -> None:
    """Raises RpcError MEDIA_CAPTION_TOO_LONG."""
    if units(text) > MAX_CAPTION[premium]:
        raise RpcError("MEDIA_CAPTION_TOO_LONG")


def with_found_entities(text: str, given: list[Any] | None) -> list[Any]:
    """The client's entities, and commands, mentions and links wherever no entity of the client's lies."""
    entities = [_stored_form(entity) for entity in given or []]
    length = units(text)
    for entity in entities:
        if entity.offset < 0 or entity.length <= 0 or entity.offset + entity.length > length:
            raise RpcError("ENTITY_BOUNDS_INVALID")
    for pattern, kind in _FOUND:
        for match in pattern.finditer(text):
            offset, size = units(text[: match.start()]), units(match.group())
            if not any(one.offset < offset + size and offset < one.offset + one.length for one in entities):
                entities.append(kind(offset=offset, length=size))
    return sorted(entities, key=lambda entity: (entity.offset, -entity.length))


def _stored_form(entity: Any) -> Any:
    if isinstance(entity, types.InputMessageEntityMentionName):
        user_id = getattr(entity.user_id, "user_id", 0)
        return types.MessageEntityMentionName(offset=entity.offset, length=entity.length, user_id=user_id)
    return entity
