"""messages.editMessage and deleting: changes to messages that exist."""

from dataclasses import replace

from pyrogram.raw import functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.media import document_of
from telegram_sandbox.methods.naming import channel_of, chat_of
from telegram_sandbox.methods.writing import markup_of
from telegram_sandbox.posting import delete_in_channel, delete_privately, edit
from telegram_sandbox.state.mailbox import Draft, StoredMessage
from telegram_sandbox.texts import check_caption, check_text, with_found_entities
from telegram_sandbox.updates import bundle
from telegram_sandbox.wire.tl import boxed_vector


@handles(functions.messages.EditMessage)
async def edit_message(call: Call, request: functions.messages.EditMessage) -> types.Updates:
    """Change text, caption or keyboard; absent fields stay, except the keyboard, which goes."""
    chat = chat_of(call, request.peer)
    message = call.store.mailbox.message(chat.box, request.id)
    if message is None:
        raise RpcError("MESSAGE_ID_INVALID")
    text, entities = message.text, message.entities
    if request.message is not None:
        text = request.message
        entities = boxed_vector(with_found_entities(text, request.entities))
    document_id = document_of(call, request.media).id if request.media is not None else message.document_id
    if document_id is None:
        check_text(text)
    else:
        check_caption(text, premium=call.account.premium)
    draft = _draft_of(message)
    draft = replace(
        draft, text=text, entities=entities, document_id=document_id, markup=markup_of(call, request.reply_markup)
    )
    return bundle(call.view, [edit(call.backend, call.account, message, draft, but=call.session)])


def _draft_of(message: StoredMessage) -> Draft:
    return Draft(**{name: getattr(message, name) for name in Draft.__dataclass_fields__})


@handles(functions.messages.DeleteMessages)
async def delete_messages(call: Call, request: functions.messages.DeleteMessages) -> types.messages.AffectedMessages:
    """Delete private messages."""
    me = call.account
    event = delete_privately(call.backend, me, list(request.id), revoke=bool(request.revoke), but=call.session)
    pts = call.store.mailbox.pts(me.id)
    return types.messages.AffectedMessages(pts=pts, pts_count=event.pts_count if event else 0)


@handles(functions.channels.DeleteMessages)
async def delete_posts(call: Call, request: functions.channels.DeleteMessages) -> types.messages.AffectedMessages:
    """Delete posts of a channel."""
    channel = channel_of(call, request.channel)
    event = delete_in_channel(call.backend, call.account, channel, list(request.id), but=call.session)
    pts = event.pts if event else channel.pts
    return types.messages.AffectedMessages(pts=pts, pts_count=event.pts_count if event else 0)
