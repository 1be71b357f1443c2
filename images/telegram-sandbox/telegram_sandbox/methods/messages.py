"""messages.* and channels.getMessages: reading chats."""

from typing import Any

from pyrogram.raw import base, functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import channel_of, chat_of
from telegram_sandbox.posting import Chat, channel_chat, private_chat
from telegram_sandbox.state.mailbox import StoredMessage, channel_box

MAX_IDS = 200
MAX_PAGE = 100
_TOP = 1 << 31


@handles(functions.channels.GetMessages)
async def get_channel_messages(call: Call, request: functions.channels.GetMessages) -> types.messages.ChannelMessages:
    """Posts by id; those that do not exist come back empty."""
    channel = channel_of(call, request.channel)
    messages, stored = _by_ids(call, channel_box(channel.id), request.id)
    users, _ = call.view.people(stored)
    return types.messages.ChannelMessages(
        pts=channel.pts,
        count=len(messages),
        messages=messages,
        topics=[],
        chats=[call.view.channel(channel)],
        users=users,
    )


@handles(functions.messages.GetMessages)
async def get_messages(call: Call, request: functions.messages.GetMessages) -> types.messages.Messages:
    """Private messages by id."""
    messages, stored = _by_ids(call, call.account.id, request.id)
    users, chats = call.view.people(stored)
    return types.messages.Messages(messages=messages, topics=[], chats=chats, users=users)


def _by_ids(call: Call, box: int, named: list[Any]) -> tuple[list[base.Message], list[StoredMessage]]:
    if len(named) > MAX_IDS:
        raise RpcError("MESSAGE_IDS_EMPTY" if not named else "LIMIT_INVALID")
    messages: list[base.Message] = []
    stored = []
    for one in named:
        message_id = one.id if isinstance(one, types.InputMessageID | types.InputMessageReplyTo) else 0
        found = call.store.mailbox.message(box, message_id)
        if found is not None and isinstance(one, types.InputMessageReplyTo):
            found = call.store.mailbox.message(box, found.reply_to or 0)
        if found is None:
            messages.append(types.MessageEmpty(id=message_id))
        else:
            stored.append(found)
            messages.append(call.view.message(found))
    return messages, stored


@handles(functions.messages.GetHistory, Access.USERS)
async def get_history(call: Call, request: functions.messages.GetHistory) -> base.messages.Messages:
    """A page of a chat, newest first (https://core.telegram.org/api/offsets)."""
    chat = chat_of(call, request.peer)
    page = _page(call, chat, request)
    return _as_answer(call, chat, page, call.store.mailbox.count(chat.box, chat.peer))


@handles(functions.messages.Search, Access.USERS)
async def search(call: Call, request: functions.messages.Search) -> base.messages.Messages:
    """A page of the messages of a chat that contain words or documents."""
    chat = chat_of(call, request.peer)
    everything = call.store.mailbox.history(chat.box, chat.peer, below=_TOP, above=0, limit=1 << 30)
    wants_file = not isinstance(request.filter, types.InputMessagesFilterEmpty)
    hits = [
        message
        for message in everything
        if request.q.lower() in message.text.lower() and (message.document_id is not None or not wants_file)
    ]
    below = request.offset_id or _TOP
    page = [message for message in hits if message.id < below and message.id > request.min_id]
    start = max(request.add_offset, 0)
    return _as_answer(call, chat, page[start : start + min(max(request.limit, 0), MAX_PAGE)], len(hits))


def _page(call: Call, chat: Chat, request: functions.messages.GetHistory) -> list[StoredMessage]:
    """``add_offset`` shifts a window of ``limit`` messages that begins just below offset_id; it may reach above."""
    mailbox = call.store.mailbox
    offset_id = request.offset_id
    if request.offset_date and not offset_id:
        offset_id = mailbox.first_since(chat.box, chat.peer, request.offset_date) or 0
    start = request.add_offset + (mailbox.count_from(chat.box, chat.peer, offset_id) if offset_id else 0)
    end = start + min(max(request.limit, 0), MAX_PAGE)
    start = max(start, 0)
    found = mailbox.history(chat.box, chat.peer, below=_TOP, above=0, limit=max(end - start, 0), skip=start)
    highest = request.max_id or _TOP
    return [message for message in found if request.min_id < message.id < highest]


