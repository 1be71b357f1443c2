"""users.*, account.* and contacts.*: who is who."""

import time
from typing import Any

from pyrogram.raw import base, functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import account_of
from telegram_sandbox.wire.tl import parse_vector


@handles(functions.users.GetUsers)
async def get_users(call: Call, request: functions.users.GetUsers) -> list[base.User]:
    """The accounts that exist; others come back empty."""
    return [_user(call, named) for named in request.id]


def _user(call: Call, named: Any) -> base.User:
    try:
        return call.view.user(account_of(call, named))
    except RpcError:
        return types.UserEmpty(id=getattr(named, "user_id", 0))


@handles(functions.users.GetFullUser)
async def get_full_user(call: Call, request: functions.users.GetFullUser) -> types.users.UserFull:
    """A profile."""
    account = account_of(call, request.id)
    full = types.UserFull(
        id=account.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
        bot_info=_bot_info(call, account.id) if account.is_bot else None,
    )
    return types.users.UserFull(full_user=full, chats=[], users=[call.view.user(account)])


def _bot_info(call: Call, bot_id: int) -> types.BotInfo:
    commands = call.store.database.value(
        "SELECT commands FROM bot_commands WHERE bot_id = ? ORDER BY scope, language LIMIT 1", bot_id
    )
    return types.BotInfo(user_id=bot_id, commands=parse_vector(commands))


@handles(functions.contacts.ResolveUsername)
async def resolve_username(call: Call, request: functions.contacts.ResolveUsername) -> types.contacts.ResolvedPeer:
    """A public name to its owner."""
    channel = call.store.channels.by_username(request.username)
    if channel is not None:
        peer = types.PeerChannel(channel_id=channel.id)
        return types.contacts.ResolvedPeer(peer=peer, chats=[call.view.channel(channel)], users=[])
    account = call.store.accounts.by_username(request.username)
    if account is None:
        raise RpcError("USERNAME_NOT_OCCUPIED")
    return types.contacts.ResolvedPeer(
        peer=types.PeerUser(user_id=account.id), chats=[], users=[call.view.user(account)]
    )


@handles(functions.contacts.GetContacts, Access.USERS)
async def get_contacts(_call: Call, _request: functions.contacts.GetContacts) -> types.contacts.Contacts:
    """Nobody keeps contacts here."""
    return types.contacts.Contacts(contacts=[], saved_count=0, users=[])


@handles(functions.account.UpdateStatus, Access.USERS)
async def update_status(_call: Call, _request: functions.account.UpdateStatus) -> bool:
    """Accepted and not kept."""
    return True


@handles(functions.account.GetAuthorizations, Access.USERS)
async def get_authorizations(call: Call, _request: functions.account.GetAuthorizations) -> types.account.Authorizations:
    """The keys that are logged in to this account."""
    now = int(time.time())
    return types.account.Authorizations(
        authorization_ttl_days=180,
        authorizations=[
            types.Authorization(
                hash=0 if key is call.key else int.from_bytes(key.id, "little", signed=True),
                current=(key is call.key) or None,
                device_model=key.device or "minted",
                platform="",
                system_version="",
                api_id=1,
                app_name=key.label or "",
                app_version="",
                date_created=key.created,
                date_active=now,
                ip=key.last_remote or "",
                country="",
                region="",
            )
            for key in call.store.auth_keys.of_account(call.account.id)
            if key.verdict is None
        ],
    )
