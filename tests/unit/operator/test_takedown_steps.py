"""Each step of a takedown: what it does, what it takes for done, and how it says what hinders it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from edge_agent import running_agent
from motor.motor_asyncio import AsyncIOMotorClient
from purges import DELETION, TAKEDOWN, Catalogue, Channels, Edges, context, doomed
from redis_server import RedisServer
from titles import CHANNEL, NOW

from streamvault_common import keys
from streamvault_common.keys import SLICE_BYTES
from streamvault_common.requests import (
    REQUEST_FIELD,
    MessagesReply,
    MessagesRequest,
    ReplyOutcome,
    RequestKind,
)
from streamvault_edge.slices import Film, film_paths
from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.domain.takedown import Counts, Done, Unfinished
from streamvault_operator.io.agents import Agents
from streamvault_operator.io.reports import Reports
from streamvault_operator.io.requests import Requests
from streamvault_operator.io.store import Store
from streamvault_operator.steps import cache, mirrors, source, withdraw

LONG_AGO = NOW - timedelta(minutes=5)
FIDS = ["a" * 32, "b" * 32]
FLOODED = MessagesReply(outcome=ReplyOutcome.FLOODED, wait_seconds=212)
SHORT_FLOOD = MessagesReply(outcome=ReplyOutcome.FLOODED, wait_seconds=7)
DENIED = MessagesReply(outcome=ReplyOutcome.DENIED, message="CHAT_ADMIN_REQUIRED")
SILENT = MessagesReply(outcome=ReplyOutcome.FAILED, message="four did not answer")


@pytest.fixture
async def nowhere() -> AsyncIterator[Store]:
    """A MongoDB that does not answer."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        "mongodb://127.0.0.1:9", serverSelectionTimeoutMS=100
    )
    yield Store(client, "streamvault")
    client.close()


@pytest.fixture
def cache_folder(tmp_path: Path) -> Path:
    """The volume of an edge that holds two slices of each file."""
    for fid in FIDS:
        for path in film_paths(tmp_path, Film(fid, 1, 2 * SLICE_BYTES, SLICE_BYTES)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"slice")
    return tmp_path


def held(cache_folder: Path) -> int:
    """How many slices an edge holds."""
    return sum(path.is_file() for path in (cache_folder / "video").rglob("*"))


async def test_every_place_is_told_although_one_is_away(
    redis_server: RedisServer, nowhere: Store, cache_folder: Path
) -> None:
    reports = Reports.connect(redis_server.url)
    files = [replace(doomed(1, fid=fid), size_bytes=2 * SLICE_BYTES) for fid in FIDS]
    with running_agent(cache_folder) as agent:
        token = {"Authorization": agent.headers["authorization"]}
        async with ClientSession(headers=token) as http, redis_server.client() as client:
            heard = client.pubsub()
            await heard.subscribe(keys.TAKEDOWN_CHANNEL)
            out = {"store": nowhere, "reports": reports, "agents": Agents(http, agent.base_url.port or 0)}
            outcome = await withdraw.run(context(*files, edges=["::1", "127.0.0.1"], out=out))
            assert isinstance(outcome, Unfinished)
            assert outcome.message.split("; ") == [
                "edge agent at ::1: ClientConnectorError",
                "MongoDB could not block blue-tape (ServerSelectionTimeoutError)",
            ]
            assert outcome.counts == Counts(found=2)
            assert agent.get("/tombstones").json() == {"fids": FIDS}
            assert await client.exists(*map(keys.blocked_key, FIDS)) == 2
            named = [note["data"] async for note in _three(heard) if note["type"] == "message"]
            assert sorted(named) == FIDS
            await heard.aclose()  # type: ignore[no-untyped-call]
    await reports.close()


async def test_who_watches_is_cut_on_the_edge_that_answers(nowhere: Store, cache_folder: Path) -> None:
    files = [replace(doomed(1, fid=fid), size_bytes=2 * SLICE_BYTES) for fid in FIDS]
    with running_agent(cache_folder) as agent:
        token = {"Authorization": agent.headers["authorization"]}
        async with ClientSession(headers=token) as http:
            out = {"store": nowhere, "agents": Agents(http, agent.base_url.port or 0)}
            swept = await withdraw.cut(context(*files, edges=["::1", "127.0.0.1"], out=out))
        assert (swept, held(cache_folder)) == (Counts(found=4, removed=4), 0)
        assert agent.get("/tombstones").json() == {"fids": FIDS}, "else the next request fetches a slice again"


async def test_what_only_the_catalogue_knows_is_withdrawn_too(
    redis_server: RedisServer, nowhere: Store, cache_folder: Path
) -> None:
    declared, other = (replace(doomed(1, fid=fid), size_bytes=2 * SLICE_BYTES) for fid in FIDS)
    reports = Reports.connect(redis_server.url)

    async def catalogue() -> list[DoomedFile]:
        return [declared, other]

    with running_agent(cache_folder) as agent:
        token = {"Authorization": agent.headers["authorization"]}
        async with ClientSession(headers=token) as http, redis_server.client() as client:
            out = {"store": nowhere, "reports": reports, "agents": Agents(http, agent.base_url.port or 0)}
            ctx = replace(context(declared, edges=["127.0.0.1"], out=out), catalogue=catalogue)
            outcome, swept = await withdraw.run(ctx), await withdraw.cut(ctx)
            assert (outcome.counts, swept) == (Counts(found=2), Counts(found=4, removed=4))
            assert agent.get("/tombstones").json() == {"fids": FIDS}
            assert await client.exists(*map(keys.blocked_key, FIDS)) == 2
    await reports.close()


