"""A takedown from its order to its tombstone: who is told when something is away, what counts, what stays on record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from conditions import until, until_true
from title_world import EDGE, NAME, TitleWorld, fid, title_world
from titles import CHANNEL, declared, part

from streamvault_common.documents import (
    AUDIT,
    DENIALS,
    FILES,
    TITLES,
    Part,
    StoredFile,
    asset_id,
    content_hash,
    head_id,
)
from streamvault_operator.io.store import StoreUnavailable

SECOND_EDGE = "10.0.0.2"
MIRROR = -1002400000124
POSTER = asset_id(NAME, "poster-400")


@pytest.fixture
async def world() -> AsyncIterator[TitleWorld]:
    """A published film with a poster, and its slices on the edge."""
    async with title_world() as one:
        one.declare(mirrors=[{"name": "second", "channelID": MIRROR, "messageIDs": [7]}])
        await one.look()
        one.channels.present[CHANNEL].add(9)
        one.channels.present[MIRROR] = {7}
        await one.deps.store.put_files([poster()])
        one.edges.slices[EDGE] = {(fid(), 1), (POSTER, 1)}
        yield one


def poster() -> StoredFile:
    parts = (Part(channel_id=CHANNEL, message_id=9, size_bytes=100),)
    return StoredFile(
        id=POSTER, title=NAME, name="poster-400", kind="image", parts=parts, size_bytes=100, content_type="image/avif"
    )


async def test_nothing_of_a_title_is_left_but_that_it_was_taken_down(world: TitleWorld) -> None:
    world.take_down()
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"
    assert world.channels.present == {CHANNEL: set(), MIRROR: set()}
    assert world.edges.slices[EDGE] == set()
    assert world.edges.buried[EDGE] == {fid(), POSTER} == await world.blocked()
    assert world.mongo.documents(FILES) == []
    (entry,) = world.mongo.documents(TITLES)
    assert (entry["state"], entry["display_name"], entry["files"]) == ("TakenDown", "", [])
    assert world.message("CachePurged") == "2 slices removed, none is left"


async def test_viewers_are_cut_although_mongodb_is_away(world: TitleWorld) -> None:
    await world.mongo.stop()
    world.take_down()
    await world.look()
    assert world.edges.slices[EDGE] == {(POSTER, 1)}, "what the resource declares is gone from the edge"
    assert world.edges.buried[EDGE] == {fid()} == await world.blocked()
    assert world.conditions()["Withdrawn"] == "False/Unreachable"
    await world.mongo.start()
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"
    assert world.edges.buried[EDGE] == {fid(), POSTER}


class Silent:
    """A MongoDB that takes every call and answers none."""

    def __getattr__(self, _: str) -> Callable[..., Awaitable[None]]:
        async def hang(*_: object) -> None:
            await asyncio.Event().wait()

        return hang


async def test_the_edge_and_the_workers_do_not_wait_for_mongodb(world: TitleWorld) -> None:
    """That it is away is found out after a while only; until then nobody may go on watching."""
    store, world.deps.store = world.deps.store, Silent()  # type: ignore[assignment]
    world.take_down()
    looking = asyncio.create_task(world.look())
    try:
        await until(lambda: world.edges.slices[EDGE] == {(POSTER, 1)})
        await until_true(world.blocked)
        assert not looking.done()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        world.deps.store = store


async def test_viewers_are_cut_on_the_edge_that_is_there_although_another_is_away(world: TitleWorld) -> None:
    world.add_pod("edge-1", "edge", SECOND_EDGE)
    world.edges.slices[SECOND_EDGE] = {(fid(), 1)}
    world.edges.away = {SECOND_EDGE}
    world.take_down()
    await world.look()
    assert world.edges.slices == {EDGE: set(), SECOND_EDGE: {(fid(), 1)}}
    assert world.shown() == "TakenDown"
    assert world.conditions()["Withdrawn"] == "False/Unreachable"
    world.edges.away = set()
    await world.settle()
    assert world.edges.slices[SECOND_EDGE] == set()
    assert world.message("CachePurged") == "3 slices removed, none is left"


async def test_viewers_are_cut_on_the_edge_that_runs_although_another_has_no_address(world: TitleWorld) -> None:
    world.add_pod("edge-1", "edge", "")
    world.take_down()
    await world.look()
    assert world.edges.slices[EDGE] == set()
    assert "an edge is not running" in world.message("Withdrawn")


async def test_a_sweep_of_thousands_of_slices_does_not_hold_up_the_withdrawal(world: TitleWorld) -> None:
    world.edges.sweeping.clear()
    world.take_down()
    looking = asyncio.create_task(world.look())
    await until(lambda: world.conditions().get("Withdrawn") == "True/Verified")
    assert not looking.done()
    world.edges.sweeping.set()
    await looking
    assert world.edges.slices[EDGE] == set()


async def test_every_fact_is_on_record_once(world: TitleWorld) -> None:
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Cooling"
    world.take_down(requestedBy="legal")
    await world.settle(hours=0.05)
    hindered = ("Step", "source", "NoModerator")
    assert world.facts().count(hindered) == 1, "tried more than once, told once"
    assert (NAME, "SourcePurgeDelayed", True) in world.api.events
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Active"
    await world.settle()
    assert world.facts() == [
        ("Requested", "", "TakenDown"),
        ("Step", "withdraw", "Verified"),
        *[fact for fact in world.facts() if fact[0] == "Step" and fact[1] not in {"withdraw", "database"}],
        ("Step", "database", "Verified"),
        ("Completed", "", "AllStepsVerified"),
    ]
    assert len(set(world.facts())) == len(world.facts())
    told = [reason for _, reason, _ in world.api.events]
    assert told.count("TakedownRequested") == told.count("TakedownComplete") == told.count("Withdrawn") == 1
    (requested,) = (entry for entry in world.mongo.documents(AUDIT) if entry["kind"] == "Requested")
    assert (requested["requested_by"], requested["reference"]) == ("legal", "CASE-88")


async def test_a_fact_that_is_on_record_is_not_written_over(world: TitleWorld) -> None:
    world.take_down()
    await world.look()
    before = world.mongo.documents(AUDIT)
    world.api.objects["titles", NAME]["status"].pop("takedown")
    world.now += timedelta(hours=1)
    await world.look()
    assert world.mongo.documents(AUDIT)[: len(before)] == before


async def test_no_step_is_verified_without_a_record_of_it(world: TitleWorld) -> None:
    world.take_down()
    await world.look()

    async def refuse(*_: object) -> bool:
        raise StoreUnavailable("MongoDB could not write the audit trail (AutoReconnect)")

    record, world.deps.store.record = world.deps.store.record, refuse  # type: ignore[method-assign, assignment]
    await world.settle(hours=0.1)
    assert world.conditions()["SourcePurged"] == "False/Unreachable"
    world.deps.store.record = record  # type: ignore[method-assign]
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"


async def test_after_a_day_a_warning_asks_for_a_human_once(world: TitleWorld) -> None:
    world.edges.away = {EDGE}
    world.take_down()
    await world.look()
    assert world.conditions()["Stalled"] == "False/Progressing"
    world.now += timedelta(hours=24)
    await world.look()
    world.now += timedelta(hours=1)
    await world.look()
    assert world.conditions()["Stalled"] == "True/TakedownOverdue"
    assert world.api.events.count((NAME, "TakedownOverdue", True)) == 1
    world.edges.away = set()
    await world.settle()
    assert world.conditions()["Stalled"] == "False/Progressing"


async def test_a_tombstone_goes_when_its_days_are_over(world: TitleWorld) -> None:
    world.take_down(tombstoneDays=2)
    await world.settle()
    world.now += timedelta(days=2, seconds=-60)
    await world.look()
    assert "titles/blue-tape" in {"/".join(key) for key in world.api.objects}
    world.now += timedelta(seconds=61)
    await world.look()
    assert "deletionTimestamp" in world.api.objects["titles", NAME]["metadata"]
    await world.settle()
    assert ("titles", NAME) not in world.api.objects
    assert ("Released", "", "TakenDown") in world.facts()
    assert (world.shown(), await world.blocked() & {fid()}) == ("", set())


async def test_a_suspended_title_is_taken_down_all_the_same(world: TitleWorld) -> None:
    world.edit(suspend=True)
    await world.look()
    world.take_down()
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"


async def test_a_deletion_purges_every_copy_and_denies_nothing(world: TitleWorld) -> None:
    await world.delete()
    await world.settle()
    assert ("titles", NAME) not in world.api.objects
    assert world.channels.present == {CHANNEL: set(), MIRROR: set()}
    assert (world.shown(), world.mongo.documents(DENIALS), world.mongo.documents(FILES)) == ("", [], [])
    world.declare(uid="u2")
    await world.settle()
    assert world.conditions()["Ready"] == "True/Published"
    assert await world.blocked() & {fid()} == set()


async def test_a_takedown_of_a_title_that_is_being_deleted_is_a_takedown(world: TitleWorld) -> None:
    """The deletion's own steps are through already, but for the last one."""
    world.edges.away = {EDGE}
    await world.delete()
    await world.look()
    world.edges.away = set()
    await world.settle(hours=0.01)
    assert world.conditions()["SourcePurged"] == "True/Verified"
    world.take_down()
    await world.settle()
    assert ("titles", NAME) not in world.api.objects, "it was deleted, and goes"
    assert [fact for fact in world.facts() if fact[0] in {"Requested", "Completed", "Released"}] == [
        ("Requested", "", "Deleted"),
        ("Requested", "", "TakenDown"),
        ("Completed", "", "AllStepsVerified"),
        ("Released", "", "TakenDown"),
    ]
    (denial,) = world.mongo.documents(DENIALS)
    assert denial["title"] == NAME


