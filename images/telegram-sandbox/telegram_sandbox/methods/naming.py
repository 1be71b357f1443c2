"""From what a caller names (InputPeer, InputChannel, InputUser) to what it means, access hashes checked."""

from typing import Any

from pyrogram.raw import types

from telegram_sandbox.call import Call
from telegram_sandbox.errors import RpcError
from telegram_sandbox.posting import Chat, channel_chat, private_chat
from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.channels import Channel


def account_of(call: Call, named: Any) -> Account:
    """The account behind an InputUser or InputPeer. Raises RpcError USER_ID_INVALID, PEER_ID_INVALID."""
    me = call.account
    match named:
        case types.InputUserSelf() | types.InputPeerSelf():
            return me
        case (
            types.InputUser(user_id=user_id, access_hash=access_hash)
            | types.InputPeerUser(user_id=user_id, access_hash=access_hash)
        ):
            return _by_hash(call, user_id, access_hash)
        case types.InputUserFromMessage() | types.InputPeerUserFromMessage():
            chat = chat_of(call, named.peer)
            message = call.store.mailbox.message(chat.box, named.msg_id)
            if message is not None and message.sender == named.user_id:
                return call.store.accounts.require(named.user_id)
            raise RpcError("USER_ID_INVALID")
    raise RpcError("USER_ID_INVALID" if "User" in type(named).__name__ else "PEER_ID_INVALID")


def _by_hash(call: Call, user_id: int, access_hash: int) -> Account:
    me = call.account
    account = call.store.accounts.get(user_id)
    if account is None:
        raise RpcError("USER_ID_INVALID")
    # A bot may name whoever has written to it without knowing a hash.
    trusted = access_hash == 0 and (user_id == me.id or (me.is_bot and call.store.mailbox.has_written(user_id, me.id)))
    if not trusted and access_hash != call.store.accounts.access_hash(me.id, user_id):
        raise RpcError("PEER_ID_INVALID" if me.is_bot and access_hash == 0 else "USER_ID_INVALID")
    return account


def channel_of(call: Call, named: Any) -> Channel:
    """A channel that the caller may read. Raises RpcError CHANNEL_INVALID, CHANNEL_PRIVATE."""
    channel = known_channel(call, named)
    if not call.store.channels.may_read(channel, call.account.id, is_bot=call.account.is_bot):
        raise RpcError("CHANNEL_PRIVATE")
    return channel


def known_channel(call: Call, named: Any) -> Channel:
    """A channel whose hash the caller has. Raises RpcError CHANNEL_INVALID."""
    me = call.account
    match named:
        case (
            types.InputChannel(channel_id=channel_id, access_hash=access_hash)
            | types.InputPeerChannel(channel_id=channel_id, access_hash=access_hash)
        ):
            channel = call.store.channels.get(channel_id)
            if channel is None:
                raise RpcError("CHANNEL_INVALID")
            member = call.store.channels.member(channel_id, me.id)
            trusted = access_hash == 0 and me.is_bot and member is not None
            if not trusted and access_hash != call.store.channels.access_hash(me.id, channel_id):
                raise RpcError("CHANNEL_INVALID")
            return channel
        case types.InputChannelFromMessage() | types.InputPeerChannelFromMessage():
            found = call.store.channels.get(named.channel_id)
            chat_of(call, named.peer)
            if found is not None:
                return found
    raise RpcError("CHANNEL_INVALID")


def chat_of(call: Call, named: Any) -> Chat:
    """The chat behind an InputPeer. Raises RpcError as ``account_of`` and ``channel_of`` do."""
    if isinstance(named, types.InputPeerChannel | types.InputPeerChannelFromMessage):
        return channel_chat(channel_of(call, named))
    return private_chat(call.account, account_of(call, named))
