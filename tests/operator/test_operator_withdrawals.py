"""Off the air at once: a withdrawal waits for nothing that is away, and reaches titles that lost their resource."""

import asyncio
import time

import pytest
from api_server import Manifest
from conditions import until_true
from fault_stage import CHANNEL, Stage

from streamvault_common import documents, keys

pytestmark = pytest.mark.cluster

CUT_SECONDS = 5.0


async def cut(stage: Stage, name: str) -> bool:
    """Whether no viewer can go on: the edge has lost the slices and refuses the file, and so do the workers."""
    async with stage.operator.redis.client() as client:
        blocked = await client.exists(keys.blocked_key(stage.fid(name)))
    tombstone = stage.agent.cache / "tombstones" / stage.fid(name)
    return bool(blocked) and tombstone.exists() and not any(path.exists() for path in stage.slices(name))


@pytest.mark.parametrize("fault", ["cut", "freeze"])
async def test_viewers_are_cut_in_time_while_mongodb_is_away(stage: Stage, fault: str) -> None:
    """The quickest of three counts: a busy machine holds up one or another, but what waits for MongoDB always waits."""
    films = {"first": (1, 2), "second": (3, 4), "third": (5, 6)}
    await stage.start()
    await stage.moderator()
    for name, messages in films.items():
        await stage.publish(name, *messages)
    getattr(stage.mongo, fault)()
    took = [await seconds_until_cut(stage, name) for name in films]
    assert min(took) < CUT_SECONDS, f"{took} s\n{stage.operator.log()[-2000:]}"
    for name in films:
        await stage.until_reason(name, "Withdrawn", "False/Unreachable")
    stage.mongo.mend()
    for name in films:
        await stage.until_reason(name, "Withdrawn", "True/Verified")
        assert (stage.records[documents.TITLES].find_one({"_id": name}) or {})["state"] == "TakenDown"


async def seconds_until_cut(stage: Stage, name: str) -> float:
    """How long it takes from the declaration until no viewer can go on."""
    asked = time.monotonic()
    stage.take_down(name)
    await until_true(lambda: cut(stage, name))
    return time.monotonic() - asked


async def test_the_bytes_of_a_film_that_was_taken_down_are_refused_as_other_messages_too(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1)
    stage.take_down("film")
    await stage.until_reason("film", "SourcePurged", "True/Verified")
    await stage.until_reason("film", "MirrorsPurged", "True/Verified")
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")

    stage.swarm.copies[stage.fid("again")] = stage.fid("film")
    stage.declare_title("again", 5)
    stage.declare_title("another", 6)
    await stage.until_title("another", "Published")
    await stage.until_reason("again", "Ready", "False/Denied")
    assert (stage.records[documents.TITLES].find_one({"_id": "again"}) or {})["state"] == "Pending"
    assert (stage.records[documents.FILES].find_one({"title": "again"}) or {})["blocked"]
    assert 5 in stage.swarm.messages[CHANNEL], "refused, and not deleted behind its owner's back"


async def test_a_title_whose_finalizer_is_taken_off_goes_off_the_air_and_comes_back(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1, 2)
    path = stage.operator.path("titles", "film")
    await stage.operator.kill()
    stage.operator.api.patch(path, {"metadata": {"finalizers": None}})
    stage.operator.api.delete(path)
    stage.declare_title("other", 7)
    await stage.start()
    await stage.until_title("other", "Published")

    async def withdrawn() -> bool:
        return await asyncio.to_thread(stage.records[documents.TITLES].find_one, {"_id": "film"}) is None

    await until_true(withdrawn, 180)
    assert await cut(stage, "film")
    assert stage.swarm.messages[CHANNEL] >= {1, 2}
    await stage.operator.until_told("film", "WithdrawnWithoutPurge")

    stage.declare_title("film", 1, 2)
    await stage.until_title("film", "Published")
    assert not await cut(stage, "film")
    found: Manifest = stage.records[documents.FILES].find_one({"title": "film"}) or {}
    assert (found["gen"], found["blocked"]) == (2, False)