async def _three(heard: Any) -> AsyncIterator[dict[str, Any]]:
    """The confirmation of the subscription and two announcements."""
    for _ in range(3):
        yield await heard.get_message(timeout=60)


@pytest.mark.parametrize(
    ("edges", "says"), [(None, "an edge is not running"), (["127.0.0.1"], "edge agent at 127.0.0.1")]
)
async def test_an_edge_that_does_not_answer_is_owed_its_tombstones(
    redis_server: RedisServer, nowhere: Store, edges: list[str] | None, says: str
) -> None:
    reports = Reports.connect(redis_server.url)
    async with ClientSession() as http:
        out = {"store": nowhere, "reports": reports, "agents": Agents(http, 9)}
        outcome = await withdraw.run(context(edges=edges, out=out))
    assert isinstance(outcome, Unfinished)
    assert says in outcome.message
    await reports.close()


async def test_the_cache_is_swept_again_a_minute_after_the_withdrawal() -> None:
    edges = Edges({"10.0.0.1": 212})
    first = await cache.run(context(out={"agents": edges}))
    assert first == Unfinished("InProgress", "swept; once more for late writers", Counts(212, 212, 0), after_seconds=60)
    edges.slices["10.0.0.1"] = 1
    second = await cache.run(context(now=NOW + timedelta(seconds=60), out={"agents": edges}))
    assert isinstance(second, Unfinished)
    assert (second.reason, second.counts.removed, second.after_seconds) == ("InProgress", 1, 60)
    third = await cache.run(context(now=NOW + timedelta(seconds=120), out={"agents": edges}))
    assert third == Done(Counts())


async def test_slices_that_stay_are_said_to_stay() -> None:
    edges = Edges({"10.0.0.1": 5}, stubborn=2)
    outcome = await cache.run(context(withdrawn_at=LONG_AGO, out={"agents": edges}))
    assert isinstance(outcome, Unfinished)
    assert (outcome.reason, outcome.counts) == ("StillPresent", Counts(5, 3, 2))


@pytest.mark.parametrize("edges", [None, ["10.0.0.1", "10.0.0.2"]])
async def test_every_edge_must_be_swept(edges: list[str] | None) -> None:
    outcome = await cache.run(context(withdrawn_at=LONG_AGO, edges=edges, out={"agents": Edges({"10.0.0.1": 0})}))
    assert isinstance(outcome, Unfinished)
    assert outcome.reason == "Unreachable"


async def test_without_an_edge_there_is_nothing_to_sweep() -> None:
    assert await cache.run(context(withdrawn_at=LONG_AGO, edges=[])) == Done()


async def test_messages_are_deleted_in_hundreds_and_asked_for_again() -> None:
    ids = list(range(1, 251))
    channels = Channels({CHANNEL: set(ids) | {999}})
    outcome = await source.run(context(doomed(*ids), out={"requests": channels}))
    assert outcome == Done(Counts(found=250, removed=250))
    assert channels.present == {CHANNEL: {999}}
    assert [size for _, kind, size in channels.asked if kind is RequestKind.DELETE_MESSAGES] == [100, 100, 50]
    assert channels.asked[-1][1] is RequestKind.FIND_MESSAGES


async def test_messages_that_are_gone_already_count_as_done() -> None:
    channels = Channels({CHANNEL: {2}})
    assert await source.run(context(doomed(1, 2, 3), out={"requests": channels})) == Done(Counts(1, 1, 0))
    assert await source.run(context(doomed(1, 2, 3), out={"requests": channels})) == Done(Counts())


async def test_messages_that_telegram_keeps_are_said_to_stay() -> None:
    channels = Channels({CHANNEL: {1, 2, 3}}, undeletable={3})
    outcome = await source.run(context(doomed(1, 2, 3), out={"requests": channels}))
    assert isinstance(outcome, Unfinished)
    assert (outcome.reason, outcome.counts) == ("StillPresent", Counts(3, 2, 1))


@pytest.mark.parametrize(
    ("says", "reason", "after_seconds"),
    [
        ({"four": FLOODED}, "FloodWait", 212),
        ({"four": DENIED}, "PermissionDenied", None),
        ({"four": SILENT}, "Unreachable", None),
        ({"four": DENIED, "five": FLOODED}, "FloodWait", 212),
        ({"four": FLOODED, "five": SHORT_FLOOD}, "FloodWait", 7),
        ({"four": SILENT, "five": DENIED}, "PermissionDenied", None),
    ],
    ids=str,
)
async def test_what_hinders_the_moderators_is_told(
    says: dict[str, MessagesReply], reason: str, after_seconds: float | None
) -> None:
    out = {"requests": Channels({CHANNEL: {1, 2, 3}}, says=says)}
    outcome = await source.run(context(moderators=list(says), out=out))
    assert isinstance(outcome, Unfinished)
    assert (outcome.reason, outcome.after_seconds, outcome.counts.remaining) == (reason, after_seconds, 3)


