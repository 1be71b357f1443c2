"""Takedowns that are asked for while Titles are still being listed are looked for until that has worked once."""

import asyncio
from typing import Any

import pytest
from conditions import until

from streamvault_operator import lookout
from streamvault_operator.handlers.memo import Queues
from streamvault_operator.io.kube import KubeError
from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue


class Kube:
    """Fails once, then knows one unfinished takedown."""

    def __init__(self) -> None:
        self.asked = 0

    async def select(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        self.asked += 1
        if self.asked == 1:
            raise KubeError("the API server is away")
        return [{"metadata": {"name": "unwanted"}}]


async def test_a_look_that_failed_is_repeated_although_nothing_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "PAUSE_SECONDS", 0.01)
    seen: list[str] = []

    async def look(title: str) -> None:
        seen.append(title)

    sessions, titles, edge = (WorkQueue(kind, look, Metrics(), concurrency=2) for kind in ("ws", "ti", "edge"))
    kube: Any = Kube()
    queues = Queues(sessions, titles, edge)
    tasks = [asyncio.create_task(titles.run()), asyncio.create_task(lookout.look_out(kube, queues))]
    await until(lambda: seen == ["unwanted"])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
