"""What the watches make of events: takedowns are urgent until they are done, and a lost finalizer is news."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from conditions import until

from streamvault_common.keys import LABEL_SESSION, PURGE_FINALIZER
from streamvault_operator.handlers.memo import Queues
from streamvault_operator.handlers.watches import register, title_changed, worker_pod_changed
from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue

GUARDED = [PURGE_FINALIZER]


class Looks:
    """Queues that note which objects they look at; a look lasts until `release`."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.interrupted: list[str] = []
        self.release = asyncio.Event()
        self.release.set()

        async def look(name: str) -> None:
            self.begun.append(name)
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.interrupted.append(name)
                raise

        sessions, titles, edge = (WorkQueue(kind, look, Metrics(), concurrency=2) for kind in ("ws", "ti", "edge"))
        self.queues = Queues(sessions, titles, edge)

    async def title(self, change: str = "MODIFIED", /, **changes: Any) -> None:
        """An event of the Title `blue-tape`."""
        meta = {"uid": "1", "generation": 1, "resourceVersion": "5", "finalizers": GUARDED, **changes.pop("meta", {})}
        body = {"spec": {"state": "Published"}, "status": {"phase": "Published"}, **changes}
        await title_changed(name="blue-tape", meta=meta, memo=self.queues, event={"type": change}, **body)

    async def seen(self, times: int) -> None:
        """Wait until there were so many looks, and see that there are no more."""
        await until(lambda: len(self.begun) >= times)
        await asyncio.sleep(0.02)
        assert len(self.begun) == times


@pytest.fixture
async def looks() -> AsyncIterator[Looks]:
    found = Looks()
    tasks = [asyncio.create_task(queue.run()) for queue in found.queues.all()]
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_no_handler_of_changes_exists_for_which_kopf_would_have_to_compare() -> None:
    registry = kopf.OperatorRegistry()
    register(registry)
    assert len(registry._watching.get_all_handlers()) == 6
    assert registry._changing.get_all_handlers() == []
    assert registry._spawning.get_all_handlers() == []


async def test_a_status_write_is_no_news_and_an_edit_is(looks: Looks) -> None:
    await looks.title("ADDED")
    await looks.seen(1)
    await looks.title(status={"phase": "Unlisted"})
    await looks.seen(1)
    await looks.title(meta={"generation": 2})
    await looks.seen(2)


async def test_a_finalizer_that_somebody_took_off_is_news(looks: Looks) -> None:
    await looks.title("ADDED")
    await looks.seen(1)
    await looks.title(meta={"finalizers": ["somebody.example/else"]})
    await looks.seen(2)
    await looks.title()
    await looks.seen(2)


@pytest.mark.parametrize(
    "asked",
    [{"spec": {"state": "TakenDown"}, "meta": {"generation": 2}}, {"meta": {"deletionTimestamp": "2026-11-22"}}],
    ids=["taken down", "deleted"],
)
async def test_a_takedown_does_not_wait_for_the_look_under_way(looks: Looks, asked: dict[str, Any]) -> None:
    looks.release.clear()
    await looks.title("ADDED")
    await looks.seen(1)
    await looks.title(**asked)
    await looks.seen(2)
    assert looks.interrupted == ["blue-tape"]
    await looks.title(**asked, status={"phase": "TakingDown"})
    await looks.seen(2)
    looks.release.set()


async def test_a_finished_takedown_is_urgent_no_longer(looks: Looks) -> None:
    taken_down: dict[str, Any] = {"spec": {"state": "TakenDown"}, "meta": {"generation": 2}}
    await looks.title("ADDED", **taken_down)
    await looks.seen(1)
    await looks.title(**taken_down, status={"phase": "TakenDown"})
    looks.release.clear()
    looks.queues.titles.add("blue-tape")
    await looks.seen(2)
    await looks.title(**taken_down)
    await looks.seen(3)
    assert looks.interrupted == ["blue-tape"], "it had become calm, so this was a new request"
    looks.release.set()


READY = [{"type": "Stalled", "status": "False"}, {"type": "Ready", "status": "True"}]
SETTLED = {"status": {"phase": "Published", "observedGeneration": 1, "conditions": READY}}


async def test_a_title_that_owes_nothing_waits_after_a_start_and_is_counted(looks: Looks) -> None:
    await looks.title("ADDED", **SETTLED)
    await looks.seen(0)
    counted = looks.queues.metrics.registry.get_sample_value(
        "streamvault_operator_titles_count", {"phase": "Published"}
    )
    assert counted == 1
    await looks.title(**SETTLED, meta={"generation": 2})
    await looks.seen(1)


@pytest.mark.parametrize(
    "change",
    [
        {"status": {}},
        {"status": {**SETTLED["status"], "phase": "Failed"}},
        {"status": {**SETTLED["status"], "observedGeneration": 0}},
        {"status": {**SETTLED["status"], "conditions": [{"type": "Ready", "status": "False"}]}},
        {**SETTLED, "spec": {"state": "Unlisted"}},
        {**SETTLED, "spec": {"state": "TakenDown"}},
        {**SETTLED, "spec": {"suspend": True}},
        {**SETTLED, "meta": {"finalizers": []}},
        {**SETTLED, "meta": {"deletionTimestamp": "2026-11-22"}},
    ],
    ids=[
        "new",
        "failed",
        "edited",
        "waits for a file",
        "another state",
        "taken down",
        "suspended",
        "unguarded",
        "deleted",
    ],
)
async def test_a_title_that_owes_something_is_looked_at_at_once(looks: Looks, change: dict[str, Any]) -> None:
    await looks.title("ADDED", **change)
    await looks.seen(1)


async def test_a_list_that_began_before_the_takedown_does_not_calm_it(looks: Looks) -> None:
    looks.release.clear()
    looks.queues.titles.hurry("blue-tape")
    await looks.seen(1)
    await looks.title("ADDED", **SETTLED)
    await looks.title(**SETTLED, spec={"state": "TakenDown"}, meta={"generation": 2})
    await looks.seen(1)
    assert looks.interrupted == []
    looks.release.set()


async def test_a_title_that_is_gone_is_looked_at_once_more(looks: Looks) -> None:
    await looks.title("ADDED")
    await looks.seen(1)
    await looks.title("DELETED")
    await looks.seen(2)
    await looks.title("ADDED")
    await looks.seen(3)


async def test_a_worker_pod_names_its_session(looks: Looks) -> None:
    await worker_pod_changed(labels={LABEL_SESSION: "s01"}, memo=looks.queues)
    await worker_pod_changed(labels={}, memo=looks.queues)
    await looks.seen(1)
    assert looks.begun == ["s01"]
