"""Control API: accounts, their sessions and sign-in codes; channels and members."""

import asyncio
from dataclasses import replace

from fastapi import APIRouter, HTTPException

from telegram_sandbox.backend import Backend
from telegram_sandbox.control.models import (
    AccountChange,
    AccountView,
    ChannelView,
    CodeView,
    KeyView,
    MintedSession,
    Revocation,
    SessionOrder,
    Standing,
)
from telegram_sandbox.session_strings import kurigram_string, telethon_string
from telegram_sandbox.state.auth_keys import DUPLICATED, UNREGISTERED, AuthKey
from telegram_sandbox.state.channels import Role, bare_id
from telegram_sandbox.state.world import AccountSpec, ChannelSpec, declare_account, declare_channel, find_account


def accounts_router(backend: Backend) -> APIRouter:
    """/control/accounts."""
    router = APIRouter(prefix="/control", tags=["accounts"])
    store = backend.store

    @router.get("/accounts")
    async def list_accounts() -> list[AccountView]:
        return [AccountView.of(account) for account in store.accounts.all()]

    @router.post("/accounts", status_code=201)
    async def declare(spec: AccountSpec) -> AccountView:
        return AccountView.of(declare_account(store.accounts, spec))

    @router.get("/accounts/{who}")
    async def read_account(who: str) -> AccountView:
        return AccountView.of(find_account(store.accounts, who))

    @router.patch("/accounts/{who}")
    async def change_account(who: str, change: AccountChange) -> AccountView:
        account = find_account(store.accounts, who)
        values = change.model_dump(exclude_none=True)
        if values.get("password") == "":
            values["password"] = None
        store.accounts.put(replace(account, **values))
        return AccountView.of(store.accounts.require(account.id))

    return router


def sessions_router(backend: Backend) -> APIRouter:
    """/control/accounts/{who}/sessions and /control/codes."""
    router = APIRouter(prefix="/control", tags=["sessions"])
    store = backend.store

    @router.post("/accounts/{who}/sessions", status_code=201)
    async def mint(who: str, order: SessionOrder) -> MintedSession:
        account = find_account(store.accounts, who)
        dc_id = order.dc_id or account.home_dc
        key = store.auth_keys.mint(account.id, dc_id, order.label)
        host, port = backend.address(dc_id)
        return MintedSession(
            account=account.id,
            dc_id=dc_id,
            key_id=key.id.hex(),
            kurigram=kurigram_string(key, account, order.api_id),
            telethon=await asyncio.to_thread(telethon_string, key, host, port),
        )

    @router.get("/accounts/{who}/sessions")
    async def list_keys(who: str) -> list[KeyView]:
        account = find_account(store.accounts, who)
        return [_key_view(backend, key) for key in store.auth_keys.of_account(account.id)]

    @router.post("/accounts/{who}/sessions/revoke")
    async def revoke(who: str, order: Revocation) -> list[KeyView]:
        account = find_account(store.accounts, who)
        keys = [key for key in store.auth_keys.of_account(account.id) if order.key_id in (None, key.id.hex())]
        for key in keys:
            _revoke(backend, key, order.mode)
        return [_key_view(backend, key) for key in keys]

    @router.get("/codes")
    async def list_codes() -> list[CodeView]:
        return [CodeView(phone=one.phone, code=one.code) for one in backend.transient.codes.values()]

    return router


def channels_router(backend: Backend) -> APIRouter:
    """/control/channels."""
    router = APIRouter(prefix="/control/channels", tags=["channels"])
    store = backend.store

    def show(channel_id: int) -> ChannelView:
        channel = store.channels.get(bare_id(channel_id))
        if channel is None:
            raise HTTPException(404, f"no channel {channel_id}")
        return ChannelView.of(channel, store.channels.members(channel.id))

    @router.get("")
    async def list_channels() -> list[ChannelView]:
        return [show(channel.id) for channel in store.channels.all()]

    @router.post("", status_code=201)
    async def declare(spec: ChannelSpec) -> ChannelView:
        return show(declare_channel(store.accounts, store.channels, store.mailbox, spec).id)

    @router.get("/{channel_id}")
    async def read_channel(channel_id: int) -> ChannelView:
        return show(channel_id)

    @router.put("/{channel_id}/members/{who}")
    async def set_member(channel_id: int, who: str, standing: Standing) -> ChannelView:
        show(channel_id)
        account = find_account(store.accounts, who)
        store.channels.put_member(bare_id(channel_id), account.id, standing.role, frozenset(standing.rights))
        return show(channel_id)

    @router.delete("/{channel_id}/members/{who}")
    async def remove_member(channel_id: int, who: str) -> ChannelView:
        show(channel_id)
        store.channels.put_member(bare_id(channel_id), find_account(store.accounts, who).id, Role.LEFT)
        return show(channel_id)

    return router


def _key_view(backend: Backend, key: AuthKey) -> KeyView:
    live = {session.connection for session in backend.sessions.of_key(key) if session.connection}
    return KeyView(
        key_id=key.id.hex(),
        dc_id=key.dc_id,
        label=key.label,
        device=key.device,
        verdict=key.verdict,
        connections=len(live),
    )


def _revoke(backend: Backend, key: AuthKey, mode: str) -> None:
    if mode == "forgotten":
        sessions = backend.sessions.of_key(key)
        backend.store.auth_keys.forget(key)
        for session in sessions:
            if session.connection is not None:
                session.connection.abort()
        return
    key.verdict = DUPLICATED if mode == "duplicated" else UNREGISTERED
    backend.store.auth_keys.save(key)
