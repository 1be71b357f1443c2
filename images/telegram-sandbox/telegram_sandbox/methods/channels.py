"""channels.*: what a channel is, who is in it, joining and leaving."""

from typing import Any

from pyrogram.raw import base, functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import account_of, channel_of, known_channel
from telegram_sandbox.state.channels import Channel, Member, Role
from telegram_sandbox.state.mailbox import channel_box
from telegram_sandbox.views import admin_rights


@handles(functions.channels.GetChannels)
async def get_channels(call: Call, request: functions.channels.GetChannels) -> types.messages.Chats:
    """The channels, each in the form that the caller may see."""
    return types.messages.Chats(chats=[call.view.channel(known_channel(call, named)) for named in request.id])


@handles(functions.channels.GetFullChannel)
async def get_full_channel(call: Call, request: functions.channels.GetFullChannel) -> types.messages.ChatFull:
    """A channel's description."""
    channel = channel_of(call, request.channel)
    members = call.store.channels.members(channel.id)
    last = call.store.mailbox.history(channel_box(channel.id), 0, below=1 << 31, above=0, limit=1)
    full = types.ChannelFull(
        id=channel.id,
        about=channel.about,
        read_inbox_max_id=last[0].id if last else 0,
        read_outbox_max_id=0,
        unread_count=0,
        chat_photo=types.PhotoEmpty(id=0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=channel.pts,
        can_view_participants=_sees_members(call, channel) or None,
        participants_count=len(members),
        admins_count=sum(member.role in (Role.CREATOR, Role.ADMIN) for member in members),
    )
    return types.messages.ChatFull(full_chat=full, chats=[call.view.channel(channel)], users=[])


@handles(functions.channels.GetParticipant)
async def get_participant(call: Call, request: functions.channels.GetParticipant) -> types.channels.ChannelParticipant:
    """One member."""
    channel = channel_of(call, request.channel)
    account = account_of(call, request.participant)
    if account.id != call.account.id and not _sees_members(call, channel):
        raise RpcError("CHAT_ADMIN_REQUIRED")
    member = call.store.channels.member(channel.id, account.id)
    if member is None or member.role is Role.LEFT:
        raise RpcError("USER_NOT_PARTICIPANT")
    return types.channels.ChannelParticipant(
        participant=_participant(call, member),
        chats=[call.view.channel(channel)],
        users=[call.view.user(account)],
    )


@handles(functions.channels.GetParticipants)
async def get_participants(
    call: Call, request: functions.channels.GetParticipants
) -> types.channels.ChannelParticipants:
    """The member list, for admins of a channel and members of a group."""
    channel = channel_of(call, request.channel)
    admins_only = isinstance(request.filter, types.ChannelParticipantsAdmins)
    if not _sees_members(call, channel):
        raise RpcError("CHAT_ADMIN_REQUIRED")
    members = [
        member
        for member in call.store.channels.members(channel.id)
        if _passes(call, request.filter, member) and (not admins_only or member.role is not Role.MEMBER)
    ]
    page = members[request.offset : request.offset + max(request.limit, 0)]
    return types.channels.ChannelParticipants(
        count=len(members),
        participants=[_participant(call, member) for member in page],
        chats=[],
        users=call.view.users(member.account_id for member in page),
    )


def _passes(call: Call, wanted: Any, member: Member) -> bool:
    account = call.store.accounts.require(member.account_id)
    match wanted:
        case types.ChannelParticipantsBots():
            return account.is_bot
        case types.ChannelParticipantsSearch(q=query):
            return query.lower() in f"{account.first_name} {account.last_name or ''} {account.username or ''}".lower()
        case types.ChannelParticipantsKicked() | types.ChannelParticipantsBanned():
            return False
    return True


@handles(functions.channels.JoinChannel, Access.USERS)
async def join_channel(call: Call, request: functions.channels.JoinChannel) -> types.Updates:
    """Enter a public channel."""
    channel = channel_of(call, request.channel)
    member = call.store.channels.member(channel.id, call.account.id)
    if member is not None and member.inside:
        raise RpcError("USER_ALREADY_PARTICIPANT")
    call.store.channels.put_member(channel.id, call.account.id, Role.MEMBER)
    return _changed(call, channel)


@handles(functions.channels.LeaveChannel)
async def leave_channel(call: Call, request: functions.channels.LeaveChannel) -> types.Updates:
    """Leave a channel."""
    channel = channel_of(call, request.channel)
    member = call.store.channels.member(channel.id, call.account.id)
    if member is None or not member.inside:
        raise RpcError("USER_NOT_PARTICIPANT")
    if member.role is Role.CREATOR:
        raise RpcError("USER_CREATOR")
    call.store.channels.put_member(channel.id, call.account.id, Role.LEFT)
    return _changed(call, channel)


@handles(functions.channels.ReadHistory, Access.USERS)
async def read_history(call: Call, request: functions.channels.ReadHistory) -> bool:
    """Accepted; read marks are not kept."""
    channel_of(call, request.channel)
    return True


def _changed(call: Call, channel: Channel) -> types.Updates:
    return types.Updates(
        updates=[types.UpdateChannel(channel_id=channel.id)],
        users=[],
        chats=[call.view.channel(channel)],
        date=channel.created,
        seq=0,
    )


def _sees_members(call: Call, channel: Channel) -> bool:
    member = call.store.channels.member(channel.id, call.account.id)
    if member is None or not member.inside:
        return False
    return channel.megagroup or member.role in (Role.CREATOR, Role.ADMIN)


def _participant(call: Call, member: Member) -> base.ChannelParticipant:
    rights = admin_rights(member)
    is_self = member.account_id == call.account.id
    match member.role:
        case Role.CREATOR:
            return types.ChannelParticipantCreator(
                user_id=member.account_id, admin_rights=rights or types.ChatAdminRights()
            )
        case Role.ADMIN:
            return types.ChannelParticipantAdmin(
                user_id=member.account_id,
                promoted_by=member.account_id,
                date=member.joined,
                admin_rights=rights or types.ChatAdminRights(),
                # The schema keeps both under one flag.
                is_self=is_self or None,
                inviter_id=member.account_id if is_self else None,
            )
        case Role.BANNED:
            return types.ChannelParticipantBanned(
                peer=types.PeerUser(user_id=member.account_id),
                kicked_by=member.account_id,
                date=member.joined,
                banned_rights=types.ChatBannedRights(until_date=0, view_messages=True),
            )
    if is_self:
        return types.ChannelParticipantSelf(user_id=member.account_id, inviter_id=member.account_id, date=member.joined)
    return types.ChannelParticipant(user_id=member.account_id, date=member.joined)
