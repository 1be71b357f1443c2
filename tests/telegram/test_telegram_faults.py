"""Every fault that the control API can order, seen by an unmodified client."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from conditions import until_true
from pyrogram import errors, raw
from pyrogram.file_id import FileId
from pyrogram.raw.types import InputDocumentFileLocation
from pyrogram.session import Session
from sandbox import LIBRARY, SandboxProcess, learn_peers

KIB, MIB = 1 << 10, 1 << 20
GET_FILE = "upload.getFile"


class Reader:
    """A client with the place of one film."""

    def __init__(self, client: Any, session: Session, location: InputDocumentFileLocation) -> None:
        self.client = client
        self.session = session
        self.location = location

    async def piece(self, offset: int = 0, limit: int = MIB, seconds: float = 60) -> bytes:
        request = raw.functions.upload.GetFile(location=self.location, offset=offset, limit=limit)
        answer = await self.session.invoke(request, retries=1, sleep_threshold=0, timeout=seconds)
        data: bytes = answer.bytes
        return data


async def when_back(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer that a client gets once it has connected anew."""

    async def answer() -> Any:
        with suppress(TimeoutError, OSError):
            return await ask()

    return await until_true(answer)


@pytest.fixture
async def reader(sandbox: SandboxProcess, film: Path) -> AsyncIterator[Reader]:
    stored = await sandbox.upload(film)
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        message = await client.get_messages(stored.channel_id, stored.message_id)
        file = FileId.decode(message.document.file_id)
        location = InputDocumentFileLocation(
            id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
        )
        yield Reader(client, await client.get_session(2, is_media=True), location)


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("FLOOD_WAIT_7", errors.FloodWait, 7),
        ("FLOOD_PREMIUM_WAIT_3", errors.FloodPremiumWait, 3),
        ("FILE_REFERENCE_EXPIRED", errors.FileReferenceExpired, None),
        ("FILE_MIGRATE_4", errors.FileMigrate, 4),
        ("AUTH_KEY_UNREGISTERED", errors.AuthKeyUnregistered, None),
        ("AUTH_KEY_DUPLICATED", errors.AuthKeyDuplicated, None),
        ("USER_DEACTIVATED", errors.UserDeactivated, None),
        ("CHANNEL_PRIVATE", errors.ChannelPrivate, None),
        ("INTERNAL", errors.InternalServerError, None),
        ("TIMEOUT", errors.ServiceUnavailable, None),
    ],
)
async def test_ordered_error_arrives_as_often_as_ordered(
    sandbox: SandboxProcess, reader: Reader, name: str, kind: type[errors.RPCError], value: int | None
) -> None:
    sandbox.fault(kind="error", error=name, account="worker1", method=GET_FILE, count=2)
    for _ in range(2):
        request = raw.functions.upload.GetFile(location=reader.location, offset=0, limit=MIB)
        with pytest.raises(kind) as raised:
            await reader.session.send(request, timeout=60)
        if value is not None:
            assert raised.value.value == value
    assert len(await reader.piece()) == MIB


async def test_fault_hits_only_its_account_and_method(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="error", error="FLOOD_WAIT_60", account="worker2", method=GET_FILE)
    sandbox.fault(kind="error", error="FLOOD_WAIT_60", account="worker1", method="channels.getMessages")
    assert len(await reader.piece()) == MIB
    channel = await reader.client.resolve_peer(LIBRARY)
    request = raw.functions.channels.GetMessages(channel=channel, id=[raw.types.InputMessageID(id=1)])
    with pytest.raises(errors.FloodWait):
        await reader.client.invoke(request, sleep_threshold=0)


async def test_fault_hits_only_its_offsets(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="error", error="FLOOD_WAIT_5", method=GET_FILE, offset_from=2 * MIB, offset_below=3 * MIB)
    assert len(await reader.piece(1 * MIB)) == MIB
    with pytest.raises(errors.FloodWait):
        await reader.piece(2 * MIB)
    assert len(await reader.piece(3 * MIB)) == MIB


async def test_fault_waits_for_its_turn_and_then_hits_so_many_calls(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="short", keep_bytes=7, account="worker1", method=GET_FILE, skip=3, count=2)
    lengths = [len(await reader.piece(number * 4 * KIB, 4 * KIB)) for number in range(7)]
    assert lengths == [4096, 4096, 4096, 7, 7, 4096, 4096]
    [rule] = sandbox.get("/control/faults")
    assert (rule["spared"], rule["hits"]) == (3, 2)


