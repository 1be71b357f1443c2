"""How a worker's account comes, goes and dies; each test has a worker and an account of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conditions import until, until_true
from sandbox import SandboxProcess
from worker_stack import GETFILE, WorkerStack, worker_stack

from streamvault_common import keys
from streamvault_common.keys import MIB

from .conftest import Library

VERDICTS = {
    "unregistered": "AuthKeyUnregistered",
    "duplicated": "AuthKeyDuplicated",
    "forgotten": "AuthKeyUnregistered",
}


@pytest.fixture(autouse=True)
def no_fault_is_left(telegram: SandboxProcess) -> Iterator[None]:
    telegram.reset_counters()
    yield
    telegram.clear_faults()


def revoke(telegram: SandboxProcess, who: str, mode: str) -> None:
    telegram.post(f"/control/accounts/{who}/sessions/revoke", {"mode": mode})


async def remember(stack: WorkerStack, hashes: dict[str, str]) -> None:
    """As an earlier life of the worker did."""
    for field, value in hashes.items():
        await stack.store.hset(keys.peers_key(stack.name), field, value)


async def assert_dead(stack: WorkerStack, reason: str) -> None:
    """The worker lives, is not ready, names the reason, and does not knock at Telegram any more."""
    verdict = await until_true(stack.verdict, 150)
    assert (verdict["reason"], verdict["revision"]) == (reason, "r1")
    assert (await stack.report())["state"] == "unauthorized"
    assert (await stack.http.get("/healthz")).status_code == 200
    ready = await stack.http.get("/readyz")
    assert (ready.status_code, reason in ready.text) == (503, True)

    async def gone() -> bool:
        return not any(one["account"] == 5_000_000_102 for one in stack.sandbox.get("/control/connections"))

    await until_true(gone)
    assert stack.process.exit_code is None


@pytest.mark.parametrize("mode", VERDICTS)
async def test_a_key_revoked_before_the_start(tmp_path: Path, telegram: SandboxProcess, mode: str) -> None:
    session = telegram.mint("worker2")
    revoke(telegram, "worker2", mode)
    async with worker_stack(tmp_path, telegram, session, SESSION_REVISION="r1") as stack:
        await assert_dead(stack, VERDICTS[mode])


@pytest.mark.parametrize("mode", VERDICTS)
async def test_a_key_revoked_while_serving(
    tmp_path: Path, telegram: SandboxProcess, library: Library, mode: str
) -> None:
    session = telegram.mint("worker2")
    async with worker_stack(tmp_path, telegram, session, SESSION_REVISION="r1", ANSWER_TIMEOUT_SECONDS="5") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        assert (await stack.read(library.film, "0-0")).status_code == 206
        revoke(telegram, "worker2", mode)
        assert (await stack.read(library.film, "0-0")).status_code == 503
        await assert_dead(stack, VERDICTS[mode])


@pytest.mark.parametrize("mode", ["unregistered", "duplicated"])
async def test_a_key_revoked_while_nobody_reads(tmp_path: Path, telegram: SandboxProcess, mode: str) -> None:
    """Its connections stay open, so that only asking tells."""
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), SESSION_REVISION="r1") as stack:
        await stack.until_ready()
        revoke(telegram, "worker2", mode)
        await assert_dead(stack, VERDICTS[mode])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("SESSION_REVOKED", "SessionRevoked"),
        ("USER_DEACTIVATED", "UserDeactivated"),
        ("USER_DEACTIVATED_BAN", "UserDeactivatedBan"),
    ],
)
async def test_the_reason_of_a_refusal_is_told(
    tmp_path: Path, telegram: SandboxProcess, library: Library, error: str, reason: str
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), SESSION_REVISION="r1") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="error", error=error, code=401, method=GETFILE, account="worker2", count=1)
        received = bytearray()
        with pytest.raises(httpx.HTTPStatusError):
            (await stack.read(library.film)).raise_for_status()
        assert not received
        await assert_dead(stack, reason)


async def test_a_lost_connection_costs_less_than_a_timeout(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), ANSWER_TIMEOUT_SECONDS="100") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="reset", method=GETFILE, account="worker2", count=1, offset_from=4 * MIB)
        async with asyncio.timeout(50):
            assert (await stack.read(library.film)).content == library.film.content


async def test_a_sign_in_is_tried_until_telegram_is_back(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    session = telegram.mint("worker2")
    async with worker_stack(
        tmp_path, telegram, session, before_start=telegram.stop, START_TIMEOUT_SECONDS="15"
    ) as stack:
        try:
            stack.publish(library.film)
            await until(lambda: bool(stack.process.said("sign-in failed")), 180)
            assert await stack.verdict() == {}
        finally:
            telegram.start()
        await stack.until_ready()
        assert (await stack.read(library.film, "5-9")).content == library.film.content[5:10]


async def test_sigterm_lets_the_streams_finish(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2")) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="latency", method=GETFILE, account="worker2", seconds=0.2)
        received = bytearray()
        async with stack.http.stream("GET", library.film.path) as answer:
            chunks = answer.aiter_raw()
            received += await anext(chunks)
            stack.process.terminate()
            await until(lambda: bool(stack.process.said("stopping")))
            assert (await stack.http.get("/readyz")).status_code == 503
            refused = await stack.read(library.film, "0-0")
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            await until_true(lambda: _in_state(stack, "draining"))
            async for chunk in chunks:
                received += chunk
        assert received == library.film.content
        assert await stack.process.wait() == 0


async def test_a_stream_that_outlives_the_drain_is_cut_not_shortened(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), DRAIN_TIMEOUT_SECONDS="0.2") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="silence", method=GETFILE, account="worker2", offset_from=8 * MIB)
        received = bytearray()
        with pytest.raises(httpx.TransportError):
            await _read_and_terminate(stack, library, received)
        assert received == library.film.content[: len(received)]
        assert await stack.process.wait() == 0


async def test_a_transport_flood_is_a_pause(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2")) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="transport", code=-429, method=GETFILE, account="worker2", count=1)
        refused = await stack.read(library.film, "0-0")
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 11
        await stack.until_served(library.film)
        assert telegram.counters(method=GETFILE, account="worker2")["calls"] <= 3


async def test_a_full_worker_answers_503(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), MAX_STREAMS="1") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="latency", method=GETFILE, account="worker2", seconds=0.2)
        async with stack.http.stream("GET", library.film.path) as answer:
            await anext(answer.aiter_raw())
            refused = await stack.read(library.film, "0-0")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


async def test_an_account_of_another_data_centre_reads_the_library(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("worker3")) as stack:
        stack.publish(library.film, library.parted)
        await stack.until_ready()
        telegram.reset_counters()
        await stack.until_served(library.film)
        for file in (library.film, library.parted):
            assert (await stack.read(file)).content == file.content
        assert telegram.counters(method="auth.exportAuthorization")["calls"] == 1


async def test_a_bot_needs_no_dialogs(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("streamvault_bot")) as stack:
        stack.publish(library.parted)
        await stack.until_ready()
        assert (await stack.read(library.parted)).content == library.parted.content


async def test_a_restarted_worker_knows_its_channels(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    session = telegram.mint("worker2")
    async with worker_stack(tmp_path, telegram, session) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        assert (await stack.read(library.film, "0-0")).status_code == 206
        known = await stack.hash(keys.peers_key(stack.name))
        assert "2400000123" in known
    async with worker_stack(tmp_path, telegram, session) as stack:
        stack.publish(library.film)
        await remember(stack, known)
        await stack.until_ready()
        telegram.reset_counters()
        assert (await stack.read(library.film, "0-0")).status_code == 206
        assert telegram.counters(method="messages.getDialogs")["calls"] == 0
    async with worker_stack(tmp_path, telegram, session) as stack:
        stack.publish(library.film)
        await remember(stack, dict.fromkeys(known, "12345") | {"account": known["account"]})
        await stack.until_ready()
        assert (await stack.read(library.film, "0-0")).status_code == 206, "a wrong access hash is learnt anew"
    async with worker_stack(tmp_path, telegram, telegram.mint("worker3")) as stack:
        stack.publish(library.film)
        await remember(stack, known)
        await stack.until_ready()
        telegram.reset_counters()
        assert (await stack.read(library.film, "0-0")).status_code == 206
        assert telegram.counters(method="channels.getMessages")["errors"] == 0, "nobody else's access hash was tried"
        assert (await stack.hash(keys.peers_key(stack.name)))["account"] != known["account"]


async def test_an_account_outside_of_the_channel_says_424(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with worker_stack(tmp_path, telegram, telegram.mint("viewer1")) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        answers = await asyncio.gather(*(stack.read(library.film, "0-0") for _ in range(3)))
        assert {answer.status_code for answer in answers} == {424}


async def test_two_accounts_answer_alike(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    seen = []
    for who in ("worker2", "worker4"):
        async with worker_stack(tmp_path / who, telegram, telegram.mint(who), name=who) as stack:
            stack.publish(library.film)
            await stack.until_ready()
            answer = await stack.read(library.film, f"{MIB - 5}-{MIB + 5}")
            seen.append((answer.content, answer.headers["etag"], answer.headers["content-range"]))
            assert (await stack.report())["account"] not in {"", who}
    assert seen[0] == seen[1]


async def _in_state(stack: WorkerStack, state: str) -> bool:
    return (await stack.report())["state"] == state


async def _read_and_terminate(stack: WorkerStack, library: Library, received: bytearray) -> None:
    async with stack.http.stream("GET", library.film.path) as answer:
        async for chunk in answer.aiter_raw():
            if not received:
                stack.process.terminate()
            received += chunk
