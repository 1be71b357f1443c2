"""Films are read from disk piece by piece: the sandbox's memory does not grow with what it holds or gives out."""

import asyncio
import os
from pathlib import Path
from typing import Any

from pyrogram import raw
from pyrogram.file_id import FileId
from sandbox import LIBRARY, SandboxProcess, learn_peers

from telegram_sandbox.state.channels import bare_id
from telegram_sandbox.state.mailbox import Draft
from telegram_sandbox.state.store import Store

MIB, GIB = 1 << 20, 1 << 30
FILM_BYTES = 6 * GIB + 12345
MARK_EVERY = 32 * MIB
READ_AT_ONCE = 4
GROWTH_LIMIT_BYTES = 32 * MIB


def mark(offset: int) -> bytes:
    """What stands at the start of every 32 MiB of the film; between the marks it is a hole."""
    return f"mark {offset:>20}".encode()


def place_sparse_film(data_dir: Path) -> int:
    """Put the film into a sandbox that does not run yet; gives its message id."""
    file = data_dir / "film.bin"
    with file.open("wb") as out:
        out.truncate(FILM_BYTES)
        for offset in range(0, FILM_BYTES, MARK_EVERY):
            os.pwrite(out.fileno(), mark(offset), offset)
    store = Store(data_dir, None)
    uploader = store.accounts.by_username("uploader")
    assert uploader is not None
    document = store.documents.adopt(
        file, dc_id=2, mime_type="video/mp4", attributes=None, owner=uploader.id, name="film.bin"
    )
    message, _ = store.mailbox.post(bare_id(LIBRARY), uploader.id, Draft(document_id=document.id))
    store.close()
    return message.id


def memory_bytes(pid: int, field: str) -> int:
    """VmRSS, VmHWM (peak) or RssFile (mapped files) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


async def read_marked_pieces(client: Any, location: Any) -> int:
    """Every marked MiB of the film, several at once; gives how many bytes came."""
    session = await client.get_session(2, is_media=True)
    offsets, received = iter(range(0, FILM_BYTES, MARK_EVERY)), 0

    async def lane() -> None:
        nonlocal received
        for offset in offsets:
            answer = await session.invoke(raw.functions.upload.GetFile(location=location, offset=offset, limit=MIB))
            expected = min(MIB, FILM_BYTES - offset)
            assert answer.bytes == mark(offset).ljust(expected, b"\0")
            received += len(answer.bytes)

    await asyncio.gather(*(lane() for _ in range(READ_AT_ONCE)))
    return received


async def test_memory_stays_while_a_film_larger_than_it_is_read(tmp_path: Path) -> None:
    message_id = place_sparse_film(tmp_path)
    with SandboxProcess(tmp_path) as sandbox:
        async with sandbox.kurigram("worker1") as client:
            await learn_peers(client)
            message = await client.get_messages(LIBRARY, message_id)
            file = FileId.decode(message.document.file_id)
            location = raw.types.InputDocumentFileLocation(
                id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
            )
            at_rest, mapped = memory_bytes(sandbox.pid, "VmRSS"), memory_bytes(sandbox.pid, "RssFile")
            received = await read_marked_pieces(client, location)
            peak, mapped_after = memory_bytes(sandbox.pid, "VmHWM"), memory_bytes(sandbox.pid, "RssFile")
    assert received > 2 * GROWTH_LIMIT_BYTES
    assert peak - at_rest < GROWTH_LIMIT_BYTES
    assert mapped_after - mapped < 8 * MIB