async def test_calls_of_others_do_not_use_up_what_is_spared(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="error", error="FLOOD_WAIT_5", method=GET_FILE, offset_from=MIB, skip=1, count=1)
    assert len(await reader.piece(0)) == MIB
    assert len(await reader.piece(MIB)) == MIB
    with pytest.raises(errors.FloodWait):
        await reader.piece(MIB)
    assert len(await reader.piece(MIB)) == MIB


async def test_any_one_of_the_calls_of_a_film_can_be_hit(sandbox: SandboxProcess, film: Path, reader: Reader) -> None:
    calls = -(-film.stat().st_size // MIB)
    for number in range(calls):
        sandbox.clear_faults()
        sandbox.fault(kind="error", error="INTERNAL", method=GET_FILE, skip=number, count=1)
        request = raw.functions.upload.GetFile
        outcomes = []
        for piece in range(calls):
            try:
                await reader.session.send(request(location=reader.location, offset=piece * MIB, limit=MIB), timeout=60)
                outcomes.append(True)
            except errors.InternalServerError:
                outcomes.append(False)
        assert outcomes == [piece != number for piece in range(calls)]


async def test_probability_hits_some_calls(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="error", error="FLOOD_WAIT_5", method=GET_FILE, probability=0.5)
    results = await asyncio.gather(*(reader.piece(0, 4 * KIB) for _ in range(60)), return_exceptions=True)
    floods = sum(isinstance(result, errors.FloodWait) for result in results)
    assert 5 < floods < 55


async def test_latency_delays_each_answer_but_not_the_pipeline(sandbox: SandboxProcess, reader: Reader) -> None:
    await reader.piece(0, 4 * KIB)
    sandbox.fault(kind="latency", seconds=4, method=GET_FILE)
    start = time.monotonic()
    await asyncio.gather(*(reader.piece(number * 4 * KIB, 4 * KIB) for number in range(8)))
    assert 4 <= time.monotonic() - start < 30, "one after the other takes 32 s"


async def test_bandwidth_is_capped_per_connection(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="bandwidth", bytes_per_second=2 * MIB, method=GET_FILE)
    start = time.monotonic()
    await asyncio.gather(*(reader.piece(number * 512 * KIB, 512 * KIB) for number in range(4)))
    assert time.monotonic() - start >= 1.0


async def test_short_piece_is_short(sandbox: SandboxProcess, film: Path, reader: Reader) -> None:
    sandbox.fault(kind="short", keep_bytes=1000, method=GET_FILE, count=1)
    assert await reader.piece() == film.read_bytes()[:1000]
    assert len(await reader.piece()) == MIB


async def test_reset_breaks_the_connection_and_the_client_recovers(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="reset", method=GET_FILE, count=1)
    with pytest.raises((TimeoutError, OSError)):
        await reader.piece(seconds=1)
    assert len(await when_back(lambda: reader.piece(seconds=10))) == MIB


async def test_silence_leaves_one_request_open(sandbox: SandboxProcess, reader: Reader) -> None:
    sandbox.fault(kind="silence", method=GET_FILE, count=1)
    with pytest.raises(TimeoutError):
        await reader.piece(seconds=0.5)
    assert len(await reader.piece()) == MIB


async def test_open_connections_are_listed_and_reset(sandbox: SandboxProcess, reader: Reader) -> None:
    mine = [one for one in sandbox.get("/control/connections") if one["account"] == 5000000101]
    assert {one["transport"] for one in mine} == {"abridged"}
    assert sandbox.call("DELETE", "/control/connections", account="worker1") == len(mine) >= 2
    request = raw.functions.users.GetUsers(id=[raw.types.InputUserSelf()])
    assert await when_back(lambda: reader.client.invoke(request, retries=1, timeout=10))


async def test_transport_flood_reaches_the_client(sandbox: SandboxProcess) -> None:
    from raw_mtproto import RawClient

    client = await RawClient.connect(sandbox.ports[2])
    await client.handshake(sandbox.public_key)
    sandbox.fault(kind="transport", code=-429, method="help.getNearestDc", count=1)
    await client.send((0x1FB33026).to_bytes(4, "little"))
    with pytest.raises(ConnectionError, match="-429"):
        await client.receive_until(0)
    await client.close()


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "error"},
        {"kind": "bandwidth"},
        {"kind": "nonsense"},
        {"kind": "latency", "secs": 1},
        {"kind": "reset", "skip": -1},
    ],
)
def test_meaningless_rule_is_refused(sandbox: SandboxProcess, rule: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        sandbox.fault(**rule)
