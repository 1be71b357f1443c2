"""A worker's memory is bounded by its streams, however large the files and however slow the readers."""

import asyncio
from pathlib import Path

from conditions import until_true
from sandbox import SandboxProcess
from worker_stack import WorkerStack, worker_stack

from streamvault_common.keys import MIB

from .conftest import Library

STREAMS, FEW = 100, 10
"""All that a worker is given here, and as many as may each hold a whole window."""
MOST_FOR_EACH_BYTES = (8 + 2) * MIB
"""A window of eight pieces, and what else a stream holds."""
MOST_BYTES = 512 * MIB
"""What a worker may take with that many streams, its own programs included."""
SLACK_BYTES = 48 * MIB
"""What is under way inside the Telegram connection and the allocator."""


def resident_bytes(pid: int) -> int:
    """Memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


async def test_a_hundred_slow_readers_share_the_memory_and_give_it_back(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), MAX_STREAMS=str(STREAMS)) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        await stack.read(library.film)
        before = resident_bytes(stack.process.pid)
        readers = await open_and_do_not_read(stack, library, FEW)
        await until_true(lambda: quiet(stack))
        for_each = (resident_bytes(stack.process.pid) - before) / FEW
        readers += await open_and_do_not_read(stack, library, STREAMS - FEW)
        await until_true(lambda: quiet(stack))
        resident = resident_bytes(stack.process.pid)
        print(f"{for_each / MIB:.1f} MiB for each of {FEW} streams, {resident / MIB:.0f} MiB with {STREAMS}")
        assert for_each <= MOST_FOR_EACH_BYTES
        assert resident <= MOST_BYTES
        for writer in readers:
            writer.transport.abort()
        await until_true(lambda: given_back(stack, before))


async def open_and_do_not_read(stack: WorkerStack, library: Library, times: int) -> list[asyncio.StreamWriter]:
    """Ask for the film so many times and take next to nothing."""
    writers = []
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", stack.process.port, limit=1024)
        writer.write(f"GET {library.film.path} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        writers.append(writer)
    return writers


async def quiet(stack: WorkerStack) -> bool:
    """Whether no request was sent for half a second."""
    calls = stack.getfile_calls()
    await asyncio.sleep(0.5)
    return stack.getfile_calls() == calls


async def given_back(stack: WorkerStack, before: int) -> bool:
    """Whether the memory of the streams was returned to the system."""
    return resident_bytes(stack.process.pid) - before < SLACK_BYTES
