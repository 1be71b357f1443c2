"""From the event stream in a real Redis to a channel that is sometimes out of reach."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conditions import until, until_true
from redis_server import RedisServer

from streamvault_common.events import Event, Severity, publish
from streamvault_common.keys import EVENTS_STREAM
from streamvault_manager.bot import reports
from streamvault_manager.bot.errors import NotPosted
from streamvault_manager.bot.reports import Reporter
from streamvault_manager.metrics import Metrics
from streamvault_manager.stores import redis as redis_store


class Channel:
    """Stands for the Admin Channel; `refusals` is how often posting fails before it works."""

    def __init__(self) -> None:
        self.online = True
        self.refusals = 0
        self.attempts: list[float] = []
        self.texts: list[str] = []

    async def post(self, text: str) -> None:
        self.attempts.append(asyncio.get_running_loop().time())
        if self.refusals:
            self.refusals -= 1
            raise NotPosted("not now", 0.05)
        self.texts.append(text)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "READ_SECONDS", 0.02)
    monkeypatch.setattr(reports, "STORE_RETRY_SECONDS", 0.05)


@asynccontextmanager
async def reporting(
    server: RedisServer, channel: Channel, *, window: float = 0.0, interval: float = 0.0, consumer: str = "manager-1"
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    connection = redis_store.connect(server.url)
    reporter = Reporter(redis_store.EventStream(connection, consumer), channel, Metrics(), window, interval)
    task = asyncio.create_task(reporter.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task
        await connection.aclose()


async def tell(server: RedisServer, text: str, group: str = "") -> None:
    async with server.client() as redis:
        await publish(redis, Event(part="worker", severity=Severity.ERROR, text=text, group=group))


async def waiting_for(server: RedisServer, count: int) -> None:
    """Return when the manager has taken over `count` entries that it has not acknowledged."""

    async def reached() -> bool:
        async with server.client() as redis:
            summary = await redis.xpending(EVENTS_STREAM, redis_store.REPORT_GROUP)
        return bool(summary["pending"] == count)

    await until_true(reached)


async def test_an_event_is_posted_and_then_acknowledged(redis_server: RedisServer) -> None:
    await tell(redis_server, "told before the manager started")
    channel = Channel()

    async with reporting(redis_server, channel):
        await until(lambda: len(channel.texts) == 1)
        await waiting_for(redis_server, 0)

    assert channel.texts == ["🔴 worker\ntold before the manager started"]


async def test_nothing_is_lost_while_the_channel_is_out_of_reach(redis_server: RedisServer) -> None:
    channel = Channel()
    channel.online = False

    async with reporting(redis_server, channel):
        for number in range(20):
            await tell(redis_server, f"event {number}")
        await waiting_for(redis_server, 20)
        assert channel.attempts == []
        channel.refusals, channel.online = 3, True
        await until(lambda: "event 19" in "".join(channel.texts))
        await waiting_for(redis_server, 0)

    posted = "\n".join(channel.texts)
    assert [posted.count(f"event {number}\n") + posted.endswith(f"event {number}") for number in range(20)] == [1] * 20


async def test_repetitions_within_the_window_are_one_message(redis_server: RedisServer) -> None:
    for _ in range(50):
        await tell(redis_server, "slow disk", group="disk")
    channel = Channel()

    async with reporting(redis_server, channel, window=5.0):
        await until(lambda: bool(channel.texts))
        await waiting_for(redis_server, 0)

    assert len(channel.texts) == 1
    assert "×50" in channel.texts[0]


async def test_messages_keep_their_distance(redis_server: RedisServer) -> None:
    channel = Channel()

    async with reporting(redis_server, channel, interval=0.3):
        for number in range(3):
            await tell(redis_server, f"event {number}")
            await until(lambda: len(channel.attempts) == number + 1)  # noqa: B023 - awaited at once

    gaps = [later - earlier for earlier, later in zip(channel.attempts, channel.attempts[1:], strict=False)]
    assert min(gaps) >= 0.29


async def test_what_an_earlier_manager_left_behind_is_posted(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = Channel()
    unreachable.online = False
    async with reporting(redis_server, unreachable, consumer="manager-old"):
        await tell(redis_server, "left behind")
        await waiting_for(redis_server, 1)
    monkeypatch.setattr(reports, "RECLAIM_SECONDS", 0.05)
    channel = Channel()

    async with reporting(redis_server, channel, consumer="manager-new"):
        await until(lambda: bool(channel.texts))
        await waiting_for(redis_server, 0)

    assert channel.texts == ["🔴 worker\nleft behind"]


async def test_reporting_outlives_redis_and_garbage_in_the_stream(redis_server: RedisServer) -> None:
    channel = Channel()

    async with reporting(redis_server, channel):
        async with redis_server.client() as redis:
            await redis.xadd(EVENTS_STREAM, {"severity": "loud"})
        await tell(redis_server, "before")
        await until(lambda: len(channel.texts) == 1)
        await redis_server.stop()
        await redis_server.start()
        await tell(redis_server, "after")
        await until(lambda: len(channel.texts) == 2)
        await waiting_for(redis_server, 0)

    assert [text.splitlines()[1] for text in channel.texts] == ["before", "after"]
