"""How much the local Telegram delivers to one client on one core, by raw upload.getFile x4.

Run: build/venv/bin/python tests/bench/telegram_sandbox.py [MiB]. The target is for MB per second of server CPU: that is
what one core gives when the client runs on another; wall time here shares the cores with the client and whatever else
runs. Writes build/bench/telegram_sandbox.json; ends with 1 when the target is missed.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import pyrogram
from bench_targets import Figure, report
from pyrogram import raw
from pyrogram.file_id import FileId
from pyrogram.session import Session
from sandbox import LIBRARY, SandboxProcess, learn_peers

MIB = 1 << 20
IN_FLIGHT = 4
ROUNDS = 3
TARGET_MB_PER_SECOND = 120
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Round:
    """One download of the whole file; rates are MB (10^6 bytes) per second."""

    server_mb_per_cpu_second: float
    client_mb_per_cpu_second: float
    wall_mb_per_second: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


async def fetch_all(session: Session, location: raw.types.InputDocumentFileLocation, size_bytes: int) -> None:
    """Read every MiB once, IN_FLIGHT at a time."""
    offsets = iter(range(0, size_bytes, MIB))

    async def lane() -> None:
        for offset in offsets:
            piece = await session.invoke(raw.functions.upload.GetFile(location=location, offset=offset, limit=MIB))
            if len(piece.bytes) != min(MIB, size_bytes - offset):
                raise RuntimeError(f"short piece at {offset}")

    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))


async def measure(sandbox: SandboxProcess, client: pyrogram.Client, message_id: int, size_bytes: int) -> Round:
    """One round."""
    message = await client.get_messages(LIBRARY, message_id)
    if not isinstance(message, pyrogram.types.Message) or message.document is None:
        raise RuntimeError("the uploaded message is not there")
    file = FileId.decode(message.document.file_id)
    location = raw.types.InputDocumentFileLocation(
        id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
    )
    session = await client.get_session(file.dc_id, is_media=True)
    server, own, wall = cpu_seconds(sandbox.pid), _own_cpu_seconds(), time.perf_counter()
    await fetch_all(session, location, size_bytes)
    wall, own, server = time.perf_counter() - wall, _own_cpu_seconds() - own, cpu_seconds(sandbox.pid) - server
    return Round(*(size_bytes / 1e6 / seconds for seconds in (server, own, wall)))


async def main(mebibytes: int) -> int:
    """Upload a file, read it ROUNDS times, report the best; gives the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.bin"
        with file.open("wb") as out:
            for _ in range(mebibytes):
                out.write(os.urandom(MIB))
        with SandboxProcess(Path(folder) / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false") as sandbox:
            stored = await sandbox.upload(file)
            async with sandbox.kurigram("worker1") as client:
                await learn_peers(client)
                rounds = [await measure(sandbox, client, stored.message_id, stored.size_bytes) for _ in range(ROUNDS)]
    server = max(one.server_mb_per_cpu_second for one in rounds)
    return report(
        "telegram_sandbox",
        [
            Figure("local Telegram, one client, one core", server, "MB/s of server CPU", at_least=TARGET_MB_PER_SECOND),
            Figure("the client", max(one.client_mb_per_cpu_second for one in rounds), "MB/s of client CPU"),
            Figure("wall clock", max(one.wall_mb_per_second for one in rounds), "MB/s", note="both share the cores"),
        ],
    )


def _own_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 128)))
