"""messages.sendMessage, forwardMessages and the command lists of bots."""

from typing import Any

from pyrogram.raw import functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import chat_of
from telegram_sandbox.posting import Chat, post
from telegram_sandbox.state.mailbox import Draft, Event, StoredMessage
from telegram_sandbox.texts import check_text, with_found_entities
from telegram_sandbox.updates import bundle
from telegram_sandbox.wire.tl import boxed_vector, parse_vector


@handles(functions.messages.SendMessage)
async def send_message(call: Call, request: functions.messages.SendMessage) -> types.Updates:
    """Write text."""
    chat = chat_of(call, request.peer)
    check_text(request.message)
    draft = Draft(
        text=request.message,
        entities=boxed_vector(with_found_entities(request.message, request.entities)),
        markup=markup_of(call, request.reply_markup),
        reply_to=reply_of(call, chat, request.reply_to),
    )
    return send_drafts(call, chat, [(request.random_id, draft)])


def send_drafts(call: Call, chat: Chat, drafts: list[tuple[int, Draft]]) -> types.Updates:
    """Write messages under their random ids. Raises RpcError RANDOM_ID_DUPLICATE and what ``post`` raises."""
    me = call.account
    if any(call.store.mailbox.was_sent(me.id, random_id) for random_id, _ in drafts):
        raise RpcError("RANDOM_ID_DUPLICATE")
    ids = []
    events: list[Event] = []
    for random_id, draft in drafts:
        message, event = post(call.backend, me, chat, draft, but=call.session)
        call.store.mailbox.remember_sent(me.id, random_id, message)
        ids.append(types.UpdateMessageID(id=message.id, random_id=random_id))
        events.append(event)
    return bundle(call.view, events, before=ids)


def reply_of(call: Call, chat: Chat, reply: Any) -> int | None:
    """The message that a new one answers; one that does not exist is ignored, as on Telegram."""
    if not isinstance(reply, types.InputReplyToMessage):
        return None
    return reply.reply_to_msg_id if call.store.mailbox.message(chat.box, reply.reply_to_msg_id) else None


def markup_of(call: Call, markup: Any) -> bytes | None:
    """A keyboard for storage; only bots have them. Raises RpcError BUTTON_DATA_INVALID."""
    if markup is None or not call.account.is_bot:
        return None
    if isinstance(markup, types.ReplyInlineMarkup):
        for row in markup.rows:
            for button in row.buttons:
                if len(getattr(button.type, "data", b"") or b"") > 64:
                    raise RpcError("BUTTON_DATA_INVALID")
        if not any(row.buttons for row in markup.rows):
            return None
    stored: bytes = markup.write()
    return stored


@handles(functions.messages.ForwardMessages)
async def forward_messages(call: Call, request: functions.messages.ForwardMessages) -> types.Updates:
    """Copy messages to another chat, with or without naming their author."""
    source, target = chat_of(call, request.from_peer), chat_of(call, request.to_peer)
    if not request.id or len(request.id) != len(request.random_id):
        raise RpcError("RANDOM_ID_INVALID")
    messages = call.store.mailbox.messages(source.box, request.id)
    if len(messages) != len(request.id):
        raise RpcError("MESSAGE_ID_INVALID")
    drafts = []
    for random_id, message in zip(request.random_id, messages, strict=True):
        keeps_text = not (request.drop_media_captions and message.document_id)
        draft = Draft(
            text=message.text if keeps_text else "",
            entities=message.entities if keeps_text else None,
            document_id=message.document_id,
            forwarded_from=None if request.drop_author else _origin(source, message),
        )
        drafts.append((random_id, draft))
    return send_drafts(call, target, drafts)


def _origin(source: Chat, message: StoredMessage) -> bytes:
    if message.forwarded_from is not None:
        return message.forwarded_from
    if source.channel is not None and not source.channel.megagroup:
        peer = types.PeerChannel(channel_id=source.channel.id)
        return types.MessageFwdHeader(date=message.date, from_id=peer, channel_post=message.id).write()
    return types.MessageFwdHeader(date=message.date, from_id=types.PeerUser(user_id=message.sender)).write()


@handles(functions.bots.SetBotCommands, Access.BOTS)
async def set_bot_commands(call: Call, request: functions.bots.SetBotCommands) -> bool:
    """Keep a bot's command list."""
    call.store.database.run(
        "INSERT INTO bot_commands VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET commands = excluded.commands",
        call.account.id,
        request.scope.write().hex(),
        request.lang_code,
        boxed_vector(list(request.commands)),
    )
    return True


@handles(functions.bots.GetBotCommands, Access.BOTS)
async def get_bot_commands(call: Call, request: functions.bots.GetBotCommands) -> list[Any]:
    """A bot's command list."""
    stored = call.store.database.value(
        "SELECT commands FROM bot_commands WHERE bot_id = ? AND scope = ? AND language = ?",
        call.account.id,
        request.scope.write().hex(),
        request.lang_code,
    )
    return parse_vector(stored) or []


@handles(functions.bots.ResetBotCommands, Access.BOTS)
async def reset_bot_commands(call: Call, request: functions.bots.ResetBotCommands) -> bool:
    """Drop a bot's command list."""
    call.store.database.run(
        "DELETE FROM bot_commands WHERE bot_id = ? AND scope = ? AND language = ?",
        call.account.id,
        request.scope.write().hex(),
        request.lang_code,
    )
    return True
