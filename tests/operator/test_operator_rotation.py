"""Rotation of a pool of three while the operator, or the API server, is restarted at every step of it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

import httpx
import pytest
from api_server import Manifest, Refused
from conditions import until
from fault_stage import Stage
from kill_points import KillPoint
from operator_config import CONFIG

pytestmark = pytest.mark.cluster

POOL = ("s01", "s02", "s03")
MIN_ACTIVE = 2
POLICY = {"minActive": MIN_ACTIVE, "maxActive": 2, "maxActiveSeconds": 1, "restSeconds": 2, "jitterPercent": 0}
DEADLINE_SECONDS = 180
MANY_POINTS = 6
"""A rotation has more writes than this."""


class Rotation:
    """Watches a pool that rotates: who rests until when, and whether a session that rests gets a pod."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rests: dict[str, float] = {}
        self.broken_rests: list[str] = []
        self._known = 0
        self._watching: asyncio.Task[None] | None = None

    async def start_operator(self) -> None:
        """Start or restart it."""
        await self.stage.operator.kill()
        workers = CONFIG["workers"] | {"pools": {"default": POLICY}}
        await self.stage.operator.start(workers=workers)

    async def begin(self) -> None:
        """Wait until as many serve as must, and judge from then on."""
        for name in POOL:
            self.stage.operator.declare(name, drain={"timeoutSeconds": 5})
        await self.start_operator()
        await until(lambda: self.stage.swarm.serving() >= MIN_ACTIVE, DEADLINE_SECONDS)
        self.stage.swarm.fewest_serving = self.stage.swarm.serving()
        self._watching = asyncio.create_task(self._watch())

    async def end(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def until_next(self, point: KillPoint | None = None) -> None:
        """Wait until another session takes over, or until the operator was killed."""
        before = len(self.stage.swarm.workers)
        await until(
            lambda: len(self.stage.swarm.workers) > before or (point is not None and point.reached), DEADLINE_SECONDS
        )

    def assert_all_was_well(self) -> None:
        """Never two processes with one session, never too few that serve, every rest kept."""
        assert self.stage.swarm.clashes == []
        assert self.stage.swarm.fewest_serving >= MIN_ACTIVE
        assert len(self.rests) > 0
        assert self.broken_rests == []

    async def _watch(self) -> None:
        while True:
            self._judge_new_pods()
            with suppress(httpx.TransportError, Refused):
                for name in POOL:
                    status = (await asyncio.to_thread(self.poke, name)).get("status", {})
                    if "restingUntil" in status:
                        self.rests[name] = datetime.fromisoformat(status["restingUntil"]).timestamp()
            await asyncio.sleep(0.3)

    def poke(self, name: str) -> Manifest:
        """Make the operator look now: it would anyway, but up to 15 s later."""
        path = self.stage.operator.path("workersessions", name)
        return self.stage.operator.api.patch(path, {"metadata": {"annotations": {"poked": secrets.token_hex(4)}}})

    def _judge_new_pods(self) -> None:
        made = self.stage.swarm.workers[self._known :]
        self._known += len(made)
        for worker in made:
            rest = self.rests.get(worker.session, 0.0)
            if worker.born_at < rest:
                self.broken_rests.append(
                    f"{worker.session} was made {rest - worker.born_at:.1f} s before its rest ended"
                )


@pytest.fixture
async def rotation(stage: Stage) -> AsyncIterator[Rotation]:
    """A pool that has begun to rotate."""
    pool = Rotation(stage)
    await pool.begin()
    yield pool
    await pool.end()


@pytest.mark.timeout(1200)
async def test_a_rotation_survives_an_operator_that_dies_after_any_write(rotation: Rotation) -> None:
    point = KillPoint(rotation.stage.operator.kill_fork)
    rotation.stage.proxy.after_write = point.wrote
    number = 0
    while not number or point.reached:
        number += 1
        point.arm(number)
        await rotation.until_next(point)
        if point.reached:
            await rotation.start_operator()
            await rotation.until_next()
    assert number > MANY_POINTS
    rotation.assert_all_was_well()


async def test_a_rotation_survives_a_restart_of_the_api_server(rotation: Rotation) -> None:
    stage = rotation.stage
    await rotation.until_next()  # now the one that was relieved has to leave
    stage.proxy.plane.stop()
    stage.proxy.cut_watches()
    lost = stage.proxy.lost
    await until(lambda: stage.proxy.lost > lost + 5)
    await asyncio.to_thread(stage.proxy.plane.start)
    for _ in POOL:
        await rotation.until_next()
    rotation.assert_all_was_well()
