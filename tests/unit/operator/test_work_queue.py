"""The queue behind every handler: nothing is lost, nothing runs twice at once, failures come back with patience."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conditions import until

from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue


class Flaky(Exception):  # noqa: N818 - a test's own
    """Something outside was away."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


@asynccontextmanager
async def running(
    act: Callable[[str], Awaitable[float | None]],
    *,
    concurrency: int = 4,
    metrics: Metrics | None = None,
    **options: Any,
) -> AsyncIterator[WorkQueue]:
    metrics = metrics or Metrics()
    queue = WorkQueue("thing", act, metrics, concurrency=concurrency, transient=(Flaky,), **options)
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_object_named_often_is_looked_at_once() -> None:
    seen: list[str] = []

    async def act(name: str) -> None:
        seen.append(name)

    async with running(act) as queue:
        for name in ("a", "a", "b", "a"):
            queue.add(name)
        await until(lambda: len(seen) >= 2)
        await asyncio.sleep(0)
        assert sorted(seen) == ["a", "b"]


async def test_a_change_during_the_work_is_looked_at_afterwards_and_never_beside_it() -> None:
    active = most = rounds = 0
    again = asyncio.Event()

    async def act(_: str) -> None:
        nonlocal active, most, rounds
        active += 1
        most = max(most, active)
        rounds += 1
        if rounds == 1:
            await again.wait()
        active -= 1

    async with running(act) as queue:
        queue.add("a")
        await until(lambda: rounds == 1)
        queue.add("a")
        queue.add("a")
        again.set()
        await until(lambda: rounds == 2)
        assert most == 1


async def test_an_object_comes_back_when_it_asked_to() -> None:
    rounds = 0

    async def act(_: str) -> float | None:
        nonlocal rounds
        rounds += 1
        return 0.01 if rounds < 3 else None

    async with running(act) as queue:
        queue.add("a")
        await until(lambda: rounds == 3)


async def test_an_event_overtakes_an_agreed_later_look() -> None:
    rounds = 0

    async def act(_: str) -> float | None:
        nonlocal rounds
        rounds += 1
        return 3600.0

    async with running(act) as queue:
        queue.add("a")
        await until(lambda: rounds == 1)
        queue.add("a")
        await until(lambda: rounds == 2)


async def test_failures_are_retried_and_do_not_hold_others_up(caplog: pytest.LogCaptureFixture) -> None:
    tries: dict[str, int] = {}

    async def act(name: str) -> None:
        tries[name] = tries.get(name, 0) + 1
        if name == "flaky" and tries[name] == 1:
            raise Flaky("away")
        if name == "broken" and tries[name] == 1:
            raise KeyError(name)

    async with running(act, concurrency=1) as queue:
        for name in ("flaky", "broken", "fine"):
            queue.add(name)
        await until(lambda: tries.get("fine") == 1)
        await until(lambda: tries.get("flaky") == 2 and tries.get("broken") == 2)
    told = {record.getMessage() for record in caplog.records}
    assert {"will retry", "reconciliation failed"} <= told


async def test_only_so_many_objects_at_once() -> None:
    active = most = 0
    release = asyncio.Event()

    async def act(_: str) -> None:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await release.wait()
        active -= 1

    async with running(act, concurrency=2) as queue:
        for number in range(6):
            queue.add(str(number))
        await until(lambda: active == 2)
        assert queue.overdue_seconds() >= 0
        release.set()
        await until(lambda: active == 0)
        assert most == 2


async def test_what_is_urgent_overtakes_what_has_waited_longer_and_has_slots_of_its_own() -> None:
    begun: list[str] = []
    release = asyncio.Event()

    async def act(name: str) -> None:
        begun.append(name)
        await release.wait()

    async with running(act, concurrency=3, reserved=1) as queue:
        for number in range(20):
            queue.add(f"calm-{number}", after=-60)
        await until(lambda: len(begun) == 2)
        queue.hurry("urgent")
        await until(lambda: len(begun) == 3)
        assert begun[2] == "urgent"
        assert queue.due_count() == 18
        release.set()
        await until(lambda: len(begun) == 21)


async def test_what_is_urgent_stays_so_when_it_is_tried_again_until_it_is_calm() -> None:
    begun: list[str] = []
    slot = asyncio.Semaphore(0)

    async def act(name: str) -> float | None:
        begun.append(name)
        await slot.acquire()
        return 0.0 if name == "urgent" else None

    async with running(act, concurrency=1) as queue:
        queue.hurry("urgent")
        await until(lambda: len(begun) == 1)
        for number in range(5):
            queue.add(f"calm-{number}", after=-60)
        slot.release()
        await until(lambda: len(begun) == 2)
        slot.release()
        await until(lambda: len(begun) == 3)
        assert begun == ["urgent"] * 3
        queue.calm("urgent")
        slot.release()
        await until(lambda: len(begun) == 4)
        assert begun[3].startswith("calm-")


