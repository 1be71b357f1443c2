"""The operator's view of what is outside of it: Redis coming and going, workers' answers, edges that must hear."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis_server import RedisServer

from streamvault_common import keys
from streamvault_common.models import SessionReport, WorkerState
from streamvault_operator.io.reports import Reports, ReportsUnavailable
from streamvault_operator.io.store import Store
from streamvault_operator.io.workers import Workers

FIDS = ["a" * 32, "b" * 32]
TICK_SECONDS = 0.1
"""Redis and this process count time on their own."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def reports(redis_server: RedisServer) -> AsyncIterator[Reports]:
    gateway = Reports.connect(redis_server.url)
    yield gateway
    await gateway.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[int]]]:
    """Serve one handler on a free port of 127.0.0.1; returns the port."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> int:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def nowhere() -> AsyncIterator[Store]:
    """A MongoDB that does not answer."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        "mongodb://127.0.0.1:9", serverSelectionTimeoutMS=100
    )
    yield Store(client, "streamvault")
    client.close()


async def test_redis_being_away_is_a_fact_and_not_an_error(redis_server: RedisServer) -> None:
    moment = [1000.0]
    gateway = Reports.connect(redis_server.url)
    gateway.clock = lambda: moment[0]
    await say(redis_server, "s01")
    board = await gateway.board("s01")
    assert board.since == 1000
    assert board.reports["s01"].state is WorkerState.SERVING
    await redis_server.stop()
    moment[0] = 1010
    board = await gateway.board("s01")
    assert (board.since, board.reports) == (None, {})
    await redis_server.start()
    moment[0] = 1020
    assert (await gateway.board("s01")).since == 1020
    moment[0] = 1030
    assert (await gateway.board("s01")).since == 1020
    await gateway.close()


async def say(redis_server: RedisServer, name: str, *, at: float = 0.0, seconds_left: int = 0, **fields: Any) -> None:
    """Write a worker's report, which Redis keeps for `seconds_left` (0 = for ever)."""
    said: Any = SessionReport(state=WorkerState.SERVING, at=at or time.time(), **fields).to_redis()
    async with redis_server.client() as client:
        await client.hset(keys.session_key(name), mapping=said)
        if seconds_left:
            await client.expire(keys.session_key(name), seconds_left)


@pytest.mark.parametrize("skew", [-60.0, 0.0, 60.0])
async def test_a_worker_was_heard_when_it_spoke_and_not_when_its_clock_says(
    redis_server: RedisServer, reports: Reports, skew: float
) -> None:
    before = reports.clock()
    await say(redis_server, "s01", at=time.time() + skew, seconds_left=keys.HEARTBEAT_TTL_SECONDS - 20)
    board = await reports.board("s01")
    assert before - 20 - TICK_SECONDS <= board.heard["s01"] <= reports.clock() - 20 + TICK_SECONDS


async def test_a_report_that_redis_has_forgotten_was_heard_nevertheless(redis_server: RedisServer) -> None:
    moment = [1000.0]
    gateway = Reports.connect(redis_server.url)
    gateway.clock = lambda: moment[0]
    await say(redis_server, "s01")
    await gateway.board("s01")
    moment[0] = 1030
    await gateway.board("s01")
    async with redis_server.client() as client:
        await client.delete(keys.session_key("s01"))
    moment[0] = 1070
    board = await gateway.board("s01")
    assert (board.reports, board.heard) == ({}, {"s01": 1000.0}), "it said the same all the time"
    await gateway.close()


async def test_a_fresh_look_at_one_session_leaves_the_others_as_they_were_read(redis_server: RedisServer) -> None:
    moment = [1000.0]
    gateway = Reports.connect(redis_server.url)
    gateway.clock = lambda: moment[0]
    for name in ("s01", "s02"):
        await say(redis_server, name)
        await gateway.board(name)
    for name in ("s01", "s02"):
        await say(redis_server, name, in_flight=3)
    moment[0] = 1001
    old = await gateway.board("s01")
    assert old.reports["s01"].in_flight == 0
    board = await gateway.board("s01", fresh=True)
    assert {name: report.in_flight for name, report in board.reports.items()} == {"s01": 3, "s02": 0}
    await gateway.close()


class Forgetful(Pipeline):
    """Confirms a withdrawal that is not there, as a Redis that evicts or that was replaced by its replica does."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        lost = args[:2] == ("SET", keys.blocked_key(FIDS[1]))
        return super().execute_command(*args, *(("EXAT", 1) if lost else ()), **options)


class ForgetfulRedis(Redis):
    """Its pipelines lose one withdrawal."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return Forgetful(self.connection_pool, self.response_callbacks, transaction, shard_hint)


async def test_withdrawn_files_are_read_back(redis_server: RedisServer, reports: Reports) -> None:
    await reports.block([*FIDS, FIDS[0]])
    async with redis_server.client() as client:
        assert await client.exists(*map(keys.blocked_key, FIDS)) == 2
        await client.delete(*map(keys.blocked_key, FIDS))
    async with ForgetfulRedis.from_url(redis_server.url) as client:
        with pytest.raises(ReportsUnavailable, match="1 files"):
            await Reports(client).block(FIDS)


async def test_an_unreadable_report_counts_as_none(redis_server: RedisServer, reports: Reports) -> None:
    async with redis_server.client() as client:
        await client.hset(keys.session_key("s01"), "state", "dancing")
    assert (await reports.board("s01")).reports == {}


async def test_a_forgotten_session_leaves_nothing_behind(redis_server: RedisServer, reports: Reports) -> None:
    await reports.set_drain("s01", on=True)
    async with redis_server.client() as client:
        assert 0 < await client.ttl(keys.drain_key("s01")) <= 120, "the flag ends by itself"
        await client.set(keys.verdict_key("s01"), "x")
        await reports.forget("s01")
        assert await client.keys("sv:session:s01*") == []


async def test_a_flag_that_cannot_be_raised_is_an_error(redis_server: RedisServer, reports: Reports) -> None:
    await redis_server.stop()
    with pytest.raises(ReportsUnavailable):
        await reports.set_drain("s01", on=True)


async def test_the_first_bytes_are_asked_for_and_counted(serve: Callable[[Handler], Awaitable[int]]) -> None:
    async def worker(request: web.Request) -> web.Response:
        assert request.path == f"/files/{FIDS[0]}/3"
        assert request.headers["Range"] == "bytes=0-99"
        return web.Response(status=206, body=b"x" * 100, headers={"Content-Range": "bytes 0-99/12345"})

    async with ClientSession() as http:
        reading = await Workers(http, await serve(worker)).first_bytes("127.0.0.1", FIDS[0], 3, 100)
    assert (reading.status, reading.total_bytes, reading.body_bytes) == (206, 12345, 100)


async def test_a_busy_worker_says_when_to_come_back(serve: Callable[[Handler], Awaitable[int]]) -> None:
    async def worker(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "17"})

    async with ClientSession() as http:
        reading = await Workers(http, await serve(worker)).first_bytes("127.0.0.1", FIDS[0], 3, 100)
        nobody = await Workers(http, 9).first_bytes("127.0.0.1", FIDS[0], 3, 100)
    assert (reading.status, reading.retry_after_seconds) == (503, 17)
    assert nobody.status == 0
