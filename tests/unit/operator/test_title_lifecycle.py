"""A Title from its declaration to its edits: published once read, purged of what left it, paused when suspended."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from conditions import until
from title_world import EDGE, NAME, TitleWorld, fid, title_world
from titles import CHANNEL, declared, part

from streamvault_common.keys import PURGE_FINALIZER
from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue


@pytest.fixture
async def world() -> AsyncIterator[TitleWorld]:
    async with title_world() as one:
        yield one


async def test_a_title_is_published_once_its_first_bytes_were_read(world: TitleWorld) -> None:
    title = world.declare()
    assert await world.look() is not None
    assert title["metadata"]["finalizers"] == [PURGE_FINALIZER]
    assert (world.shown(), world.status()["filesReady"]) == ("Published", "1/1")
    assert world.conditions() == {
        "Ready": "True/Published",
        "Ingested": "Unknown/NotStarted",
        "TakedownComplete": "False/NotRequested",
        "Stalled": "False/Progressing",
    }
    assert world.workers.asked == [fid()]


async def test_a_second_look_reads_and_writes_nothing(world: TitleWorld) -> None:
    world.declare()
    await world.look()
    writes = world.api.status_writes
    await world.look()
    assert (world.api.status_writes, len(world.workers.asked)) == (writes, 1)


async def test_a_file_that_joins_is_read_and_shown_and_the_others_stay(world: TitleWorld) -> None:
    world.declare()
    await world.look()
    before = world.stored()["1080p"]
    world.edit(files=[declared(), declared("720p", part(2))])
    await world.settle()
    assert world.workers.asked == [fid(), fid("720p")]
    assert world.status()["filesReady"] == "2/2"
    assert world.stored()["1080p"] == before
    assert {file["name"] for file in world.mongo.collections["titles"][NAME]["files"]} == {"1080p", "720p"}


async def test_a_file_that_leaves_is_refused_at_once_and_purged_from_every_copy(world: TitleWorld) -> None:
    world.declare(declared(), declared("720p", part(2)))
    await world.look()
    world.edges.slices[EDGE] = {(fid("720p"), 1), (fid(), 1)}
    world.edit(files=[declared()])
    await world.look()
    assert await world.blocked() == {fid("720p")} == world.edges.buried[EDGE]
    assert set(world.stored()) == {"1080p"}
    await world.settle()
    assert world.edges.slices[EDGE] == {(fid(), 1)}
    assert world.channels.present[CHANNEL] == {1}
    assert world.owed() == []
    assert ("Files", "", "Verified") in world.facts()
    assert (NAME, "FilesPurged", False) in world.api.events
    assert world.shown() == "Published"


async def test_what_hinders_the_purge_of_a_file_is_kept_and_tried_again(world: TitleWorld) -> None:
    world.declare(declared(), declared("720p", part(2)))
    await world.look()
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Cooling"
    world.edit(files=[declared()])
    await world.look()
    await world.look()
    (debt,) = world.owed()
    assert (debt["attempts"], debt["last_error"]) == (1, "NoModerator: no active session with the role Moderate")
    assert world.channels.present[CHANNEL] == {1, 2}
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Active"
    await world.settle()
    assert (world.channels.present[CHANNEL], world.owed()) == ({1}, [])


async def test_a_file_that_was_removed_and_comes_back_is_served_again_under_another_generation(
    world: TitleWorld,
) -> None:
    world.declare(declared(), declared("720p", part(2)))
    await world.look()
    world.edit(files=[declared()])
    await world.settle()
    world.edit(files=[declared(), declared("720p", part(3))])
    await world.settle()
    assert (await world.blocked(), world.edges.buried[EDGE]) == (set(), set())
    assert world.stored()["720p"]["gen"] == 3


async def test_a_suspended_title_is_left_alone_with_what_it_owes(world: TitleWorld) -> None:
    world.declare(declared(), declared("720p", part(2)))
    await world.look()
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Cooling"
    world.edit(files=[declared()])
    await world.look()
    world.api.objects["workersessions", "four"]["status"]["phase"] = "Active"
    world.edit(suspend=True)
    await world.settle(hours=5)
    assert world.conditions()["Ready"] == "False/Suspended"
    assert (len(world.owed()), world.channels.present[CHANNEL]) == (1, {1, 2})
    world.edit(suspend=False)
    await world.settle()
    assert (world.owed(), world.channels.present[CHANNEL]) == ([], {1})


async def test_a_takedown_breaks_off_the_reading_of_the_same_title(world: TitleWorld) -> None:
    """As the handlers do it: the title's files hang in a worker, then the takedown is declared."""
    world.declare(*(declared(quality, part(number)) for number, quality in enumerate(("1080p", "720p", "480p"), 1)))
    world.workers.hanging = True
    queue = WorkQueue("title", world.look, Metrics(), concurrency=2, reserved=1)
    working = asyncio.create_task(queue.run())
    try:
        queue.add(NAME)
        await until(lambda: len(world.workers.asked) == 3)
        world.take_down()
        queue.hurry(NAME)
        await until(lambda: world.conditions().get("Withdrawn") == "True/Verified")
        assert world.shown() == "TakenDown"
        assert await world.blocked() == {fid(quality) for quality in ("1080p", "720p", "480p")}
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_the_last_write_of_a_look_that_was_broken_off_does_not_bring_a_title_back(world: TitleWorld) -> None:
    world.declare()
    await world.look()
    published = await world.deps.store.title(NAME)
    assert published is not None
    world.take_down()
    await world.look()
    assert await world.deps.store.put_title(published) is False
    assert world.shown() == "TakenDown"
    await world.settle()
    assert await world.deps.store.put_title(published) is False
    assert world.mongo.collections["titles"][NAME]["display_name"] == ""


async def test_a_title_that_is_not_readable_yet_is_asked_for_again(world: TitleWorld) -> None:
    world.declare()
    del world.api.objects["pods", "ws-one"]
    assert await world.look() == 5
    assert (world.conditions()["Ready"], world.shown()) == ("False/Pending", "Pending")
    await world.mongo.stop()
    assert await world.look() == 5
    assert "MongoDB" in world.message("Ready")
    await world.mongo.start()
    world.now += timedelta(seconds=5)
    world.add_pod("ws-one", "worker", "10.0.1.1")
    await world.settle()
    assert world.conditions()["Ready"] == "True/Published"