async def test_a_takedown_after_the_deletion_reached_the_database_still_denies(world: TitleWorld) -> None:
    world.api.objects["titles", NAME]["metadata"]["finalizers"].append("example.org/hold")
    await world.delete()
    await world.settle(hours=0.1)
    assert world.mongo.documents(DENIALS) == []
    found = world.api.objects["titles", NAME]
    found["metadata"]["finalizers"].append("streamvault.io/purge")
    found["status"]["takedown"].pop("completedAt")
    world.take_down()
    await world.settle()
    assert [denial["title"] for denial in world.mongo.documents(DENIALS)] == [NAME]
    assert ("Requested", "", "TakenDown") in world.facts()


async def test_the_deny_list_knows_id_messages_and_bytes(world: TitleWorld) -> None:
    head = world.status()["files"][0]["headSha256"]
    world.take_down()
    await world.settle()
    (denial,) = world.mongo.documents(DENIALS)
    messages = content_hash([Part(channel_id=CHANNEL, message_id=1, size_bytes=1)])
    assert (denial["title"], denial["contents"]) == (NAME, [messages])
    assert denial["heads"] == [head_id(head, 1_000_000)]
    assert denial["_id"] == world.status()["takedown"]["auditID"]


async def test_the_same_bytes_under_other_messages_are_refused(world: TitleWorld) -> None:
    world.take_down()
    await world.settle()
    world.workers.content[fid("720p", "red-reel")] = fid().encode()
    world.declare(declared("720p", part(50)), name="red-reel", uid="u2")
    await world.settle("red-reel")
    assert world.conditions("red-reel")["Ready"] == "False/Denied"
    assert world.status("red-reel")["phase"] == "Failed"
    assert world.shown("red-reel") == "Pending"
    assert world.stored()["720p"]["blocked"], "no worker serves it either"
    assert ("red-reel", "Denied", True) in world.api.events
    asked = len(world.workers.asked)
    await world.look("red-reel")
    assert len(world.workers.asked) == asked, "what is known of it is enough to refuse it again"
    world.edit("red-reel", files=[declared("720p", part(51))])
    world.workers.content[fid("720p", "red-reel")] = b"something else"
    await world.settle("red-reel")
    assert world.conditions("red-reel")["Ready"] == "True/Published"


async def test_a_running_title_goes_on_without_a_file_that_is_denied(world: TitleWorld) -> None:
    world.declare(declared("720p", part(40)), name="red-reel", uid="u2")
    await world.look("red-reel")
    world.take_down()
    await world.settle()
    world.workers.content[fid("1080p", "red-reel")] = fid().encode()
    world.edit("red-reel", files=[declared("720p", part(40)), declared("1080p", part(50))])
    await world.settle("red-reel")
    assert (world.conditions("red-reel")["Ready"], world.status("red-reel")["phase"]) == ("False/Denied", "Published")
    assert world.shown("red-reel") == "Published"
    assert [file["name"] for file in world.mongo.collections[TITLES]["red-reel"]["files"]] == ["720p"]


@pytest.mark.parametrize("changes", [{"name": NAME}, {"name": "red-reel"}], ids=["id", "messages"])
async def test_the_same_id_and_the_same_messages_are_refused(world: TitleWorld, changes: dict[str, str]) -> None:
    world.take_down(tombstoneDays=0)
    await world.settle()
    await world.settle()
    world.declare(declared(), uid="u2", **changes)
    await world.settle(changes["name"])
    assert world.conditions(changes["name"])["Ready"] == "False/Denied"
