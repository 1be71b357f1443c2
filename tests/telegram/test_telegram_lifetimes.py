"""Salts and file references that grow old while clients work: both libraries go on, to the byte."""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import until_true
from pyrogram import errors, raw
from pyrogram.file_id import FileId
from raw_mtproto import BAD_SERVER_SALT, RawClient
from sandbox import LIBRARY, SandboxProcess, Stored, learn_peers
from telethon_client import telethon

SALT_SECONDS = 1
REFERENCE_SECONDS = 2
MIB = 1 << 20
PONG = 0x347773C5


@pytest.fixture(scope="module")
def _hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(
        tmp_path_factory.mktemp("hasty"),
        TG_SANDBOX_SALT_LIFETIME_SECONDS=str(SALT_SECONDS),
        TG_SANDBOX_REFERENCE_LIFETIME_SECONDS=str(REFERENCE_SECONDS),
    ) as sandbox:
        yield sandbox


@pytest.fixture
def hasty(_hasty: SandboxProcess) -> SandboxProcess:
    """A sandbox whose salts and references live for a second or two."""
    _hasty.reset_counters()
    return _hasty


@pytest.fixture
async def stored(hasty: SandboxProcess, film: Path) -> Stored:
    return await hasty.upload(film)


async def test_old_salt_is_refused_and_the_new_one_is_good(hasty: SandboxProcess) -> None:
    client = await client_with_key(hasty)
    for _ in range(2):
        old = client.salt
        await until_true(lambda: renewed_salt(client))
        assert client.salt != old
        await until_true(lambda: accepted_salt(client))
    await client.close()


async def test_both_libraries_work_through_many_salts(hasty: SandboxProcess) -> None:
    witness = await client_with_key(hasty)
    async with hasty.kurigram("worker1") as kurigram, telethon(hasty, "worker2") as other:
        for _ in range(4):
            await until_true(lambda: renewed_salt(witness))
            assert (await kurigram.get_me()).username == "worker1"
            assert (await other.get_me()).username == "worker2"
    await witness.close()


async def test_kurigram_reads_on_with_a_fresh_reference(hasty: SandboxProcess, film: Path, stored: Stored) -> None:
    content = film.read_bytes()
    async with hasty.kurigram("worker1") as client:
        await learn_peers(client)
        for number in range(3):
            location = await location_of(client, stored)
            await until_stale(client, location)
            assert await read_as_a_client_does(client, stored, location, number) == content[number * MIB :][:MIB]
    assert hasty.counters(account="worker1", method="upload.getFile")["errors"] >= 6


async def test_telethon_downloads_through_references_that_grow_old(
    hasty: SandboxProcess, film: Path, stored: Stored
) -> None:
    pauses = {3 * MIB, 9 * MIB}
    async with telethon(hasty, "worker2") as client, hasty.kurigram("worker1") as witness:
        await client.get_dialogs()
        await learn_peers(witness)

        async def grow_old(received: int, _total: int) -> None:
            if received in pauses:
                await until_stale(witness, await location_of(witness, stored))

        message = await client.get_messages(LIBRARY, ids=stored.message_id)
        content = await client.download_media(message, file=bytes, progress_callback=grow_old)
    assert hashlib.sha256(content).digest() == hashlib.sha256(film.read_bytes()).digest()
    assert hasty.counters(account="worker2", method="upload.getFile")["errors"] >= len(pauses)


async def client_with_key(sandbox: SandboxProcess) -> RawClient:
    client = await RawClient.connect(sandbox.ports[2])
    await client.handshake(sandbox.public_key)
    return client


async def renewed_salt(client: RawClient) -> bool:
    """Whether the client's salt was refused; it then uses the one that the server names."""
    await client.send(struct.pack("<Iq", 0x7ABE77EC, 1), content=False)
    while True:
        _, _, body = await client.receive()
        (kind,) = struct.unpack_from("<I", body)
        if kind == PONG:
            return False
        if kind == BAD_SERVER_SALT:
            (client.salt,) = struct.unpack_from("<q", body, 20)
            return True


async def accepted_salt(client: RawClient) -> bool:
    """Whether the client's salt is good."""
    return not await renewed_salt(client)


async def location_of(client: Any, stored: Stored) -> raw.types.InputDocumentFileLocation:
    message = await client.get_messages(stored.channel_id, stored.message_id)
    file = FileId.decode(message.document.file_id)
    return raw.types.InputDocumentFileLocation(
        id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
    )


async def piece(client: Any, location: raw.types.InputDocumentFileLocation, number: int) -> bytes:
    answer = await client.invoke(raw.functions.upload.GetFile(location=location, offset=number * MIB, limit=MIB))
    data: bytes = answer.bytes
    return data


async def until_stale(client: Any, location: raw.types.InputDocumentFileLocation) -> None:
    """Until Telegram refuses the reference; asking for bytes is the only way to learn it."""

    async def is_refused() -> bool:
        try:
            await piece(client, location, 0)
        except errors.FileReferenceExpired:
            return True
        return False

    await until_true(is_refused)


async def read_as_a_client_does(
    client: Any, stored: Stored, location: raw.types.InputDocumentFileLocation, number: int
) -> bytes:
    """One piece, with a fresh reference whenever the one at hand is refused."""
    while True:
        try:
            return await piece(client, location, number)
        except errors.FileReferenceExpired:
            location = await location_of(client, stored)
