"""What a transition of a session costs the API server: one write of the status and one Event, whatever comes first."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_server import ApiServer
from conditions import until_true
from operator_config import CONFIG
from operator_forks import OperatorForks
from scratch_operator import ScratchOperator, scratch_operator

from streamvault_common.models import WorkerState

pytestmark = pytest.mark.cluster

NO_MARGIN = {"minSeconds": 0, "jitterPercent": 0}


@pytest.fixture
async def scratch(api: ApiServer, forks: OperatorForks) -> AsyncIterator[ScratchOperator]:
    """An operator over an empty namespace."""
    async with scratch_operator(api, forks) as operator:
        yield operator


class Writes:
    """Counts writes to a namespace from its making on."""

    def __init__(self, scratch: ScratchOperator) -> None:
        self._scratch = scratch
        self._paths = {kind: scratch.path(kind) for kind in ("workersessions", "events")}
        self._since = {kind: self._version(kind) for kind in self._paths}

    def _version(self, kind: str) -> str:
        return str(self._scratch.api.get(self._paths[kind], limit="1")["metadata"]["resourceVersion"])

    def of(self, kind: str) -> dict[str, list[str]]:
        """By session: the phase after each write of its status, or the reason of each Event."""
        found: dict[str, list[str]] = {}
        for change in self._scratch.api.history(self._paths[kind], self._since[kind]):
            thing = change["object"]
            if kind == "events":
                found.setdefault(thing["involvedObject"]["name"], []).append(thing["reason"])
            else:
                found.setdefault(thing["metadata"]["name"], []).append(thing["status"]["phase"])
        return found

    async def until_told(self, reasons: dict[str, list[str]]) -> None:
        """Wait for just these Events: one is written after the status that it tells of."""

        async def told() -> bool:
            return self.of("events") == reasons

        try:
            await until_true(told)
        except TimeoutError:
            raise AssertionError(f"{self.of('events')} instead of {reasons}") from None


async def flood(scratch: ScratchOperator, name: str, seconds: int, ago: float = 0.0, **fields: Any) -> None:
    """Play a worker that was ordered to wait: it says so, and the kubelet sees at once that it is unready."""
    began = time.time() - ago
    waits = {"flood_at": began, "flood_until": began + seconds, "flood_seconds": seconds}
    await scratch.beat(name, WorkerState.COOLING, **waits, **fields)
    scratch.run_pod(name, ready=False)


async def test_a_flood_is_one_write_and_one_event_also_when_the_kubelet_is_quicker_than_the_report(
    scratch: ScratchOperator,
) -> None:
    scratch.declare("s01", cooldown=NO_MARGIN)
    await scratch.serve("s01")
    for round_ in range(4):  # the report is read every two seconds: somewhere in between
        writes = Writes(scratch)
        await flood(scratch, "s01", 5)
        await scratch.until_shown("s01", "Cooling False/FloodWait")
        scratch.run_pod("s01")  # first: a worker that serves in a pod that stays unready would be told as well
        await scratch.beat("s01")
        await scratch.until_shown("s01", "Active True/Serving")
        await writes.until_told({"s01": ["FloodWaitStarted", "FloodWaitEnded"]})
        assert writes.of("workersessions") == {"s01": ["Cooling", "Active"]}, f"round {round_}"


async def test_too_many_floods_are_one_write_and_one_event(scratch: ScratchOperator) -> None:
    scratch.declare("s01", cooldown={**NO_MARGIN, "maxConsecutive": 1, "escalateRestSeconds": 600})
    await scratch.serve("s01")
    writes = Writes(scratch)
    await flood(scratch, "s01", 30, in_flight=2)
    await scratch.until_shown("s01", "Draining False/Draining")
    await writes.until_told({"s01": ["FloodEscalated"]})
    assert writes.of("workersessions") == {"s01": ["Draining"]}


async def test_an_exhausted_pool_is_told_by_one_session(scratch: ScratchOperator) -> None:
    names = ["s01", "s02", "s03", "s04"]
    await scratch.kill()
    await scratch.start(workers={**CONFIG["workers"], "pools": {"default": {"minActive": 4, "maxActive": 4}}})
    for name in names:
        scratch.declare(name, cooldown=NO_MARGIN)
    for name in names:
        await scratch.serve(name)
    for name in names:  # the first of them may have been silent for too long meanwhile
        await scratch.beat(name)
    for name in names:
        await scratch.until_shown(name, "Active True/Serving")
    writes = Writes(scratch)
    await flood(scratch, "s03", 600)

    async def told() -> bool:
        for name in {*names} - {"s03"}:
            await scratch.beat(name)
        session = scratch.find("workersessions", "s01")
        assert session is not None
        return any(one["reason"] == "PoolExhausted" for one in session["status"]["conditions"])

    await until_true(told)
    await scratch.until_shown("s03", "Cooling False/FloodWait")
    await writes.until_told({"s01": ["PoolExhausted"], "s03": ["FloodWaitStarted"]})
    assert writes.of("workersessions") == {"s01": ["Active"], "s03": ["Cooling"]}
