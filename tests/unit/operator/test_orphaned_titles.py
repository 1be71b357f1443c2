"""A title that the site shows and no resource declares: off the air, and back when it is declared again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conditions import until
from title_world import EDGE, NAME, TitleWorld, fid, title_world
from titles import CHANNEL

from streamvault_common.documents import Part, StoredFile, asset_id
from streamvault_operator.comparing import compare
from streamvault_operator.domain.comparison import Projection, differing
from streamvault_operator.handlers.memo import Queues
from streamvault_operator.io.kube import Unavailable
from streamvault_operator.metrics import Metrics
from streamvault_operator.reconcile import orphans
from streamvault_operator.workqueue import WorkQueue

POSTER = asset_id(NAME, "poster-400")


@pytest.fixture
async def world() -> AsyncIterator[TitleWorld]:
    """A published film with a poster, whose resource is gone without a purge."""
    async with title_world() as one:
        one.declare()
        await one.look()
        parts = (Part(channel_id=CHANNEL, message_id=9, size_bytes=100),)
        poster = StoredFile(
            id=POSTER, title=NAME, name="poster", kind="image", parts=parts, size_bytes=100, content_type="image/avif"
        )
        await one.deps.store.put_files([poster])
        one.edges.slices[EDGE] = {(fid(), 1), (POSTER, 1)}
        del one.api.objects["titles", NAME]
        yield one


async def test_a_title_whose_finalizer_was_taken_off_goes_off_the_air_and_keeps_its_messages(world: TitleWorld) -> None:
    assert await world.look() is None
    assert world.shown() == ""
    assert await world.blocked() == {fid(), POSTER} == world.edges.buried[EDGE]
    assert world.edges.slices[EDGE] == set()
    assert all(entry["blocked"] for entry in world.stored().values())
    assert world.channels.present[CHANNEL] == {1}
    assert world.facts() == [("Released", "", "WithoutPurge")]
    assert world.api.events[-1] == (NAME, "WithdrawnWithoutPurge", True)
    assert await world.look() is None
    assert len(world.facts()) == 1


async def test_declared_again_it_plays_again_with_its_pictures(world: TitleWorld) -> None:
    await world.look()
    world.declare(uid="u2")
    await world.settle()
    assert (world.shown(), world.conditions()["Ready"]) == ("Published", "True/Published")
    assert (await world.blocked(), world.edges.buried[EDGE]) == (set(), set())
    assert not any(entry["blocked"] for entry in world.stored().values())
    assert world.stored()["1080p"]["gen"] == 2


async def test_restored_with_its_status_it_plays_again(world: TitleWorld) -> None:
    """As from a backup of the cluster."""
    await world.look()
    backup = world.declare()
    await world.deps.store.set_blocked([fid(), POSTER], on=False)
    await world.look()
    del world.api.objects["titles", NAME]
    await world.look()
    world.api.objects["titles", NAME] = backup
    await world.settle()
    assert (world.shown(), await world.blocked(), world.edges.buried[EDGE]) == ("Published", set(), set())


async def test_where_somebody_is_away_it_is_tried_again(world: TitleWorld) -> None:
    world.edges.away = {EDGE}
    assert await world.look() == orphans.RETRY_SECONDS
    assert (world.shown(), await world.blocked()) == ("TakenDown", {fid(), POSTER}), "elsewhere it is off at once"
    world.edges.away = set()
    await world.look()
    assert (world.shown(), world.edges.slices[EDGE]) == ("", set())


async def test_no_title_is_missing_while_titles_are_not_served(world: TitleWorld) -> None:
    world.api.kinds.discard("titles")
    with pytest.raises(Unavailable):
        await world.look()
    assert world.shown() == "Published"


async def test_a_title_that_is_being_deleted_without_the_finalizer_is_purged_while_it_is_there(
    world: TitleWorld,
) -> None:
    title = world.declare()
    title["metadata"] |= {"finalizers": ["example.org/hold"], "deletionTimestamp": "2026-11-22T13:00:00Z"}
    await world.settle()
    assert (world.channels.present[CHANNEL], world.shown(), world.stored()) == (set(), "", {})
    writes = world.api.status_writes
    assert await world.look() is None
    assert world.api.status_writes == writes


async def test_a_title_that_lost_its_resource_while_the_operator_was_away_is_found(world: TitleWorld) -> None:
    world.declare(name="red-reel", uid="u2")
    await world.look("red-reel")
    async with comparing(world, {"red-reel": ("u2", 1, False)}):
        await until(lambda: world.shown() == "")
    assert world.shown("red-reel") == "Published"


class Listing(dict[str, tuple[object, ...]]):
    """Names that the watch has told of: another one at each of the first ten times that somebody counts them."""

    def __len__(self) -> int:
        if super().__len__() < 10:
            number = super().__len__()
            self[f"film-{number}"] = (f"u{number}", 1, False)
        return super().__len__()


async def test_nothing_is_missing_before_the_watch_has_told_of_every_title(world: TitleWorld) -> None:
    seen = Listing()
    async with comparing(world, seen):
        await until(lambda: world.shown() == "")
    assert "film-9" in seen


async def test_a_namespace_without_titles_beside_a_full_database_is_taken_for_a_mistake(
    world: TitleWorld, caplog: pytest.LogCaptureFixture
) -> None:
    async with comparing(world, {}):
        await until(lambda: "no Title is declared" in caplog.text)
    assert world.shown() == "Published"


@pytest.mark.parametrize("collection", ["titles", "files"])
async def test_documents_that_got_lost_come_back(world: TitleWorld, collection: str) -> None:
    world.declare(name="red-reel", uid="u2")
    await world.look("red-reel")
    kept = dict(world.mongo.collections[collection])
    (lost,) = (key for key in kept if key in {"red-reel", fid(title="red-reel")})
    del world.mongo.collections[collection][lost]
    async with comparing(world, {"red-reel": ("u2", 1, False)}):
        await until(lambda: world.mongo.collections[collection].get(lost) == kept[lost])


def test_only_what_differs_is_looked_at() -> None:
    shown = [
        Projection("as-declared", "u1", (("a", 1), ("b", 2))),
        Projection("made-again", "u2", (("c", 1),)),
        Projection("other-generation", "u3", (("d", 1),)),
        Projection("without-file", "u4", (("e", 1),)),
        Projection("orphan", "u5"),
    ]
    declared = {"as-declared": "u1", "made-again": "u9", "other-generation": "u3", "without-file": "u4", "new": "u6"}
    stored = {"a": 1, "b": 2, "c": 1, "d": 2}
    assert differing(declared, shown, stored) == {"made-again", "other-generation", "without-file", "orphan", "new"}


@asynccontextmanager
async def comparing(world: TitleWorld, seen: dict[str, tuple[object, ...]]) -> AsyncIterator[None]:
    """The operator's comparison and its queue of titles; the watch has told of the titles `seen`."""
    titles, *others = (WorkQueue(kind, world.look, Metrics(), concurrency=1) for kind in ("title", "session", "edge"))
    queues = Queues(others[0], titles, others[1], seen=seen)
    running = [asyncio.create_task(titles.run()), asyncio.create_task(compare(world.deps, queues, 0))]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
