"""One session, one worker: who holds the lease signs in, and an ordered wait outlives the process that got it."""

import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from conditions import until, until_true
from sandbox import SandboxProcess
from worker_process import WorkerProcess
from worker_stack import GETFILE, WorkerStack, worker_stack

from streamvault_common import keys

from .conftest import Library

LEASE = keys.lease_key("w1")
ACCOUNT = 5_000_000_102


@pytest.fixture(autouse=True)
def no_fault_is_left(telegram: SandboxProcess) -> Iterator[None]:
    yield
    telegram.clear_faults()


@asynccontextmanager
async def another(stack: WorkerStack, **environment: str) -> AsyncIterator[WorkerProcess]:
    """A further worker on the same session and stores."""
    process = WorkerProcess(stack.process.environment | environment)
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


async def readiness(process: WorkerProcess) -> tuple[int, str]:
    async with httpx.AsyncClient(base_url=process.url, timeout=60, trust_env=False) as http:
        answer = await http.get("/readyz")
        return answer.status_code, answer.text.strip()


async def until_ready(process: WorkerProcess) -> None:
    async def ready() -> bool:
        return (await readiness(process))[0] == 200

    await until_true(ready)


async def test_a_second_pod_signs_in_only_after_the_first_has_signed_out(
    tmp_path: Path, telegram: SandboxProcess
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), POD_UID="a") as stack:
        await stack.until_ready()
        assert await stack.store.get(LEASE) == "a"
        async with another(stack, POD_UID="b") as second:
            beaten_at = float((await stack.report())["at"])

            async def beaten_again() -> bool:
                return float((await stack.report())["at"]) > beaten_at

            await until_true(beaten_again)
            assert (await readiness(second))[1] == "not signed in"
            assert (await stack.report())["pod_uid"] == "a"
            assert not second.said("signed in")
            stack.process.terminate()
            assert await stack.process.wait() == 0
            last = await stack.report()
            assert (last["pod_uid"], last["state"]) == ("a", "stopped") or last["pod_uid"] == "b", (
                "the second may be quick"
            )
            await until_ready(second)
            assert await stack.store.get(LEASE) == "b"


async def test_a_pod_that_lost_the_lease_signs_out(tmp_path: Path, telegram: SandboxProcess) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), POD_UID="a") as stack:
        await stack.until_ready()
        await stack.store.set(LEASE, "b")
        await until(lambda: bool(stack.process.said("another pod uses this session")))

        async def signed_out() -> bool:
            return not any(one["account"] == ACCOUNT for one in telegram.get("/control/connections"))

        await until_true(signed_out)
        assert (await readiness(stack.process))[0] == 503
        await stack.store.delete(LEASE)
        await stack.until_ready()


async def test_a_worker_that_cannot_ask_for_the_lease_goes_on_serving(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), POD_UID="a") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        await stack.redis.stop()
        await until(lambda: bool(stack.process.said("heartbeat not written")))
        assert (await stack.read(library.film, "0-0")).status_code == 206


async def test_an_ordered_wait_outlives_the_process(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    session = telegram.mint("worker2")
    async with worker_stack(
        tmp_path, telegram, session, POD_UID="a", COOLDOWN_MIN_SECONDS="600", COOLDOWN_JITTER_PERCENT="50"
    ) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="error", error="FLOOD_WAIT_2", method=GETFILE, account="worker2", count=1)
        flooded_at = time.time()
        refused = await stack.read(library.film, "0-0")
        assert refused.status_code == 503

        async def told() -> bool:
            return (await stack.report())["state"] == "cooling"

        await until_true(told)
        told_at = await stack.report()
        assert int(told_at["flood_seconds"]) == 2
        assert (await readiness(stack.process))[1].startswith("cooling down")
        assert int((await stack.read(library.film, "0-0")).headers["retry-after"]) > 500

        stack.process.send(signal.SIGKILL)
        await stack.process.wait()
        async with another(stack) as restarted:
            await until(lambda: bool(restarted.said("signed in")))
            assert time.time() - flooded_at >= 2
            assert (await readiness(restarted))[1].startswith("cooling down")
            telegram.reset_counters()
            async with httpx.AsyncClient(base_url=restarted.url, timeout=60, trust_env=False) as http:
                assert (await http.get(library.film.path, headers={"Range": "bytes=0-0"})).status_code == 503
            assert stack.getfile_calls() == 0

            async def told_again() -> bool:
                return (await stack.report())["state"] == "cooling"

            await until_true(told_again)
            assert (await stack.report())["flood_at"] == told_at["flood_at"]
