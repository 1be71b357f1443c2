"""Writing, editing, deleting and pressing buttons, with everyone's rights; for the API methods and the control API."""

import asyncio
import secrets
from dataclasses import dataclass, replace

from pyrogram.raw import base, types

from telegram_sandbox.backend import Backend, CallbackAnswer
from telegram_sandbox.errors import RpcError
from telegram_sandbox.sessions import Session
from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.channels import Channel, Right, Role
from telegram_sandbox.state.mailbox import Draft, Event, StoredMessage, channel_box
from telegram_sandbox.views import read_blob

BUTTON_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Chat:
    """A place to read or write, seen by one account: a private chat with ``account``, or ``channel``."""

    box: int
    peer: int
    account: Account | None = None
    channel: Channel | None = None


def private_chat(viewer: Account, other: Account) -> Chat:
    """The viewer's side of a private chat."""
    return Chat(viewer.id, other.id, account=other)


def channel_chat(channel: Channel) -> Chat:
    """A channel."""
    return Chat(channel_box(channel.id), 0, channel=channel)


def post(
    backend: Backend, sender: Account, chat: Chat, draft: Draft, *, but: Session | None = None
) -> tuple[StoredMessage, Event]:
    """Write a message; gives the sender's copy. Raises RpcError when the sender may not write there."""
    mailbox = backend.store.mailbox
    if chat.channel is not None:
        _require_may_write(backend, sender, chat.channel)
        message, event = mailbox.post(chat.channel.id, sender.id, draft)
        backend.hub.publish([event], but=but)
        return message, event
    if chat.account is None:
        raise RpcError("PEER_ID_INVALID")
    if sender.is_bot and (chat.account.is_bot or not mailbox.has_written(chat.account.id, sender.id)):
        raise RpcError("USER_IS_BOT" if chat.account.is_bot else "PEER_ID_INVALID")
    if chat.account.deactivated:
        raise RpcError("INPUT_USER_DEACTIVATED")
    mine, theirs = mailbox.send(sender.id, chat.account.id, draft)
    backend.hub.publish([mine[1], *([theirs[1]] if theirs else [])], but=but)
    return mine


def edit(
    backend: Backend, editor: Account, message: StoredMessage, draft: Draft, *, but: Session | None = None
) -> Event:
    """Change a message, in both boxes of a private chat. Raises RpcError when the editor may not or nothing changes."""
    same = all(getattr(draft, name) == getattr(message, name) for name in ("text", "entities", "markup", "document_id"))
    if same:
        raise RpcError("MESSAGE_NOT_MODIFIED")
    if message.box < 0:
        member = backend.store.channels.member(-message.box, editor.id)
        if message.sender != editor.id and (member is None or not member.may(Right.EDIT)):
            raise RpcError("CHAT_ADMIN_REQUIRED")
    elif not message.out:
        raise RpcError("MESSAGE_AUTHOR_REQUIRED")
    _, event = backend.store.mailbox.edit(message, draft)
    events = [event]
    twin = backend.store.mailbox.message(message.peer, message.twin_id) if message.twin_id else None
    if twin is not None:
        events.append(backend.store.mailbox.edit(twin, replace(draft, reply_to=twin.reply_to))[1])
    backend.hub.publish(events, but=but)
    return event


def delete_in_channel(
    backend: Backend, account: Account, channel: Channel, message_ids: list[int], *, but: Session | None = None
) -> Event | None:
    """Delete posts; others' posts need the right to. Raises RpcError MESSAGE_DELETE_FORBIDDEN."""
    box = channel_box(channel.id)
    member = backend.store.channels.member(channel.id, account.id)
    may_delete = member is not None and member.may(Right.DELETE)
    own_only = all(message.sender == account.id for message in backend.store.mailbox.messages(box, message_ids))
    if not may_delete and not (own_only and member is not None and member.inside):
        raise RpcError("MESSAGE_DELETE_FORBIDDEN")
    event = backend.store.mailbox.delete(box, message_ids)
    if event is not None:
        backend.hub.publish([event], but=but)
    return event


