"""Ways to log in, with both client libraries, and what happens to sessions that go bad."""

import asyncio
from typing import Any

import pytest
from pyrogram import errors, raw
from pyrogram.connection.transport import (
    TCP,
    TCPAbridged,
    TCPAbridgedO,
    TCPFull,
    TCPIntermediate,
    TCPIntermediateO,
    TCPIntermediatePadded,
)
from sandbox import API_ID, SandboxProcess
from telethon import errors as telethon_errors
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon_client import telethon, telethon_client

BOT_TOKEN = "7000000001:sandbox-bot-token"


def code_for(sandbox: SandboxProcess, phone: str) -> str:
    codes: dict[str, str] = {one["phone"]: one["code"] for one in sandbox.get("/control/codes")}
    return codes[phone.lstrip("+")]


@pytest.mark.parametrize(
    "transport", [TCPAbridged, TCPAbridgedO, TCPFull, TCPIntermediate, TCPIntermediateO, TCPIntermediatePadded]
)
async def test_kurigram_logs_in_over_every_transport(sandbox: SandboxProcess, transport: type[TCP]) -> None:
    async with sandbox.kurigram("ada", transport=transport) as client:
        assert (await client.get_me()).username == "ada"


@pytest.mark.parametrize(
    "connection", [ConnectionTcpFull, ConnectionTcpAbridged, ConnectionTcpIntermediate, ConnectionTcpObfuscated]
)
async def test_telethon_logs_in_over_every_transport(sandbox: SandboxProcess, connection: type) -> None:
    async with telethon(sandbox, "ada", connection=connection) as client:
        assert (await client.get_me()).username == "ada"


async def test_bot_signs_in_by_token(sandbox: SandboxProcess) -> None:
    client = sandbox.client(bot_token=BOT_TOKEN)
    await client.start()
    me = await client.get_me()
    assert (me.is_bot, me.username) == (True, "streamvault_bot")
    await client.stop()


async def test_wrong_bot_token_is_refused(sandbox: SandboxProcess) -> None:
    client = sandbox.client(bot_token="7000000001:wrong")
    with pytest.raises(errors.AccessTokenInvalid):
        await client.start()


async def test_session_string_of_one_library_is_minted_once_per_label(sandbox: SandboxProcess) -> None:
    assert sandbox.mint("worker2", label="pod") == sandbox.mint("worker2", label="pod")
    assert sandbox.mint("worker2") != sandbox.mint("worker2")


async def test_phone_sign_in_with_the_printed_code(sandbox: SandboxProcess) -> None:
    client = sandbox.client()
    await client.connect()
    sent = await client.send_code("+15550000011")
    with pytest.raises(errors.PhoneCodeInvalid):
        await client.sign_in("+15550000011", sent.phone_code_hash, "wrong")
    user = await client.sign_in("+15550000011", sent.phone_code_hash, code_for(sandbox, "+15550000011"))
    assert user.username == "viewer1"
    exported = await client.export_session_string()
    await client.disconnect()
    again = sandbox.client(exported)
    await again.start()
    assert (await again.get_me()).username == "viewer1"
    await again.stop()


async def test_phone_sign_in_leads_to_the_home_data_centre(sandbox: SandboxProcess) -> None:
    client = sandbox.client()
    await client.connect()
    sent = await client.send_code("+15550000103")
    assert await client.storage.dc_id() == 4
    await client.sign_in("+15550000103", sent.phone_code_hash, code_for(sandbox, "+15550000103"))
    assert (await client.get_me()).username == "worker3"
    await client.disconnect()


async def test_account_with_password_needs_it(sandbox: SandboxProcess) -> None:
    sandbox.call("PATCH", "/control/accounts/viewer2", {"password": "correct horse"})
    client = sandbox.client()
    await client.connect()
    sent = await client.send_code("+15550000012")
    code = code_for(sandbox, "+15550000012")
    with pytest.raises(errors.SessionPasswordNeeded):
        await client.sign_in("+15550000012", sent.phone_code_hash, code)
    with pytest.raises(errors.PasswordHashInvalid):
        await client.check_password("wrong")
    assert (await client.check_password("correct horse")).username == "viewer2"
    await client.disconnect()
    sandbox.call("PATCH", "/control/accounts/viewer2", {"password": ""})


async def test_telethon_signs_in_by_phone_and_password(sandbox: SandboxProcess) -> None:
    sandbox.call("PATCH", "/control/accounts/viewer3", {"password": "tr0ub4dor"})
    client = telethon_client(sandbox)
    await client.connect()
    await client.send_code_request("+15550000013")
    with pytest.raises(telethon_errors.SessionPasswordNeededError):
        await client.sign_in("+15550000013", code_for(sandbox, "+15550000013"))
    with pytest.raises(telethon_errors.PasswordHashInvalidError):
        await client.sign_in(password="nope")
    assert (await client.sign_in(password="tr0ub4dor")).username == "viewer3"
    await client.disconnect()
    sandbox.call("PATCH", "/control/accounts/viewer3", {"password": ""})


