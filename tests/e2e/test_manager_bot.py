"""The whole manager as a process beside the local Telegram: people write to the bot, events reach the Admin Channel."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import pytest
from conditions import until_true
from manager_process import ManagerProcess
from redis_server import RedisServer
from sandbox import ADMIN_CHANNEL, SandboxProcess
from wire import Wire

from streamvault_common.events import Event, Severity, publish
from streamvault_common.keys import session_key
from streamvault_common.models import SessionReport, WorkerState

BOT = "streamvault_bot"
ADA = "5000000001"
LONGEST_READ_SECONDS = 10
SOON_SECONDS = 40
"""A process that waits for Telegram would not end at all."""


@pytest.fixture(scope="module")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    running_sandbox.clear_faults()
    running_sandbox.reset_counters()
    return running_sandbox


def manager_for(sandbox: SandboxProcess, redis_server: RedisServer, **settings: str) -> ManagerProcess:
    chosen = {
        "REDIS_URL": redis_server.url,
        "ADMIN_USER_IDS": ADA,
        "ADMIN_CHANNEL_ID": str(ADMIN_CHANNEL),
        "PUBLIC_URL": "https://watch.example",
        "APP_VERSION": "1.2.3",
        "REPORT_WINDOW_SECONDS": "1",
        "REPORT_INTERVAL_SECONDS": "0.2",
    }
    return ManagerProcess(**sandbox.environment | chosen | settings)


@pytest.fixture
async def manager(sandbox: SandboxProcess, redis_server: RedisServer) -> AsyncIterator[ManagerProcess]:
    async with manager_for(sandbox, redis_server) as running:
        await running.logged("bot is online")
        yield running


class Chat:
    """One account's view of a chat, from now on."""

    def __init__(self, sandbox: SandboxProcess, who: str, peer: str | int) -> None:
        self._sandbox = sandbox
        self._who = who
        self._peer = peer
        seen = sandbox.read(who, peer)
        self._last = seen[-1]["id"] if seen else 0

    async def say(self, text: str) -> None:
        """Write, and take the own message as read."""
        sent = await asyncio.to_thread(self._sandbox.say, self._who, self._peer, text)
        self._last = max(self._last, sent["id"])

    async def next(self, within_seconds: float = 120) -> str:
        """The text of the next message of somebody else."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_seconds
        while loop.time() < deadline:
            query = {"after": self._last, "wait_seconds": LONGEST_READ_SECONDS}
            messages = await asyncio.to_thread(lambda: self._sandbox.read(self._who, self._peer, **query))  # noqa: B023
            if messages:
                self._last = messages[0]["id"]
                return str(messages[0]["text"])
        raise AssertionError(f"nothing came within {within_seconds} s")


async def report(redis_server: RedisServer, text: str, group: str = "", times: int = 1) -> None:
    """Events that come at one moment, however slow this process is: else they fall into several windows."""
    async with redis_server.client() as redis, redis.pipeline(transaction=True) as at_once:
        for _ in range(times):
            await publish(at_once, Event(part="worker", severity=Severity.ERROR, text=text, group=group))
        await at_once.execute()


async def test_an_admin_is_answered_and_a_stranger_is_refused(
    sandbox: SandboxProcess, redis_server: RedisServer, manager: ManagerProcess
) -> None:
    async with redis_server.client() as redis:
        heartbeat = SessionReport(state=WorkerState.SERVING, at=1, in_flight=3).to_redis()
        await redis.hset(session_key("one"), mapping=heartbeat)  # type: ignore[arg-type]
    ada, stranger = Chat(sandbox, "ada", BOT), Chat(sandbox, "viewer1", BOT)

    await ada.say("/start")
    greeting = await ada.next()
    assert greeting.startswith("Welcome to StreamVault. Watch at https://watch.example")
    assert "/status" in greeting

    await ada.say("/status")
    status = await ada.next()
    assert "StreamVault 1.2.3" in status
    assert "Workers: 1 serving; 3 streams" in status
    assert "MongoDB: does not answer" in status
    assert "Redis: ok" in status

    await stranger.say("/start")
    assert await stranger.next() == "Welcome to StreamVault. Watch at https://watch.example"
    await stranger.say("/status")
    assert (await stranger.next()).startswith("Sorry")


async def test_events_reach_the_admin_channel_and_repetitions_are_counted(
    sandbox: SandboxProcess, redis_server: RedisServer, manager: ManagerProcess
) -> None:
    channel = Chat(sandbox, "ada", ADMIN_CHANNEL)

    await report(redis_server, "account *banned* <b>")
    assert await channel.next() == "🔴 worker\naccount *banned* <b>"

    await report(redis_server, "slow disk", group="disk", times=7)
    message = await channel.next()
    assert "×7" in message
    assert "slow disk" in message


async def test_the_process_is_ready_and_measured_without_its_database(manager: ManagerProcess) -> None:
    assert (await manager.http.get("/api/titles")).status_code == 503
    assert (await manager.http.get("/readyz")).status_code == 200
    assert await bot_is(manager, "1.0")


async def test_the_api_serves_before_telegram_does_and_the_bot_comes_later(
    sandbox: SandboxProcess, redis_server: RedisServer
) -> None:
    channel = Chat(sandbox, "ada", ADMIN_CHANNEL)
    async with Wire("127.0.0.1", sandbox.ports[2]) as wire:
        wire.cut()
        await report(redis_server, "while nobody listened")
        async with manager_for(sandbox, redis_server, TG_DC_MAP=f"1-5=127.0.0.1:{wire.port}") as manager:
            await manager.logged("bot not connected")
            assert (await manager.http.get("/healthz")).status_code == 200
            assert (await manager.http.get("/api/nothing")).status_code == 404
            wire.mend()
            await manager.logged("bot is online")
            assert await channel.next() == "🔴 worker\nwhile nobody listened"


async def test_a_wrong_token_costs_only_the_bot(sandbox: SandboxProcess, redis_server: RedisServer) -> None:
    async with manager_for(sandbox, redis_server, TG_BOT_TOKEN="7000000001:wrong") as manager:
        line = await manager.logged("bot not connected")
        assert "wrong" not in line["message"]
        assert (await manager.http.get("/readyz")).status_code == 200
        assert await manager.terminate() == 0


async def test_a_lost_connection_comes_back_and_nothing_is_lost(
    sandbox: SandboxProcess, redis_server: RedisServer
) -> None:
    channel, ada = Chat(sandbox, "ada", ADMIN_CHANNEL), Chat(sandbox, "ada", BOT)
    wire = Wire("127.0.0.1", sandbox.ports[2])
    async with wire, manager_for(sandbox, redis_server, TG_DC_MAP=f"1-5=127.0.0.1:{wire.port}") as manager:
        await manager.logged("bot is online")
        await report(redis_server, "before")
        assert (await channel.next()).endswith("before")

        wire.cut()
        await report(redis_server, "meanwhile")
        await ada.say("/start")
        await until_true(lambda: bot_is(manager, "0.0"))
        wire.mend()

        assert (await channel.next()).endswith("meanwhile")
        assert (await ada.next()).startswith("Welcome")


async def bot_is(manager: ManagerProcess, value: str) -> bool:
    """Whether the metrics say that the bot is connected (1.0) or not (0.0)."""
    return f"streamvault_manager_bot_online {value}" in (await manager.http.get("/metrics")).text


async def test_a_flood_wait_at_login_is_waited_in_full(sandbox: SandboxProcess, redis_server: RedisServer) -> None:
    sandbox.fault(kind="error", error="FLOOD_WAIT_4", method="auth.importBotAuthorization", count=1)

    async with manager_for(sandbox, redis_server) as manager:
        told = await manager.logged("bot has to wait")
        online = await manager.logged("bot is online")

    waited = datetime.fromisoformat(online["time"]) - datetime.fromisoformat(told["time"])
    assert waited.total_seconds() >= 4


async def test_a_flood_wait_while_posting_delays_and_loses_nothing(
    sandbox: SandboxProcess, redis_server: RedisServer, manager: ManagerProcess
) -> None:
    channel = Chat(sandbox, "ada", ADMIN_CHANNEL)
    sandbox.fault(kind="error", error="FLOOD_WAIT_3", method="messages.sendMessage", count=1)

    await report(redis_server, "first")
    refused = await manager.logged("told to wait")
    assert (await channel.next()).endswith("first")

    assert refused["retry_after_seconds"] >= 3
    assert sandbox.counters(method="messages.sendMessage")["calls"] >= 2, "one that took too long is sent again"


async def test_sigterm_ends_it_soon_even_while_telegram_is_silent(
    sandbox: SandboxProcess, redis_server: RedisServer
) -> None:
    sandbox.fault(kind="silence", method="auth.importBotAuthorization")

    async with manager_for(sandbox, redis_server) as manager:
        assert (await manager.http.get("/healthz")).status_code == 200
        assert await manager.terminate(SOON_SECONDS) == 0