async def test_another_moderator_takes_over() -> None:
    out = {"requests": Channels({CHANNEL: {1, 2, 3}}, says={"four": DENIED})}
    assert await source.run(context(moderators=["four", "five"], out=out)) == Done(Counts(3, 3, 0))


async def test_without_a_moderator_the_messages_wait() -> None:
    outcome = await source.run(context(moderators=[]))
    assert isinstance(outcome, Unfinished)
    assert (outcome.reason, outcome.counts.remaining) == ("NoModerator", 3)


async def test_what_nobody_asked_for_is_not_deleted() -> None:
    kept = Order("TakenDown", "Other", delete_source=False, delete_mirrors=False)
    channels = Channels({CHANNEL: {1}, -1002400000124: {1}})
    out = {"requests": channels}
    for step in (source, mirrors):
        ctx = context(doomed(1), order=kept, mirrors={-1002400000124: [1]}, out=out)
        assert await step.run(ctx) == Done(requested=False)
    assert channels.asked == []


async def test_every_mirror_is_emptied_although_one_fails() -> None:
    channels = Channels({-1001: {1, 2}, -1002: {3}}, undeletable={1})
    outcome = await mirrors.run(context(mirrors={-1001: [1, 2], -1002: [3]}, out={"requests": channels}))
    assert isinstance(outcome, Unfinished)
    assert outcome.counts == Counts(3, 2, 1)
    assert channels.present == {-1001: {1}, -1002: set()}


async def test_a_film_that_another_title_shows_holds_up_a_takedown() -> None:
    channels = Channels({CHANNEL: {1, 2}})
    out = {"requests": channels, "store": Catalogue({(CHANNEL, 2): "red-reel"})}
    outcome = await source.run(context(doomed(1, 2), out=out))
    assert isinstance(outcome, Unfinished)
    assert outcome.reason == "StillPresent"
    assert "red-reel" in outcome.message
    assert channels.present == {CHANNEL: {2}}, "the other title goes on playing"


@pytest.mark.parametrize(
    ("file", "order"), [(doomed(1, 2, video=False), TAKEDOWN), (doomed(1, 2), DELETION)], ids=["poster", "deletion"]
)
async def test_what_is_shared_stays_where_a_takedown_does_not_mean_it(file: DoomedFile, order: Order) -> None:
    channels = Channels({CHANNEL: {1, 2}})
    out = {"requests": channels, "store": Catalogue({(CHANNEL, 2): "red-reel"})}
    assert await source.run(context(file, order=order, out=out)) == Done(Counts(1, 1, 0))
    assert channels.present == {CHANNEL: {2}}


async def test_what_cannot_be_read_holds_its_step_up_and_says_where() -> None:
    channels = Channels({CHANNEL: {1}, -1001: {2}})
    ctx = context(doomed(1), mirrors={-1001: [2]}, out={"requests": channels})
    broken = replace(ctx, unreadable_files=["files[1].parts[0]"], unreadable_mirrors=["mirrors[0].messageIDs"])
    for step, place in ((source, "spec.files[1].parts[0]"), (mirrors, "spec.mirrors[0].messageIDs")):
        outcome = await step.run(broken)
        assert isinstance(outcome, Unfinished)
        assert (outcome.reason, outcome.counts.removed) == ("Unreadable", 1)
        assert place in outcome.message
    assert channels.present == {CHANNEL: set(), -1001: set()}, "what can be read is deleted all the same"


async def test_a_request_reaches_its_worker_and_the_reply_comes_back(redis_server: RedisServer) -> None:
    requests = Requests(redis_server.client(), deadline_seconds=60)

    async def worker(client: Any) -> MessagesRequest:
        ((_, ((_, fields),)),) = await client.xread({keys.requests_key("four"): "0"}, block=60_000)
        request = MessagesRequest.model_validate_json(fields[REQUEST_FIELD])
        reply = MessagesReply(outcome=ReplyOutcome.DONE, present=(2,))
        await client.rpush(keys.reply_key(request.id), reply.model_dump_json())
        return request

    async with redis_server.client() as client:
        asking = requests.ask("four", RequestKind.FIND_MESSAGES, CHANNEL, [1, 2])
        reply, request = await asyncio.gather(asking, worker(client))
    assert (reply.outcome, reply.present) == (ReplyOutcome.DONE, (2,))
    assert (request.channel_id, request.message_ids) == (CHANNEL, (1, 2))
    await requests.close()


async def test_a_silent_worker_is_a_failure_and_not_an_error(redis_server: RedisServer) -> None:
    requests = Requests(redis_server.client(), deadline_seconds=0.2)
    reply = await requests.ask("four", RequestKind.FIND_MESSAGES, CHANNEL, [1])
    assert (reply.outcome, reply.message) == (ReplyOutcome.FAILED, "four did not answer")
    await requests.close()
