"""The operator is killed between any two things that it does during a takedown, and the takedown ends the same."""

from collections.abc import Callable

import pytest
from api_server import Manifest
from fault_stage import COMPLETE, Stage
from kill_points import KillPoint

pytestmark = pytest.mark.cluster

MANY_POINTS = 10
"""A takedown has at least as many steps that can be seen from outside before it waits for late writers."""


@pytest.mark.timeout(1800)
async def test_a_takedown_ends_the_same_wherever_the_operator_dies(stage: Stage) -> None:
    point = watched(stage)
    await stage.start()
    await stage.moderator()
    number, killed = 0, True
    while killed:
        number += 1
        name, messages = f"film-{number}", (2 * number, 2 * number + 1)
        await stage.publish(name, *messages)
        point.arm(number)
        stage.take_down(name)
        deaths = [await until_killed_or(stage, point, name, copies_are_gone)]
        await stage.restart(minutes_later=1)
        point.arm(number)
        deaths.append(await until_killed_or(stage, point, name, is_taken_down))
        killed = any(deaths)
        point.arm(0)
        assert await stage.traces(name, *messages) == [], f"killed after {deaths}"
        assert stage.unhindered(name) == COMPLETE, f"killed after {deaths}"
        assert told_once(stage, name), f"killed after {deaths}: {stage.operator.events(name)}"
    assert number > MANY_POINTS


def watched(stage: Stage) -> KillPoint:
    """Everything that the operator does to the outside counts, but what it does to the edge's own objects."""
    point = KillPoint(stage.operator.kill_fork)
    stage.proxy.after_write = lambda call: point.wrote(call) if "/edge" not in call.path else None
    stage.mongo.after_answer, stage.redis.after_answer = point.stored, point.flagged
    stage.edge.after_answer = point.purged
    return point


async def until_killed_or(stage: Stage, point: KillPoint, name: str, over: Callable[[Manifest], bool]) -> list[str]:
    """Until there is nothing left to do at this time; if the operator dies before, it is started again.

    Returns what the operator that died had done, [] if none did.
    """
    await stage.until(name, lambda title: point.reached or over(title))
    if not point.reached:
        return []
    done = list(point.done)
    point.arm(0)
    await stage.restart()
    await stage.until(name, over)
    return done


def copies_are_gone(title: Manifest) -> bool:
    """Whether a takedown only waits for slices that were under way when it began."""
    shown = {one["type"]: f"{one['status']}/{one['reason']}" for one in title["status"]["conditions"]}
    done = all(shown.get(one) == "True/Verified" for one in ("Withdrawn", "SourcePurged", "MirrorsPurged"))
    return done and shown["CachePurged"] == "False/InProgress"


def is_taken_down(title: Manifest) -> bool:
    """Whether every step is verified."""
    return bool(title["status"]["phase"] == "TakenDown")


def told_once(stage: Stage, name: str) -> bool:
    """No Event about the purge was posted twice, but that a step was hindered, which may be so more than once."""
    told = [event for event in stage.operator.events(name) if event not in {"Pending", "Published"}]
    events = [event for event in told if not event.endswith("Delayed")]
    return len(events) == len(set(events))
