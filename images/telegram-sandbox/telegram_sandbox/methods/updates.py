"""updates.*: where the event logs stand, and what was missed (https://core.telegram.org/api/updates)."""

import time

from pyrogram.raw import base, functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import channel_of
from telegram_sandbox.state.mailbox import Event, channel_box
from telegram_sandbox.updates import messages_of, update_of

MAX_EVENTS = 100
MAX_CHANNEL_GAP = 10_000


def _subscribe(call: Call) -> None:
    """The session that asks where it stands is the one that updates are pushed to."""
    if not call.without_updates:
        call.session.wants_updates = True


def _state(call: Call, pts: int) -> types.updates.State:
    return types.updates.State(pts=pts, qts=0, date=int(time.time()), seq=0, unread_count=0)


@handles(functions.updates.GetState)
async def get_state(call: Call, _request: functions.updates.GetState) -> types.updates.State:
    """Subscribe and tell the current pts."""
    account_id = call.account.id
    _subscribe(call)
    return _state(call, call.store.mailbox.pts(account_id))


@handles(functions.updates.GetDifference)
async def get_difference(call: Call, request: functions.updates.GetDifference) -> base.updates.Difference:
    """Private events after a pts; channels that moved since ``date`` are named, to be asked one by one."""
    box = call.account.id
    _subscribe(call)
    current = call.store.mailbox.pts(box)
    if not 0 < request.pts <= current:
        raise RpcError("PERSISTENT_TIMESTAMP_INVALID")
    events = call.store.mailbox.events(box, request.pts, MAX_EVENTS + 1)
    moved: list[base.Update] = [
        types.UpdateChannelTooLong(channel_id=channel.id, pts=channel.pts)
        for channel in call.store.channels.of_account(box)
        if call.store.mailbox.changed_since(channel_box(channel.id), request.date)
    ]
    if not events and not moved:
        return types.updates.DifferenceEmpty(date=int(time.time()), seq=0)
    is_slice = len(events) > MAX_EVENTS
    events = events[:MAX_EVENTS]
    new, other = _split(call, events)
    stored = messages_of(call.store, events)
    users, chats = call.view.people(stored)
    chats += call.view.chats(update.channel_id for update in moved if isinstance(update, types.UpdateChannelTooLong))
    if is_slice:
        return types.updates.DifferenceSlice(
            new_messages=new,
            new_encrypted_messages=[],
            other_updates=other,
            chats=chats,
            users=users,
            intermediate_state=_state(call, events[-1].pts),
        )
    return types.updates.Difference(
        new_messages=new,
        new_encrypted_messages=[],
        other_updates=[*other, *moved],
        chats=chats,
        users=users,
        state=_state(call, current),
    )


@handles(functions.updates.GetChannelDifference)
async def get_channel_difference(
    call: Call, request: functions.updates.GetChannelDifference
) -> base.updates.ChannelDifference:
    """A channel's events after a pts, or its newest messages when too much was missed."""
    channel = channel_of(call, request.channel)
    box = channel_box(channel.id)
    if not request.pts > 0:
        raise RpcError("PERSISTENT_TIMESTAMP_EMPTY")
    if request.pts > channel.pts:
        raise RpcError("PERSISTENT_TIMESTAMP_INVALID")
    if request.pts == channel.pts:
        return types.updates.ChannelDifferenceEmpty(pts=channel.pts, final=True)
    if channel.pts - request.pts > MAX_CHANNEL_GAP:
        return _too_long(call, channel.id, channel.pts)
    limit = min(max(request.limit, 1), MAX_EVENTS)
    events = call.store.mailbox.events(box, request.pts, limit)
    new, other = _split(call, events)
    users, chats = call.view.people(messages_of(call.store, events))
    return types.updates.ChannelDifference(
        final=(events[-1].pts == channel.pts) or None,
        pts=events[-1].pts,
        new_messages=new,
        other_updates=other,
        chats=chats or [call.view.channel(channel)],
        users=users,
    )


def _split(call: Call, events: list[Event]) -> tuple[list[base.Message], list[base.Update]]:
    new: list[base.Message] = []
    other: list[base.Update] = []
    for event in events:
        update = update_of(call.view, event)
        if isinstance(update, types.UpdateNewMessage | types.UpdateNewChannelMessage):
            new.append(update.message)
        elif update is not None:
            other.append(update)
    return new, other


def _too_long(call: Call, channel_id: int, pts: int) -> types.updates.ChannelDifferenceTooLong:
    newest = call.store.mailbox.history(channel_box(channel_id), 0, below=1 << 31, above=0, limit=MAX_EVENTS)
    users, chats = call.view.people(newest)
    return types.updates.ChannelDifferenceTooLong(
        final=True,
        dialog=types.Dialog(
            peer=types.PeerChannel(channel_id=channel_id),
            top_message=newest[0].id if newest else 0,
            read_inbox_max_id=0,
            read_outbox_max_id=0,
            unread_count=0,
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
            pts=pts,
        ),
        messages=[call.view.message(message) for message in newest],
        chats=chats or call.view.chats([channel_id]),
        users=users,
    )