def _as_answer(call: Call, chat: Chat, page: list[StoredMessage], total: int) -> base.messages.Messages:
    users, chats = call.view.people(page)
    messages: list[base.Message] = [call.view.message(message) for message in page]
    if chat.channel is not None:
        return types.messages.ChannelMessages(
            pts=chat.channel.pts,
            count=total,
            messages=messages,
            topics=[],
            chats=chats or [call.view.channel(chat.channel)],
            users=users,
        )
    if len(page) < total:
        return types.messages.MessagesSlice(count=total, messages=messages, topics=[], chats=chats, users=users)
    return types.messages.Messages(messages=messages, topics=[], chats=chats, users=users)


@handles(functions.messages.GetDialogs, Access.USERS)
async def get_dialogs(call: Call, request: functions.messages.GetDialogs) -> base.messages.Dialogs:
    """The account's chats, the latest first; the answer is one page."""
    tops = [(chat, top) for chat in _chats(call) for top in [_top(call, chat)]]
    tops.sort(key=lambda pair: (pair[1].date if pair[1] else 0, pair[1].id if pair[1] else 0), reverse=True)
    if request.offset_date or request.offset_id:
        tops = [
            (chat, top)
            for chat, top in tops
            if top is not None and top.date <= request.offset_date and top.id != request.offset_id
        ]
    total = len(tops)
    return _dialogs(call, tops[: max(min(request.limit, MAX_PAGE), 1)], total)


@handles(functions.messages.GetPeerDialogs, Access.USERS)
async def get_peer_dialogs(call: Call, request: functions.messages.GetPeerDialogs) -> types.messages.PeerDialogs:
    """Named chats."""
    chats = [chat_of(call, one.peer) for one in request.peers if isinstance(one, types.InputDialogPeer)]
    found = _dialogs(call, [(chat, _top(call, chat)) for chat in chats], len(chats))
    pts = call.store.mailbox.pts(call.account.id)
    return types.messages.PeerDialogs(
        dialogs=found.dialogs,
        messages=found.messages,
        chats=found.chats,
        users=found.users,
        state=types.updates.State(pts=pts, qts=0, date=0, seq=0, unread_count=0),
    )


def _chats(call: Call) -> list[Chat]:
    me = call.account
    chats = [channel_chat(channel) for channel in call.store.channels.of_account(me.id)]
    others = [call.store.accounts.get(peer) for peer in call.store.mailbox.peers(me.id)]
    return chats + [private_chat(me, other) for other in others if other is not None]


def _top(call: Call, chat: Chat) -> StoredMessage | None:
    return next(iter(call.store.mailbox.history(chat.box, chat.peer, below=_TOP, above=0, limit=1)), None)


def _dialogs(
    call: Call, tops: list[tuple[Chat, StoredMessage | None]], total: int
) -> types.messages.Dialogs | types.messages.DialogsSlice:
    dialogs: list[base.Dialog] = [
        types.Dialog(
            peer=types.PeerChannel(channel_id=chat.channel.id) if chat.channel else types.PeerUser(user_id=chat.peer),
            top_message=top.id if top else 0,
            read_inbox_max_id=top.id if top else 0,
            read_outbox_max_id=top.id if top else 0,
            unread_count=0,
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
            pts=chat.channel.pts if chat.channel else None,
        )
        for chat, top in tops
    ]
    stored = [top for _, top in tops if top is not None]
    messages: list[base.Message] = [call.view.message(message) for message in stored]
    users = call.view.users({chat.peer for chat, _ in tops if chat.account} | {call.account.id})
    chats = call.view.chats(chat.channel.id for chat, _ in tops if chat.channel)
    if len(dialogs) < total:
        return types.messages.DialogsSlice(count=total, dialogs=dialogs, messages=messages, chats=chats, users=users)
    return types.messages.Dialogs(dialogs=dialogs, messages=messages, chats=chats, users=users)


@handles(functions.messages.ReadHistory, Access.USERS)
async def read_history(call: Call, request: functions.messages.ReadHistory) -> types.messages.AffectedMessages:
    """Accepted; read marks are not kept."""
    chat_of(call, request.peer)
    return types.messages.AffectedMessages(pts=call.store.mailbox.pts(call.account.id), pts_count=0)


@handles(functions.messages.SetTyping)
async def set_typing(call: Call, request: functions.messages.SetTyping) -> bool:
    """Accepted and not shown."""
    chat_of(call, request.peer)
    return True
