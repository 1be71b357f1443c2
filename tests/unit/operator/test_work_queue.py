"""The queue behind every handler: nothing is lost, nothing runs twice at once, failures come back with patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from conditions import until

from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue


class Flaky(Exception):  # noqa: N818 - a test's own
    """Something outside was away."""


@asynccontextmanager
async def running(act: Callable[[str], Awaitable[float | None]], *, concurrency: int = 4) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue("thing", act, Metrics(), concurrency=concurrency, transient=(Flaky,))
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
