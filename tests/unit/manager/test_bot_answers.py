"""What people read when they write to the bot."""

from collections.abc import AsyncIterator

import pytest
from redis_server import RedisServer

from streamvault_common.keys import peers_key, session_key, verdict_key
from streamvault_common.models import AuthVerdict, SessionReport, Verdict, WorkerState
from streamvault_manager.bot.commands import Commands
from streamvault_manager.services.status import StatusReader, StoreHealth, SystemStatus, describe
from streamvault_manager.stores.mongo import MongoCatalogue
from streamvault_manager.stores.redis import WorkerReports

ADA, STRANGER = 5000000001, 42


@pytest.fixture
async def commands(redis_server: RedisServer) -> AsyncIterator[Commands]:
    store = MongoCatalogue("mongodb://127.0.0.1:1/", "none")
    async with redis_server.client() as redis:
        status = StatusReader(store, WorkerReports(redis), "1.2.3")
        yield Commands("Obsidian", "https://watch.example", frozenset({ADA}), status)
    store.close()


async def test_anybody_is_greeted_with_the_site(commands: Commands) -> None:
    answer = await commands.answer(STRANGER, "/start")

    assert answer == "Welcome to Obsidian. Watch at https://watch.example"


async def test_an_admin_is_shown_the_commands(commands: Commands) -> None:
    assert "/status" in await commands.answer(ADA, "/start payload")
    assert "/status" in await commands.answer(ADA, "hello?")


@pytest.mark.parametrize("text", ["/status", "/Status@some_bot", "/takedown aurora", "hello", "", "   "])
async def test_a_stranger_is_refused_politely_and_learns_nothing(commands: Commands, text: str) -> None:
    answer = await commands.answer(STRANGER, text)

    assert answer.startswith("Sorry")
    assert "/" not in answer.replace("https://watch.example", "")


async def test_status_counts_workers_and_says_which_store_is_down(
    commands: Commands, redis_server: RedisServer
) -> None:
    async with redis_server.client() as redis:
        for name, state in (("w1", WorkerState.SERVING), ("w2", WorkerState.SERVING), ("w3", WorkerState.COOLING)):
            report = SessionReport(state=state, at=1, in_flight=2, flood_until=4e9 if name == "w3" else 0)
            await redis.hset(session_key(name), mapping=report.to_redis())  # type: ignore[arg-type]
        dead = Verdict(reason=AuthVerdict.SESSION_REVOKED, message="gone", at=1)
        await redis.hset(verdict_key("w4"), mapping=dead.to_redis())  # type: ignore[arg-type]
        await redis.hset(peers_key("w1"), mapping={"1": "2"})

    lines = (await commands.answer(ADA, "/status")).splitlines()

    assert lines[0] == "StreamVault 1.2.3"
    assert "Workers: 1 cooling, 2 serving; 6 streams" in lines
    assert any(line.startswith("  w3: told to wait") for line in lines)
    assert "  w4: SessionRevoked" in lines
    assert "Titles: unknown" in lines
    assert "MongoDB: does not answer" in lines
    assert any(line.startswith("Redis: ok") for line in lines)


async def test_a_heartbeat_that_cannot_be_read_hides_no_other(commands: Commands, redis_server: RedisServer) -> None:
    async with redis_server.client() as redis:
        await redis.hset(session_key("new"), mapping={"state": "dancing"})
        report = SessionReport(state=WorkerState.SERVING, at=1)
        await redis.hset(session_key("w1"), mapping=report.to_redis())  # type: ignore[arg-type]

    assert "Workers: 1 serving; 0 streams" in await commands.answer(ADA, "/status")


def test_titles_are_told_in_the_order_that_matters() -> None:
    counts = {"TakenDown": 1, "Odd": 2, "Published": 3}
    status = SystemStatus("1", (StoreHealth("Redis", 1.4),), counts, {}, {})

    lines = describe(status, now=0).splitlines()

    assert "Titles: 3 Published, 1 TakenDown, 2 Odd" in lines
    assert "Workers: none; 0 streams" in lines
    assert "Redis: ok, 1 ms" in lines
