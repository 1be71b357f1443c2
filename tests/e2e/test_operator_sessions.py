"""WorkerSessions on the live API server: one pod per session, whatever happens to the operator, Redis or the pod."""

import time
from collections.abc import AsyncIterator

import pytest
from api_server import ApiServer
from conditions import until_true
from operator_config import CONFIG
from operator_forks import OperatorForks
from scratch_operator import ScratchOperator, scratch_operator

from streamvault_common import keys
from streamvault_common.models import AuthVerdict, Verdict, WorkerState

pytestmark = pytest.mark.cluster


@pytest.fixture
async def scratch(api: ApiServer, forks: OperatorForks) -> AsyncIterator[ScratchOperator]:
    """An operator over an empty namespace."""
    async with scratch_operator(api, forks) as operator:
        yield operator


async def test_a_session_gets_one_pod_and_serves(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    await scratch.until_shown("s01", "Pending False/PodPending")
    uid = await scratch.serve("s01")
    session = scratch.find("workersessions", "s01")
    assert session is not None
    assert session["metadata"]["finalizers"] == [keys.DRAIN_FINALIZER]
    await until_true(lambda: told(scratch, "s01", "PodCreated", "SessionActivated"))

    await scratch.beat("s01", WorkerState.STOPPED)
    scratch.api.delete(scratch.path("pods", "ws-s01"))
    again = await scratch.pod("s01", other_than=uid)
    assert again["metadata"]["ownerReferences"][0]["uid"] == session["metadata"]["uid"]
    await scratch.until_shown("s01", "Pending False/PodPending")
    await until_true(lambda: told(scratch, "s01", "PodCreated", "PodCreated", "SessionActivated"))


async def told(scratch: ScratchOperator, name: str, *reasons: str) -> bool:
    """Whether just these Events are there."""
    return sorted(scratch.events(name)) == sorted(reasons)


async def test_a_refused_session_string_is_never_tried_again_before_a_human_says_so(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    await scratch.pod("s01")
    await scratch.condemn("s01", Verdict(reason=AuthVerdict.SESSION_REVOKED, message="revoked", at=time.time()))
    await scratch.until_shown("s01", "Banned False/Banned")
    await scratch.until_no_pod("s01")

    await scratch.kill()
    async with scratch.redis.client() as client:
        await client.flushall()
    await scratch.start()
    scratch.edit("s01", priority=7)  # something that the operator must look at
    session = scratch.find("workersessions", "s01")
    assert session is not None
    await scratch.until_shown("s01", "Banned False/Banned")
    assert scratch.find("pods", "ws-s01") is None

    scratch.edit("s01", sessionSecretRef={"revision": "2"})
    pod = await scratch.pod("s01")
    names = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
    assert names["SESSION_REVISION"] == "2"


async def test_without_redis_a_serving_session_stays_as_it_is(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    uid = await scratch.serve("s01")
    await scratch.redis.stop()
    scratch.run_pod("s01", ready=False)
    await scratch.until_shown("s01", "Active False/PodNotReady")
    scratch.run_pod("s01", ready=True)
    await scratch.until_shown("s01", "Active True/Serving")
    await scratch.redis.start()
    assert (await scratch.pod("s01"))["metadata"]["uid"] == uid


async def test_a_deleted_session_finishes_its_streams_also_over_a_restart_of_the_operator(
    scratch: ScratchOperator,
) -> None:
    scratch.declare("s01")
    await scratch.serve("s01")
    await scratch.beat("s01", in_flight=2)
    scratch.api.delete(scratch.path("workersessions", "s01"))
    await scratch.until_shown("s01", "Draining False/Draining")
    assert keys.drain_key("s01") in await scratch.flags("s01")
    await scratch.kill()
    await scratch.start()
    await scratch.beat("s01", WorkerState.DRAINING, in_flight=1)
    scratch.run_pod("s01", ready=False)
    await scratch.until_shown("s01", "Draining False/Draining")
    assert scratch.find("pods", "ws-s01") is not None
    await scratch.beat("s01", WorkerState.DRAINING, in_flight=0)
    await scratch.until_no_pod("s01")
    await scratch.beat("s01", WorkerState.STOPPED)
    await scratch.until_shown("s01", "")
    assert await scratch.flags("s01") == set()


async def test_a_resting_session_gives_its_pod_up_and_takes_it_back(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    uid = await scratch.serve("s01")
    scratch.edit("s01", desiredState="Resting")
    await scratch.until_shown("s01", "Draining False/Draining")
    await scratch.beat("s01", WorkerState.STOPPED)
    await scratch.until_shown("s01", "Resting False/Resting")
    scratch.edit("s01", desiredState="Active")
    await scratch.pod("s01", other_than=uid)
    assert keys.drain_key("s01") not in await scratch.flags("s01")


async def test_a_new_pod_template_drains_one_session_of_a_pool_at_a_time(scratch: ScratchOperator) -> None:
    for name in ("s01", "s02"):
        scratch.declare(name)
    before = {name: await scratch.serve(name) for name in ("s01", "s02")}
    await scratch.kill()
    for name in before:
        await scratch.beat(name)
    await scratch.start(
        telegram={"configMap": "streamvault-telegram", "secret": "streamvault-telegram", "checksum": "2"}
    )
    while before:
        draining = await _first_draining(scratch, set(before))
        assert not [name for name in before if name != draining and scratch.shown(name) != "Active True/Serving"]
        await scratch.beat(draining, WorkerState.STOPPED)
        await scratch.pod(draining, other_than=before.pop(draining))
        await scratch.serve(draining)


async def _first_draining(scratch: ScratchOperator, names: set[str]) -> str:
    async def found() -> str:
        for name in names:
            await scratch.beat(name)
        return next((name for name in sorted(names) if scratch.shown(name).startswith("Draining")), "")

    return await until_true(found)


async def test_a_suspended_session_is_left_alone(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    uid = await scratch.serve("s01")
    scratch.edit("s01", suspend=True, desiredState="Resting")
    await scratch.until_shown("s01", "Active False/Suspended")
    assert (await scratch.pod("s01"))["metadata"]["uid"] == uid


async def test_a_pod_that_somebody_edited_is_restored(scratch: ScratchOperator) -> None:
    scratch.declare("s01")
    uid = await scratch.serve("s01")
    path = scratch.path("pods", "ws-s01")
    labels = scratch.api.get(path)["metadata"]["labels"]
    edited = {keys.LABEL_COMPONENT: None, keys.LABEL_POOL: "another", "somebody.example/team": "films"}
    scratch.api.patch(path, {"metadata": {"labels": edited}})

    async def restored() -> bool:
        return bool(scratch.api.get(path)["metadata"]["labels"] == {**labels, "somebody.example/team": "films"})

    await until_true(restored)
    assert scratch.api.get(path)["metadata"]["uid"] == uid, "the pod itself goes on serving"

    containers = scratch.api.get(path)["spec"]["containers"]
    containers[0]["image"] = "localhost/somebody/else:1"
    scratch.api.patch(path, {"spec": {"containers": containers}})
    await scratch.until_shown("s01", "Draining False/Draining")
    await scratch.beat("s01", WorkerState.STOPPED)
    again = await scratch.pod("s01", other_than=uid)
    assert again["spec"]["containers"][0]["image"] == CONFIG["workers"]["image"]
