"""A store, the edge's agent or the moderator is away for minutes while a film is taken down: what can be done is done,
the rest is shown, and done as soon as they are back."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest
from api_server import Manifest
from control_plane import ControlPlane
from fault_stage import MODERATOR, EdgeAgent, Stage, fault_stage
from operator_forks import OperatorForks

from streamvault_common import keys

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
OUTAGE_SECONDS = 150.0
LOOK_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30 * 1.2 + 1
"""Between two attempts to withdraw."""
WRITES_PER_ATTEMPT = 4
"""A step that fails in the same way may be told, with what else is under way, but not again and again."""


async def test_a_takedown_survives_whatever_is_away(
    plane: ControlPlane, forks: OperatorForks, agent: EdgeAgent, mongodb: str, tmp_path: Path
) -> None:
    """Every outage has a stage of its own; they last at the same time, because most of it is waiting."""
    outages = (mongodb_is_away, redis_is_away, the_edge_agent_is_away, the_moderator_hangs)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as scenes:
        for number, outage in enumerate(outages):
            folder = tmp_path / str(number)
            folder.mkdir()
            stage = await stack.enter_async_context(fault_stage(plane, forks, agent, mongodb, folder))
            scenes.create_task(outage(stage), name=outage.__name__)


async def mongodb_is_away(stage: Stage) -> None:
    await on_the_air(stage, "no-mongodb")
    stage.mongo.cut()
    stage.take_down("no-mongodb")
    await minutes_pass(stage, "no-mongodb", "withdraw", "Withdrawn")
    assert await is_blocked(stage, "no-mongodb")
    assert is_buried(stage, "no-mongodb")
    stage.mongo.mend()
    await until_all_is_gone(stage, "no-mongodb")


async def redis_is_away(stage: Stage) -> None:
    await on_the_air(stage, "no-redis")
    stage.redis.cut()
    stage.take_down("no-redis")
    await minutes_pass(stage, "no-redis", "withdraw", "Withdrawn")
    assert is_buried(stage, "no-redis")
    assert stage.swarm.made(MODERATOR) == 1
    stage.redis.mend()
    await until_all_is_gone(stage, "no-redis")


async def the_edge_agent_is_away(stage: Stage) -> None:
    await on_the_air(stage, "no-edge")
    stage.edge.cut()
    stage.take_down("no-edge")
    await minutes_pass(stage, "no-edge", "withdraw", "Withdrawn")
    assert await is_blocked(stage, "no-edge")
    stage.edge.mend()
    await until_all_is_gone(stage, "no-edge")


async def the_moderator_hangs(stage: Stage) -> None:
    await on_the_air(stage, "no-moderator")
    stage.swarm.deaf.add(MODERATOR)
    stage.take_down("no-moderator")
    await stage.until_reason("no-moderator", "Withdrawn", "True/Verified")
    await minutes_pass(stage, "no-moderator", "source", "SourcePurged")
    assert stage.reason("no-moderator", "MirrorsPurged") == "False/Unreachable"
    assert stage.operator.events("no-moderator").count("SourcePurgeDelayed") == 1
    stage.swarm.deaf.clear()
    await until_all_is_gone(stage, "no-moderator")


async def on_the_air(stage: Stage, name: str) -> None:
    """Bring a film to the site."""
    await stage.start()
    await stage.moderator()
    await stage.publish(name, 1, 2)


async def minutes_pass(stage: Stage, name: str, step: str, condition: str) -> None:
    """The step is tried again and again meanwhile, visibly; that costs few writes of the API server."""
    end, writes = time.monotonic() + OUTAGE_SECONDS, status_writes(stage, name)
    await stage.until(name, lambda title: attempts(title, step) >= 2, wanted=f"tried twice to {step}")
    while time.monotonic() < end:
        assert await asyncio.to_thread(stage.reason, name, condition) == "False/Unreachable"
        await asyncio.sleep(LOOK_SECONDS)  # the outage lasts: time must pass
    assert attempts(stage.title(name), step) >= 4
    assert status_writes(stage, name) - writes <= WRITES_PER_ATTEMPT * attempts(stage.title(name), step)
    assert Path(f"/proc/{stage.operator.pid}").exists(), "it is the same process still"
    if step == "withdraw":
        assert next_attempt(stage.title(name), step) - time.time() <= LONGEST_PAUSE_SECONDS


async def until_all_is_gone(stage: Stage, name: str) -> None:
    """The step succeeds by itself after all is well; only the waits for the rest are shortened."""
    await stage.until_reason(name, "Withdrawn", "True/Verified")
    await stage.restart(minutes_later=1)
    await stage.until_title(name, "TakenDown")
    assert await stage.traces(name, 1, 2) == []
    await stage.operator.until_told(name, "TakedownComplete")


def attempts(title: Manifest, step: str) -> int:
    """How often a step was tried."""
    return int(step_of(title, step).get("attempts", 0))


def next_attempt(title: Manifest, step: str) -> float:
    """When a step is tried again (Unix time)."""
    return datetime.fromisoformat(step_of(title, step)["nextAttemptAt"]).timestamp()


def step_of(title: Manifest, step: str) -> Manifest:
    """How far a step is; {} before it was tried."""
    steps: list[Manifest] = title.get("status", {}).get("takedown", {}).get("steps", [])
    return next((one for one in steps if one["name"] == step), {})


def status_writes(stage: Stage, name: str) -> int:
    """How often the status of a title was written."""
    return sum(call.path.endswith(f"/titles/{name}/status") for call in stage.proxy.writes)


async def is_blocked(stage: Stage, name: str) -> bool:
    """Whether workers refuse the film."""
    async with stage.operator.redis.client() as client:
        return bool(await client.exists(keys.blocked_key(stage.fid(name))))


def is_buried(stage: Stage, name: str) -> bool:
    """Whether the edge refuses the film."""
    return (stage.agent.cache / "tombstones" / stage.fid(name)).exists()
