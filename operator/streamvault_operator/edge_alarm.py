"""Tells the admins when an edge finds no room for a slice in its keys zone: nginx says so nowhere but in its log.

Slices that nobody reads are dropped for new ones without a word; what is counted is that all were in use.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from streamvault_common.events import Event, Severity
from streamvault_common.keys import EDGE_SERVICE

from .deps import Deps
from .io.agents import AgentUnavailable
from .io.kube import STATEFUL_SET, KubeError
from .reconcile.edge_pods import edge_pods

log = logging.getLogger(__name__)

PAUSE_SECONDS = 60.0
TELL_AGAIN_SECONDS = 3600.0
"""An admin who knows it need not hear it every minute."""
REASON = "KeysZoneFull"


class EdgeAlarm:
    """Compares what the edges have counted with what they had counted at the last look."""

    def __init__(self, deps: Deps, clock: Callable[[], float] = time.monotonic) -> None:
        self._deps = deps
        self._clock = clock
        self._counted: dict[str, int] = {}
        self._untold = 0
        self._told_at = float("-inf")

    async def look(self) -> None:
        """Ask every edge that runs, and tell of what is new; raises KubeError."""
        for address in (await edge_pods(self._deps)).addresses:
            try:
                self._take_note(address, await self._deps.agents.keys_zone_failures(address))
            except AgentUnavailable as error:
                log.info("an edge cannot be asked now", extra={"error": str(error)})
        if self._untold and self._clock() - self._told_at >= TELL_AGAIN_SECONDS:
            await self._tell(self._untold)
            self._told_at, self._untold = self._clock(), 0

    def _take_note(self, address: str, count: int | None) -> None:
        if count is None:
            return
        before = self._counted.get(address, 0)
        self._untold += count - before if count >= before else count  # an nginx that started anew counts from 0
        self._counted[address] = count

    async def _tell(self, failures: int) -> None:
        text = (
            f"A keys zone of the edge's cache is full: nginx found no room in it {failures} times, "
            "and refused viewers. Raise edge.cache.keysZone."
        )
        log.warning("keys zone full", extra={"failures": failures})
        await self._deps.reports.tell(Event(part="edge", severity=Severity.WARNING, text=text, group=REASON))
        edge = await self._deps.kube.find(STATEFUL_SET, EDGE_SERVICE)
        if edge is not None:
            await self._deps.kube.post_event(edge, REASON, text, warning=True)


async def watch_edges(deps: Deps) -> None:
    """Look now and then; runs until cancelled."""
    alarm = EdgeAlarm(deps)
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            await alarm.look()
        except KubeError as error:
            log.info("the edges cannot be found now", extra={"error": str(error)})
        except Exception:
            log.exception("cannot look at the edges")
