"""Odd objects and odd moments: several orders at once, wrong clocks, lost messages, objects older than their schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from conditions import until
from control_plane import ControlPlane
from custom_resources import definition
from fault_stage import CHANNEL, MIRROR, MODERATOR, Stage, reason_of
from scratch_operator import NOWHERE

from streamvault_common.keys import API_VERSION

pytestmark = pytest.mark.cluster

SKEW_SECONDS = 60.0


async def test_two_takedowns_and_an_edit_at_once_do_not_touch_each_other(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    for number, name in enumerate(("first", "second", "edited"), start=1):
        await stage.publish(name, 10 * number, 10 * number + 1)
    stage.take_down("first")
    stage.take_down("second", reason="LegalOrder", reference="")
    stage.edit_files("edited", 31, 32)
    for name in ("first", "second"):
        await stage.until_reason(name, "SourcePurged", "True/Verified")
        await stage.until_reason(name, "MirrorsPurged", "True/Verified")
    await stage.until("edited", lambda title: title["status"]["files"][0]["gen"] == 2)
    await stage.until_title("edited", "Published")
    await stage.restart(minutes_later=1)
    for name in ("first", "second"):
        await stage.until_title(name, "TakenDown")
    assert await stage.traces("first", 10, 11) == []
    assert await stage.traces("second", 20, 21) == []
    assert stage.phase("edited") == "Published"
    # what the edited film was made of is owed, and goes too
    await until(lambda: stage.swarm.messages[CHANNEL] == {31, 32})


@pytest.mark.parametrize("skew", [SKEW_SECONDS, -SKEW_SECONDS], ids=["ahead", "behind"])
async def test_a_clock_that_is_wrong_by_a_minute_changes_nothing(stage: Stage, skew: float) -> None:
    await stage.start(skew)
    await stage.moderator()
    await stage.publish("film", 1)
    stage.take_down("film")
    await stage.until_reason("film", "SourcePurged", "True/Verified")
    await stage.until_reason("film", "MirrorsPurged", "True/Verified")
    assert stage.operator.shown(MODERATOR) == "Active True/Serving"
    assert sorted(stage.operator.events(MODERATOR)) == ["PodCreated", "SessionActivated"]
    await stage.operator.kill()
    await stage.start(skew + 62)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1) == []
    assert stage.operator.shown(MODERATOR) == "Active True/Serving"
    assert stage.swarm.made(MODERATOR) == 1


async def test_a_title_whose_messages_are_gone_already_is_taken_down_all_the_same(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1, 2)
    stage.swarm.messages = {CHANNEL: {2}, MIRROR: set()}
    stage.take_down("film")
    await stage.until_reason("film", "SourcePurged", "True/Verified")
    await stage.until_reason("film", "MirrorsPurged", "True/Verified")
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1, 2) == []
    steps = {one["name"]: (one["found"], one["removed"]) for one in stage.title("film")["status"]["takedown"]["steps"]}
    assert (steps["source"], steps["mirrors"]) == ((1, 1), (0, 0))


@pytest.fixture
def loose_schemas(plane: ControlPlane) -> Iterator[None]:
    """Both CRDs as an older release may have had them: almost everything is allowed."""
    strict = [definition(plural) for plural in ("titles", "workersessions")]
    plane.start()
    plane.define(*map(loosened, strict))
    yield
    plane.define(*strict)


def loosened(crd: dict[str, Any]) -> dict[str, Any]:
    """A CRD whose spec may be anything."""
    (strict,) = crd["spec"]["versions"]
    version = {name: value for name, value in strict.items() if name != "selectableFields"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    return {**crd, "spec": {**crd["spec"], "versions": [{**version, "schema": schema}]}}


async def test_objects_older_than_their_schema_are_told_and_can_still_be_taken_down(
    loose_schemas: None, stage: Stage
) -> None:
    stage.declare_title("live", 1, kind="Series")
    stage.declare_title("doomed", 2, year="long ago", displayName="")
    session = {"sessionSecretRef": {"name": "odd"}, "nodeSelector": NOWHERE, "priority": "high"}
    stage.operator.api.create(
        stage.operator.path("workersessions"),
        {"apiVersion": API_VERSION, "kind": "WorkerSession", "metadata": {"name": "odd"}, "spec": session},
    )
    stage.proxy.plane.define(definition("titles"), definition("workersessions"))
    await stage.start()
    await stage.moderator()
    await stage.until("live", lambda title: reason_of(title, "Ready") == "False/Invalid")
    await stage.operator.until_shown("odd", "Pending False/Invalid")
    await stage.operator.until_told("live", "Invalid")
    assert stage.operator.find("pods", "ws-odd") is None

    stage.take_down("doomed")
    await stage.until_reason("doomed", "SourcePurged", "True/Verified")
    await stage.until_reason("doomed", "MirrorsPurged", "True/Verified")
    await stage.restart(minutes_later=1)
    await stage.until_title("doomed", "TakenDown")
    assert await stage.traces("doomed", 2) == []
    stage.operator.api.patch(stage.operator.path("titles", "live"), {"spec": {"kind": "Movie"}})
    await stage.until_title("live", "Published")