@pytest.mark.parametrize("phone", ["+", "+155", "+1234567890123456"])
async def test_impossible_phone_is_refused(sandbox: SandboxProcess, phone: str) -> None:
    client = sandbox.client()
    await client.connect()
    with pytest.raises(errors.PhoneNumberInvalid):
        await client.send_code(phone)
    await client.disconnect()


async def test_unknown_phone_signs_up_with_its_code(sandbox: SandboxProcess) -> None:
    phone = "+15550009001"
    client = sandbox.client()
    await client.connect()
    sent = await client.send_code(phone)
    with pytest.raises(errors.PhoneCodeEmpty):
        await client.sign_up(phone, sent.phone_code_hash, "Nova")
    with pytest.raises(errors.PhoneCodeInvalid):
        await client.sign_in(phone, sent.phone_code_hash, "wrong")
    assert await client.sign_in(phone, sent.phone_code_hash, code_for(sandbox, phone)) is False
    with pytest.raises(errors.FirstnameInvalid):
        await client.sign_up(phone, sent.phone_code_hash, "  ")
    user = await client.sign_up(phone, sent.phone_code_hash, "Nova", "Star")
    me = await client.get_me()
    assert (me.id, me.first_name, me.last_name, me.phone_number) == (user.id, "Nova", "Star", phone.lstrip("+"))
    exported = await client.export_session_string()
    await client.disconnect()
    again = sandbox.client(exported)
    await again.start()
    assert (await again.get_me()).id == user.id
    await again.stop()


async def test_phone_that_has_an_account_cannot_sign_up(sandbox: SandboxProcess) -> None:
    client = sandbox.client()
    await client.connect()
    sent = await client.send_code("+15550000011")
    with pytest.raises(errors.PhoneNumberOccupied):
        await client.sign_up("+15550000011", sent.phone_code_hash, "Second")
    await client.disconnect()


async def test_telethon_is_told_that_a_phone_has_no_account(sandbox: SandboxProcess) -> None:
    client = telethon_client(sandbox)
    await client.connect()
    await client.send_code_request("+15550009002")
    with pytest.raises(telethon_errors.PhoneNumberUnoccupiedError):
        await client.sign_in("+15550009002", code_for(sandbox, "+15550009002"))
    assert not await client.is_user_authorized()
    await client.disconnect()


async def test_logging_out_ends_the_session(sandbox: SandboxProcess) -> None:
    text = sandbox.mint("viewer1")
    client = sandbox.client(text)
    await client.start()
    await client.log_out()
    with pytest.raises(errors.AuthKeyUnregistered):
        await sandbox.client(text).start()


@pytest.mark.parametrize(
    ("mode", "error"),
    [("unregistered", errors.AuthKeyUnregistered), ("duplicated", errors.AuthKeyDuplicated)],
)
async def test_revoked_session_says_why(sandbox: SandboxProcess, mode: str, error: type[Exception]) -> None:
    minted = sandbox.post("/control/accounts/worker1/sessions", {"api_id": API_ID})
    order = {"mode": mode, "key_id": minted["key_id"]}
    sandbox.post("/control/accounts/worker1/sessions/revoke", order)
    with pytest.raises(error):
        await asyncio.wait_for(sandbox.client(minted["kurigram"]).start(), 60)


async def test_deactivated_account_is_told_so(sandbox: SandboxProcess) -> None:
    text = sandbox.mint("viewer3")
    sandbox.call("PATCH", "/control/accounts/viewer3", {"deactivated": True})
    with pytest.raises(errors.UserDeactivated):
        await asyncio.wait_for(sandbox.client(text).start(), 60)
    sandbox.call("PATCH", "/control/accounts/viewer3", {"deactivated": False})


async def test_key_used_from_two_addresses_at_once_is_spoilt(sandbox: SandboxProcess) -> None:
    text = sandbox.mint("worker4")
    async with _client_from(sandbox, text, "127.0.0.1") as first:
        await first.get_me()
        async with _client_from(sandbox, text, "127.0.0.2") as second:
            await second.get_me()
            with pytest.raises(errors.AuthKeyDuplicated):
                await first.invoke(raw.functions.updates.GetState())
    with pytest.raises(errors.AuthKeyDuplicated):
        await asyncio.wait_for(sandbox.client(text).start(), 60)


async def test_session_may_move_to_another_address(sandbox: SandboxProcess) -> None:
    text = sandbox.mint("worker4")
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
        async with _client_from(sandbox, text, address) as client:
            assert (await client.get_me()).username == "worker4"


def _client_from(sandbox: SandboxProcess, text: str, address: str) -> Any:
    class FromAddress(TCPAbridged):
        async def _connect_via_direct(self, destination: tuple[str, int], *, family: int | None = None) -> None:
            self.reader, self.writer = await asyncio.open_connection(*destination, local_addr=(address, 0))

    return sandbox.client(text, transport=FromAddress)
