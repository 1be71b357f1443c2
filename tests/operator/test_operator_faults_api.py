"""What the API server may do to the operator: come and go, break its watches, refuse its calls for a while."""

import asyncio

import pytest
from conditions import until
from fault_stage import MODERATOR, Stage
from kube_proxy import Call

pytestmark = pytest.mark.cluster

RETRY_AFTER_SECONDS = 3


async def test_a_takedown_goes_on_after_the_api_server_came_back(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1, 2)
    stage.take_down("film")
    await stage.until_reason("film", "Withdrawn", "True/Verified")
    stage.proxy.plane.stop()
    stage.proxy.cut_watches()
    before = stage.proxy.lost
    await until(lambda: stage.proxy.lost > before + 5)
    await asyncio.to_thread(stage.proxy.plane.start)
    for copies in ("SourcePurged", "MirrorsPurged"):
        await stage.until_reason("film", copies, "True/Verified")
    stage.declare_title("later", 3)
    await stage.until_title("later", "Published")
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1, 2) == []


async def test_what_changed_while_no_watch_worked_is_caught_up(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    for number, name in enumerate(("unwanted", "deleted", "edited"), start=1):
        await stage.publish(name, number)

    stage.proxy.break_watches()
    stage.take_down("unwanted")
    stage.operator.edit(MODERATOR, priority=7)
    stage.proxy.mend_watches()
    await stage.until_reason("unwanted", "Withdrawn", "True/Verified")

    stage.proxy.break_watches()
    stage.operator.api.delete(stage.operator.path("titles", "deleted"))
    stage.edit_files("edited", 4)
    stage.declare_title("added", 5)
    too_old = stage.proxy.refuse(410, lambda call: call.watches, times=6)
    stage.proxy.mend_watches()
    await stage.until_title("added", "Published")
    await stage.until("edited", lambda title: title["status"]["files"][0]["gen"] > 1)
    for name in ("unwanted", "deleted"):
        await stage.until_reason(name, "SourcePurged", "True/Verified")
        await stage.until_reason(name, "MirrorsPurged", "True/Verified")
    assert too_old.hits > 0

    await stage.restart(minutes_later=1)
    await stage.until_title("unwanted", "TakenDown")
    await stage.until("deleted", lambda title: title == {})
    assert await stage.traces("unwanted", 1) == []


async def test_writes_that_are_refused_for_a_while_are_made_later(stage: Stage) -> None:
    def writes_status(call: Call) -> bool:
        return call.writes and call.path.endswith("/titles/film/status")

    def writes_something_else(call: Call) -> bool:
        return call.writes and not call.path.endswith("/status") and "/edge" not in call.path

    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1, 2)
    refused = [stage.proxy.refuse(status, writes_status) for status in (409, 503)]
    refused += [stage.proxy.refuse(status, writes_something_else) for status in (409, 429)]
    busy = stage.proxy.refuse(429, writes_status, retry_after_seconds=RETRY_AFTER_SECONDS)
    stage.take_down("film")
    for copies in ("SourcePurged", "MirrorsPurged"):
        await stage.until_reason("film", copies, "True/Verified")
    assert [fault.hits for fault in refused] == [1] * len(refused)
    came = [call.at for call in stage.proxy.writes if writes_status(call) and call.at > busy.last_hit_at]
    assert came[0] - busy.last_hit_at >= RETRY_AFTER_SECONDS
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1, 2) == []


async def test_a_list_that_expires_halfway_is_begun_anew(stage: Stage) -> None:
    stage.proxy.page_length = 1
    stage.operator.declare("another")
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1)
    expired = stage.proxy.refuse(410, lambda call: "continue=" in call.query, times=3)
    stage.take_down("film")
    for copies in ("SourcePurged", "MirrorsPurged"):
        await stage.until_reason("film", copies, "True/Verified")
    assert expired.hits == 3
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1) == []
