"""One process per session: a pod that does not go, and one that went without its process having said a word."""

import asyncio
import time
from datetime import datetime

import pytest
from conditions import until_true
from fault_stage import Stage

from streamvault_common import keys

pytestmark = pytest.mark.cluster

SESSION = "s01"
LEFT_SECONDS = 30.0
"""How long the lease of the lost process has still to run in these tests."""


async def serving(stage: Stage) -> str:
    """Bring the session to Active; returns the uid of its pod."""
    stage.operator.declare(SESSION)
    await stage.operator.start()
    await stage.operator.until_shown(SESSION, "Active True/Serving")
    worker = stage.swarm.running(SESSION)
    assert worker is not None
    return worker.uid


async def test_a_pod_that_stays_terminating_has_no_second_beside_it(stage: Stage) -> None:
    uid = await serving(stage)
    stage.swarm.held.add(SESSION)
    stage.operator.api.delete(stage.operator.path("pods", keys.pod_name(SESSION)))
    await stage.operator.until_shown(SESSION, "Pending False/PodPending")
    await stage.restart()
    stage.operator.edit(SESSION, priority=7)  # something that the operator must look at
    await until_observed(stage)
    pod = stage.operator.find("pods", keys.pod_name(SESSION)) or {}
    assert (pod["metadata"]["uid"], "deletionTimestamp" in pod["metadata"]) == (uid, True)
    stage.swarm.held.clear()
    await stage.operator.pod(SESSION, other_than=uid)
    await stage.operator.until_shown(SESSION, "Active True/Serving")
    assert stage.swarm.clashes == []


async def test_after_a_forced_delete_nobody_uses_the_session_before_its_lease_is_over(stage: Stage) -> None:
    """The process says no last word, as on a node that is lost: for all that is known it may still run."""
    uid = await serving(stage)
    stage.swarm.lost.add(SESSION)
    stage.operator.api.delete(stage.operator.path("pods", keys.pod_name(SESSION)), gracePeriodSeconds="0")
    last_word = await shorten_lease(stage)
    await stage.operator.until_shown(SESSION, "Pending False/PodPending")
    await stage.restart()
    stage.operator.edit(SESSION, priority=7)
    await until_observed(stage)
    pod = await stage.operator.pod(SESSION, other_than=uid)
    born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()  # in whole seconds, rounded down
    assert born + 1 > last_word + LEFT_SECONDS
    await stage.operator.until_shown(SESSION, "Active True/Serving")
    assert stage.swarm.made(SESSION) == 2


async def until_observed(stage: Stage) -> None:
    """Wait until the operator has decided on the session as it is declared now."""

    async def observed() -> bool:
        found = await asyncio.to_thread(stage.operator.find, "workersessions", SESSION) or {}
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])

    await until_true(observed)


async def shorten_lease(stage: Stage) -> float:
    """Make the last heartbeat of the lost process almost as old as a lease lasts; returns the time (Unix)."""
    now = time.time()
    async with stage.operator.redis.client() as client:
        for key in (keys.session_key(SESSION), keys.lease_key(SESSION)):
            await client.expire(key, int(LEFT_SECONDS))
        await client.hset(keys.session_key(SESSION), "at", str(now - keys.HEARTBEAT_TTL_SECONDS + LEFT_SECONDS))
    return now