def delete_privately(
    backend: Backend, account: Account, message_ids: list[int], *, revoke: bool, but: Session | None = None
) -> Event | None:
    """Delete private messages, for the other side too with ``revoke``."""
    mailbox = backend.store.mailbox
    stored = mailbox.messages(account.id, message_ids)
    events = [event for event in [mailbox.delete(account.id, message_ids)] if event]
    for message in stored if revoke else []:
        gone = mailbox.delete(message.peer, [message.twin_id]) if message.twin_id else None
        if gone is not None:
            events.append(gone)
    backend.hub.publish(events, but=but)
    return events[0] if events and events[0].box == account.id else None


async def press(backend: Backend, account: Account, chat: Chat, message_id: int, data: bytes) -> CallbackAnswer:
    """Press an inline button and wait for the bot's answer.

    Raises RpcError DATA_INVALID, MESSAGE_ID_INVALID, BOT_RESPONSE_TIMEOUT.
    """
    message = backend.store.mailbox.message(chat.box, message_id)
    if message is None:
        raise RpcError("MESSAGE_ID_INVALID")
    bot = backend.store.accounts.get(message.sender)
    if bot is None or not bot.is_bot or data not in callback_data(message):
        raise RpcError("DATA_INVALID")
    query_id = secrets.randbits(62)
    answer: asyncio.Future[CallbackAnswer] = asyncio.get_running_loop().create_future()
    backend.transient.callbacks[query_id] = (bot.id, answer)
    try:
        update, chats = _query(account, chat, message, query_id, data)
        backend.hub.push(bot.id, update, users=[account.id, bot.id], chats=chats)
        return await asyncio.wait_for(answer, BUTTON_TIMEOUT_SECONDS)
    except TimeoutError as silent:
        raise RpcError("BOT_RESPONSE_TIMEOUT") from silent
    finally:
        del backend.transient.callbacks[query_id]


def _query(
    account: Account, chat: Chat, message: StoredMessage, query_id: int, data: bytes
) -> tuple[types.UpdateBotCallbackQuery, list[int]]:
    peer: base.Peer
    if chat.channel is not None:
        peer, shown_id = types.PeerChannel(channel_id=chat.channel.id), message.id
    else:
        # The bot knows its own copy of the message.
        peer, shown_id = types.PeerUser(user_id=account.id), message.twin_id or message.id
    update = types.UpdateBotCallbackQuery(
        query_id=query_id,
        user_id=account.id,
        peer=peer,
        msg_id=shown_id,
        chat_instance=chat.box ^ message.sender,
        data=data,
    )
    return update, [chat.channel.id] if chat.channel else []


def callback_data(message: StoredMessage) -> list[bytes]:
    """The data of a message's inline callback buttons, in reading order."""
    return [button.data for row in buttons(message) for button in row if button.data is not None]


@dataclass(frozen=True)
class Button:
    """An inline button: with ``data`` it asks the bot, with ``url`` it opens a page."""

    text: str
    data: bytes | None = None
    url: str | None = None


def buttons(message: StoredMessage) -> list[list[Button]]:
    """A message's inline keyboard."""
    markup = read_blob(message.markup)
    if not isinstance(markup, types.ReplyInlineMarkup):
        return []
    return [
        [Button(one.text, getattr(one.type, "data", None), getattr(one.type, "url", None)) for one in row.buttons]
        for row in markup.rows
    ]


def _require_may_write(backend: Backend, sender: Account, channel: Channel) -> None:
    member = backend.store.channels.member(channel.id, sender.id)
    if member is None or not member.inside:
        raise RpcError(
            "CHANNEL_PRIVATE" if member is not None and member.role is Role.BANNED else "CHAT_WRITE_FORBIDDEN"
        )
    if not channel.megagroup and not member.may(Right.POST):
        raise RpcError("CHAT_ADMIN_REQUIRED")