async def test_what_becomes_urgent_breaks_off_the_look_under_way_and_is_looked_at_anew() -> None:
    rounds = stopped = 0

    async def act(_: str) -> None:
        nonlocal rounds, stopped
        rounds += 1
        if rounds == 1:
            try:
                await asyncio.Event().wait()
            finally:
                stopped += 1
                await asyncio.sleep(0)

    metrics = Metrics()
    async with running(act, metrics=metrics) as queue:
        queue.add("a")
        await until(lambda: rounds == 1)
        queue.hurry("a")
        await until(lambda: rounds == 2)
        assert stopped == 1
        queue.hurry("a")
        await asyncio.sleep(0.05)
        assert rounds == 2, "what is urgent already is not disturbed"
    counted = metrics.registry.get_sample_value(
        "streamvault_operator_reconciles_total", {"resource": "thing", "outcome": "interrupted"}
    )
    assert counted == 1


async def test_a_look_broken_off_before_it_began_is_not_lost() -> None:
    seen: list[str] = []

    async def act(name: str) -> None:
        seen.append(name)

    async with running(act, concurrency=1) as queue:
        queue.add("a")
        for _ in range(4):  # somewhere in here its task exists and has not run
            queue.hurry("a")
            queue.calm("a")
            await asyncio.sleep(0)
        queue.add("b")
        await until(lambda: "b" in seen)
        assert "a" in seen


async def test_a_look_that_hangs_is_broken_off_and_repeated() -> None:
    rounds = 0

    async def act(_: str) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            await asyncio.Event().wait()

    async with running(act, longest_seconds=0.05) as queue:
        queue.add("a")
        await until(lambda: rounds == 2)


async def test_a_look_that_cannot_be_broken_off_is_a_wedge_and_a_long_queue_is_none() -> None:
    moment = [1000.0]
    release = asyncio.Event()
    began = False

    async def act(_: str) -> None:
        nonlocal began
        began = True
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    async with running(act, concurrency=1, longest_seconds=600.0, clock=lambda: moment[0]) as queue:
        queue.add("a")
        for number in range(100):
            queue.add(f"waits-{number}")
        await until(lambda: began)
        moment[0] += 500
        assert queue.overdue_seconds() == 500
        assert queue.wedged() == "", "every slot is in use: objects wait, and that is all"
        moment[0] += 161
        assert queue.wedged() == "thing/a does not end"
        release.set()


async def test_a_queue_that_takes_nothing_up_is_a_wedge() -> None:
    moment = [1000.0]

    async def act(_: str) -> None:
        return None

    queue = WorkQueue("thing", act, Metrics(), concurrency=2, clock=lambda: moment[0])
    queue.add("before its start")
    moment[0] += 1000
    assert queue.wedged() == "", "a queue that was not started yet is not stuck"
    task = asyncio.create_task(queue.run())
    await until(lambda: queue.overdue_seconds() == 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    queue.add("nobody works any more")
    moment[0] += 299
    assert queue.wedged() == ""
    moment[0] += 2
    assert queue.wedged() == "thing takes nothing up"


async def test_the_wait_that_was_asked_for_is_kept() -> None:
    tried: list[float] = []

    async def act(_: str) -> None:
        tried.append(time.monotonic())
        if len(tried) == 1:
            raise Flaky("too many requests", after_seconds=1.5)

    async with running(act) as queue:
        queue.add("a")
        await until(lambda: len(tried) == 2)
    assert tried[1] - tried[0] >= 1.5


async def test_the_cost_of_an_object_does_not_grow_with_the_queue() -> None:
    async def cost(objects: int) -> float:
        done = 0

        async def act(_: str) -> None:
            nonlocal done
            done += 1

        async with running(act, concurrency=32) as queue:
            began = time.process_time()
            for number in range(objects):
                queue.add(str(number))
            await until(lambda: done == objects)
            return time.process_time() - began

    # The largest of the small ones: what else this process has to do falls on any of them.
    small, large = max([await cost(2_000) for _ in range(3)]), await cost(20_000)
    assert large / 20_000 < 4 * small / 2_000


async def test_prometheus_reads_the_length_and_the_age_of_a_queue() -> None:
    moment = [1000.0]
    metrics = Metrics()

    async def act(_: str) -> None:
        return None

    queue = WorkQueue("thing", act, metrics, concurrency=1, clock=lambda: moment[0])
    queue.add("a")
    queue.add("b", after=5)
    queue.add("c", after=3600)
    moment[0] += 40
    figures = {
        name: metrics.registry.get_sample_value(f"streamvault_operator_{name}", {"resource": "thing"})
        for name in ("due_objects", "queue_age_seconds")
    }
    assert figures == {"due_objects": 2, "queue_age_seconds": 40}
