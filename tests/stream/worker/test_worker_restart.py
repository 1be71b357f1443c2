"""A worker that starts again knows where its files lie, and asks Telegram only when that has become untrue."""

from pathlib import Path

import httpx
from conditions import until_true
from sandbox import SandboxProcess
from worker_stack import GETFILE, WorkerStack, getfile_calls_of, worker_stack

from .conftest import Library

LOOK_UP = "channels.getMessages"


async def test_a_restarted_worker_asks_for_bytes_at_once(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    telegram.clear_faults()
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2")) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        await stack.read(library.film, "0-99")

        async def start_and_read() -> None:
            await start_again(stack)
            assert await read_again(stack, library) == library.film.content[5:105]

        assert await getfile_calls_of(start_and_read, telegram, stack.process) == 1
        assert telegram.counters(method=LOOK_UP)["calls"] == 0

        await start_again(stack)
        telegram.reset_counters()
        telegram.fault(kind="error", method=GETFILE, error="FILE_REFERENCE_EXPIRED", count=1)
        assert await read_again(stack, library) == library.film.content[5:105]
        assert telegram.counters(method=LOOK_UP)["calls"] == 1


async def start_again(stack: WorkerStack) -> None:
    """End the worker as Kubernetes does, and start it with the same stores."""
    stack.process.terminate()
    await stack.process.wait()
    await stack.process.start()

    async def ready() -> bool:
        async with httpx.AsyncClient(base_url=stack.process.url, timeout=60, trust_env=False) as http:
            return (await http.get("/readyz")).status_code == 200

    await until_true(ready)


async def read_again(stack: WorkerStack, library: Library) -> bytes:
    """Bytes 5 to 104 of the film, from the worker's present address."""
    async with httpx.AsyncClient(base_url=stack.process.url, timeout=60, trust_env=False) as http:
        return (await http.get(library.film.path, headers={"Range": "bytes=5-104"})).content
