"""A Title that today's schema would refuse: everything readable of it is purged, and only that counts as purged."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from title_world import EDGE, NAME, TitleWorld, fid, title_world
from titles import CHANNEL, declared, part

from streamvault_common.documents import DENIALS
from streamvault_common.models import TakedownReason, TitlePhase
from streamvault_operator.domain.doomed import mirrored, order_of
from streamvault_operator.domain.salvage import Salvaged, salvage

MIRROR = -1002400000124
DOWN = {"reason": "CopyrightClaim"}


@pytest.fixture
async def world() -> AsyncIterator[TitleWorld]:
    async with title_world() as one:
        yield one


def read(status: Any = None, **spec: Any) -> Salvaged:
    body = {"kind": "Opera", "displayName": "Blue Tape", **spec}
    metadata = {"name": NAME, "namespace": "streamvault", "uid": "u1", "generation": 3}
    return salvage({"metadata": metadata, "spec": body, "status": status or {}})


def test_a_sound_title_is_read_as_it_is() -> None:
    salvaged = read(kind="Movie", files=[declared()])
    assert (salvaged.fault, salvaged.title.spec.display_name) == ("", "Blue Tape")


def test_one_bad_entry_costs_no_other() -> None:
    bad = {"name": "720p", "quality": "8k", "parts": [part(2), part(3, size=0)]}
    salvaged = read(files=[declared(), bad, {"name": "x"}])
    first, second = salvaged.title.spec.files
    assert "spec.kind" in salvaged.fault
    assert (first.name, second.name) == ("1080p", "720p")
    assert [one.message_id for one in second.parts] == [2, 3], "a wrong size hides no message"
    assert (salvaged.unreadable_files, salvaged.unreadable_mirrors) == ((), ())


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ("all of them", "files"),
        (["1080p"], "files[0]"),
        ([{"name": "1080p", "parts": [part(1), {"messageID": 2, "sizeBytes": 3}]}], "files[0].parts[1]"),
        ([{"name": "1080p", "parts": [part(1), {"channelID": CHANNEL, "messageID": "two"}]}], "files[0].parts[1]"),
        ([{"name": "1080p", "parts": [part(1), {"channelID": CHANNEL, "messageID": True}]}], "files[0].parts[1]"),
        ([{"name": "1080p", "parts": "1"}], "files[0].parts"),
    ],
    ids=str,
)
def test_what_names_a_message_and_cannot_be_read_is_listed(files: Any, place: str) -> None:
    assert read(files=files).unreadable_files == (place,)


@pytest.mark.parametrize(
    ("mirrors", "found", "places"),
    [
        ([{"channelID": MIRROR, "messageIDs": [1, "x", 3]}], {MIRROR: [1, 3]}, ("mirrors[0].messageIDs",)),
        ([{"name": "second", "messageIDs": [1]}], {}, ("mirrors[0].channelID",)),
        ([{"name": "NOT A LABEL", "channelID": MIRROR, "messageIDs": [1]}], {MIRROR: [1]}, ()),
        ([{"name": "second"}], {}, ()),
        ({"second": MIRROR}, {}, ("mirrors",)),
    ],
    ids=str,
)  # fmt: skip
def test_mirrors_are_read_message_by_message(mirrors: Any, found: Any, places: tuple[str, ...]) -> None:
    salvaged = read(mirrors=mirrors)
    assert (mirrored(salvaged.title), salvaged.unreadable_mirrors) == (found, places)


@pytest.mark.parametrize(
    "takedown", [None, "now", {}, {"reason": "Because"}, {"reason": 7, "tombstoneDays": -1}], ids=str
)
def test_a_takedown_stays_one_whatever_its_reasons_look_like(takedown: Any) -> None:
    order = order_of(read(state="TakenDown", takedown=takedown).title)
    assert (order.cause, order.reason) == ("TakenDown", "Other")
    assert (order.delete_source, order.delete_mirrors) == (True, True)


def test_what_can_be_read_of_a_takedown_counts() -> None:
    declared_so = {"reason": "LegalOrder", "reference": 88, "requestedBy": "legal", "deleteSource": False}
    takedown = read(state="TakenDown", takedown=declared_so).title.spec.takedown
    assert takedown is not None
    assert (takedown.reason, takedown.reference) == (TakedownReason.LEGAL_ORDER, "")
    assert (takedown.requested_by, takedown.delete_source) == ("legal", False)
    assert takedown.tombstone_days == 365


def test_the_progress_of_a_takedown_outlives_the_rest_of_a_broken_status() -> None:
    begun = {"startedAt": "2026-11-22T13:00:00Z", "steps": [{"name": "withdraw", "attempts": 3}]}
    status = {"phase": "Dancing", "conditions": [{"type": 7}], "files": "many", "takedown": begun}
    known = read(status).title.status
    assert (known.phase, known.files, known.conditions) == (TitlePhase.PENDING, (), ())
    assert [(step.name, step.attempts) for step in known.takedown.steps] == [("withdraw", 3)]


async def test_an_invalid_title_is_taken_down_and_denied(world: TitleWorld) -> None:
    mirrors = [{"name": "NO LABEL", "channelID": MIRROR, "messageIDs": [7]}]
    world.channels.present[MIRROR] = {7}
    world.declare(declared(), kind="Opera", mirrors=mirrors, state="TakenDown", takedown={"reason": "Because"})
    world.edges.slices[EDGE] = {(fid(), 1)}
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"
    assert world.channels.present == {CHANNEL: set(), MIRROR: set()}
    assert world.edges.slices[EDGE] == set()
    assert [denial["title"] for denial in world.mongo.documents(DENIALS)] == [NAME]


async def test_an_object_that_refuses_every_change_is_taken_down_all_the_same(world: TitleWorld) -> None:
    world.declare(kind="Opera", state="TakenDown", takedown=DOWN)
    world.api.frozen = {NAME}
    await world.settle()
    assert world.conditions()["TakedownComplete"] == "True/AllStepsVerified"


async def test_a_mirror_that_cannot_be_read_never_counts_as_purged(world: TitleWorld) -> None:
    world.channels.present[MIRROR] = {7, 8}
    world.declare(
        declared(),
        mirrors=[{"name": "second", "channelID": MIRROR, "messageIDs": [7, "eight"]}],
        state="TakenDown",
        takedown=DOWN,
    )
    await world.settle(hours=2)
    assert world.channels.present[MIRROR] == {8}
    assert world.conditions()["MirrorsPurged"] == "False/Unreadable"
    assert "spec.mirrors[0].messageIDs" in world.message("MirrorsPurged")
    assert world.conditions()["TakedownComplete"] == "False/StepsPending"


async def test_an_invalid_title_that_nobody_takes_down_says_what_is_wrong(world: TitleWorld) -> None:
    world.declare(kind="Opera")
    world.api.objects["titles", NAME]["status"] = {"conditions": ["nonsense"]}
    assert await world.look() is None
    assert world.conditions() == {"Ready": "False/Invalid"}
    assert "spec.kind" in world.message("Ready")
