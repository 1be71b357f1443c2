"""Waits that the server orders: Cooling and back, rest after too many, and a status that is written only on changes."""

import asyncio
import time

import pytest
from fault_stage import Stage
from played_swarm import Flood

pytestmark = pytest.mark.cluster

COOLDOWN = {"minSeconds": 1, "jitterPercent": 0, "maxConsecutive": 2, "escalateRestSeconds": 600}
STEADY_LOOK_SECONDS = 15
"""How often the operator looks at a session that nothing happens to."""


async def test_a_wait_is_kept_and_too_many_lead_to_a_rest_also_across_restarts(stage: Stage) -> None:
    session, seconds = "s01", 30  # long enough to be seen however seldom the operator looks
    stage.operator.declare(session, cooldown=COOLDOWN)
    await stage.operator.start()
    await stage.operator.until_shown(session, "Active True/Serving")

    began = time.time()
    stage.swarm.floods[session] = Flood(began, seconds, cooling_seconds=seconds)
    await stage.operator.until_shown(session, "Cooling False/FloodWait")
    await stage.operator.until_told(session, "FloodWaitStarted")
    await stage.restart()
    await stage.operator.until_shown(session, "Active True/Serving")
    assert time.time() >= began + seconds
    assert stage.swarm.made(session) == 1
    await stage.operator.until_told(session, "FloodWaitEnded")

    stage.swarm.floods[session] = Flood(time.time(), 4, cooling_seconds=4)
    await stage.operator.until_shown(session, "Resting False/Resting")
    status = (stage.operator.find("workersessions", session) or {})["status"]
    assert (status["floodWaits"]["consecutive"], status["floodWaits"]["total"]) == (2, 2)
    throttled = next(one for one in status["conditions"] if one["type"] == "Throttled")
    assert (throttled["status"], throttled["reason"]) == ("True", "FloodEscalated")
    await stage.operator.until_told(session, "FloodEscalated")
    assert stage.operator.events(session).count("FloodWaitStarted") == 1
    assert stage.operator.events(session).count("FloodWaitEnded") == 1
    assert stage.operator.events(session).count("FloodEscalated") == 1

    await stage.restart()
    stage.operator.declare("other")
    await stage.operator.until_shown("other", "Active True/Serving")
    assert stage.operator.shown(session) == "Resting False/Resting"
    assert stage.swarm.made(session) == 1


async def test_a_session_that_nothing_happens_to_costs_no_write_and_no_event(stage: Stage) -> None:
    names = ("s01", "s02")
    for name in names:
        stage.operator.declare(name)
    await stage.operator.start()
    for name in names:
        await stage.operator.until_shown(name, "Active True/Serving")
        await stage.operator.until_told(name, "SessionActivated")
    before = versions(stage, *names)
    looks = looked_at(stage, "s01")
    await stage.operator.kill()
    await stage.operator.start()

    async def looked_twice_in_steady_state() -> bool:
        await asyncio.sleep(0.2)
        return looked_at(stage, "s01") >= looks + 3

    async with asyncio.timeout(3 * STEADY_LOOK_SECONDS + 180):
        while not await looked_twice_in_steady_state():
            pass
    assert versions(stage, *names) == before
    for name in names:
        assert sorted(stage.operator.events(name)) == ["PodCreated", "SessionActivated"]


def versions(stage: Stage, *names: str) -> list[str]:
    """What the API server counts up with every write."""
    found = [stage.operator.find("workersessions", name) or {} for name in names]
    return [str(one["metadata"]["resourceVersion"]) for one in found]


def looked_at(stage: Stage, session: str) -> int:
    """How often the operator has read the session."""
    return sum(call.method == "GET" and call.path.endswith(f"/workersessions/{session}") for call in stage.proxy.calls)
