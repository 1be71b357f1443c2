"""CPU of receiving file pieces, without any HTTP: ours against unmodified pyrogram (kurigram) with tgcrypto.

Run: build/venv/bin/python tests/bench/receive_path.py [MiB]. Both read the same file of the same local Telegram by
upload.getFile, IN_FLIGHT at a time over one connection, in processes of their own; the best of ROUNDS counts. Memory
bandwidth and interrupts of the kernel are part of both.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import native_cipher
import pyrogram
from bench_targets import Figure, report
from pyrogram import raw
from pyrogram.file_id import FileId
from pyrogram.session import Session
from sandbox import LIBRARY, SandboxProcess, learn_peers

from streamvault_worker.telegram.fastpath.cipher import choose_cipher, decrypt_with_tgcrypto
from streamvault_worker.telegram.fastpath.session import FileSession
from streamvault_worker.telegram.fastpath.transport import AbridgedTransport

MIB = 1 << 20
IN_FLIGHT = 4
ROUNDS = 3
READERS = ("pyrogram", "ours, tgcrypto", "ours")
TARGET_RATIO = 1.8


def used() -> float:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def session_of(reader: str, client: pyrogram.Client, dc_id: int) -> Session:
    """The media session that the reader uses."""
    if reader == "pyrogram":
        return await client.get_session(dc_id, is_media=True)
    decrypt = choose_cipher(native_cipher.library()) if reader == "ours" else decrypt_with_tgcrypto
    assert client.session is not None
    session = FileSession(client, client.session, (client.session.server_address, client.session.port), decrypt)
    await session.start()  # type: ignore[no-untyped-call]
    return session


async def fetch_all(session: Session, location: raw.types.InputDocumentFileLocation, size_bytes: int) -> None:
    """Read every MiB once, IN_FLIGHT at a time."""
    offsets = iter(range(0, size_bytes, MIB))

    async def lane() -> None:
        for offset in offsets:
            request = raw.functions.upload.GetFile(location=location, offset=offset, limit=MIB)
            answer: Any = await session.invoke(request)
            content = answer.bytes if isinstance(answer, raw.types.upload.File) else answer
            if len(content) != MIB:
                raise RuntimeError(f"short piece at {offset}")

    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))


async def read_as(reader: str, sandbox: SandboxProcess, message_id: int, size_bytes: int) -> float:
    """MB per CPU second of one reader, the best of ROUNDS."""
    options: dict[str, Any] = {} if reader == "pyrogram" else {"transport": AbridgedTransport}
    async with sandbox.kurigram("worker1", **options) as client:
        await learn_peers(client)
        message = await client.get_messages(LIBRARY, message_id)
        if not isinstance(message, pyrogram.types.Message) or message.document is None:
            raise RuntimeError("the uploaded message is not there")
        file = FileId.decode(message.document.file_id)
        location = raw.types.InputDocumentFileLocation(
            id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
        )
        session, best = await session_of(reader, client, file.dc_id), 0.0
        for _ in range(ROUNDS):
            began, wall = used(), time.perf_counter()
            await fetch_all(session, location, size_bytes)
            best = max(best, size_bytes / 1e6 / (used() - began))
            print(f"  {reader}: {size_bytes / 1e6 / (time.perf_counter() - wall):.0f} MB/s wall", file=sys.stderr)
        with suppress(OSError):
            await session.stop()  # type: ignore[no-untyped-call]
        return best


def main(mebibytes: int) -> int:
    """Measure every reader, report; gives the exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        film = folder / "film.bin"
        film.write_bytes(subprocess.check_output(["head", "-c", str(mebibytes * MIB), "/dev/urandom"]))
        with SandboxProcess(folder / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false") as sandbox:
            stored = asyncio.run(sandbox.upload(film))
            rates = {
                reader: asyncio.run(read_as(reader, sandbox, stored.message_id, stored.size_bytes))
                for reader in READERS
            }
    ratio = rates["ours"] / rates["pyrogram"]
    unit = "MB/CPU-s"
    return report(
        "receive_path",
        [
            Figure("kurigram, raw getFile x4, tgcrypto", rates["pyrogram"], unit, note="the baseline"),
            Figure("ours with tgcrypto", rates["ours, tgcrypto"], unit, note="what copies and parsing cost"),
            Figure("ours", rates["ours"], unit, note="with the processor's AES"),
            Figure("ours / kurigram", ratio, "x", at_least=TARGET_RATIO),
        ],
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 64))
