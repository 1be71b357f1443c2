"""Whether the operator's own loops still turn: what a restart would heal, and nothing else.

MongoDB, Redis, workers or the API server being away wedge nothing: every call to them has a bound, and is repeated.
"""

import time
from collections.abc import Callable, Sequence

from streamvault_common.keys import TITLES, WORKER_SESSIONS

from .workqueue import WorkQueue

WATCHED = frozenset({WORKER_SESSIONS, TITLES})
LOOP_SECONDS = 300.0
DEAF_SECONDS = 600.0
"""After so long, a watch must have told of a write that this process did itself; a first list of 20,000 takes 20 s."""


class Health:
    """Signs of life; a watch proves its own by telling what the operator itself has written."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned: dict[str, float] = {}
        self._heard: dict[str, int] = {}
        self._unheard: dict[str, tuple[int, float]] = {}

    def turned(self, loop: str) -> None:
        """A loop has begun another round."""
        self._turned[loop] = self._clock()

    def wrote(self, resource: str, version: str) -> None:
        """The API server answered a write with this resource version."""
        if resource in WATCHED and version.isdigit() and int(version) > self._heard.get(resource, 0):
            self._unheard.setdefault(resource, (int(version), self._clock()))

    def heard(self, resource: str, version: str) -> None:
        """A watch told of an object at this resource version."""
        if not version.isdigit():
            return
        self._heard[resource] = max(int(version), self._heard.get(resource, 0))
        if resource in self._unheard and self._unheard[resource][0] <= self._heard[resource]:
            del self._unheard[resource]

    def faults(self, queues: Sequence[WorkQueue]) -> list[str]:
        """What is wedged; [] while everything turns."""
        now = self._clock()
        loops = [f"{loop} has stopped" for loop, at in self._turned.items() if now - at > LOOP_SECONDS]
        deaf = [f"the watch of {kind} is deaf" for kind, (_, at) in self._unheard.items() if now - at > DEAF_SECONDS]
        return [*(fault for queue in queues if (fault := queue.wedged())), *loops, *deaf]
