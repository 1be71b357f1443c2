"""Objects whose reconciliation is due: one look at a time per object, a few objects at once, failures with backoff.

kopf only says that something happened to an object; what has to be done is found out by looking. So a handler adds the
object's name here, and the reconciliation itself says when it wants to look again. Retries need no annotation on the
object then, and a drain of a deleted session goes on after a restart of the operator (a kopf daemon would not: for an
object that is being deleted it is never started, and its finalizer is dropped).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from .metrics import Metrics
from .schedule import Schedule

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0
LONGEST_LOOK_SECONDS = 1800.0
"""A look that takes longer hangs: every call has a bound of its own. It is broken off, and repeated like a failure."""
WEDGED_SECONDS = 300.0
"""For how long something may be overdue although there is a slot for it."""
BREAKING_OFF_SECONDS = 60.0
"""How long a look may take to end once it was broken off."""

Reconcile = Callable[[str], Awaitable[float | None]]
"""Brings one object to its declared state; returns in how many seconds to look again, None for never."""


class WorkQueue:
    """A queue for one kind of resource.

    Objects that are `urgent` go first, on slots that others never take: `reserved` of `concurrency`.
    """

    def __init__(
        self,
        resource: str,
        reconcile: Reconcile,
        metrics: Metrics,
        *,
        concurrency: int,
        reserved: int = 0,
        transient: tuple[type[Exception], ...] = (),
        longest_seconds: float = LONGEST_LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transient` errors are logged in one line; every other error is logged with its traceback."""
        self.resource = resource
        self._reconcile = reconcile
        self._metrics = metrics
        self._transient = transient
        self._concurrency = concurrency
        self._reserved = reserved
        self._longest_seconds = longest_seconds
        self._clock = clock
        self._schedule = Schedule()
        self._looks: dict[str, tuple[asyncio.Task[None], float]] = {}
        self._failures: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._turned_at: float | None = None
        metrics.watch_queue(resource, self.due_count, self.overdue_seconds)

    def add(self, name: str, after: float = 0.0) -> None:
        """Look at an object in `after` seconds, or earlier if that was already agreed."""
        if self._schedule.add(name, self._clock() + after):
            self._wake.set()

    def hurry(self, name: str) -> None:
        """An object is urgent from now on, also when it is tried again: look at once, break off a look under way.

        What a look broken off had begun is found by the next one, as after a restart. Said again, it changes nothing.
        """
        if not self._schedule.hurry(name):
            return
        self._failures.pop(name, None)
        self.add(name)
        if name in self._looks:
            self._looks[name][0].cancel()

    def calm(self, name: str) -> None:
        """An object is urgent no longer."""
        self._schedule.calm(name)

    def due_count(self) -> int:
        """How many objects wait past their time."""
        return self._schedule.due_count(self._clock())

    def overdue_seconds(self) -> float:
        """For how long the oldest object has been waiting past its time."""
        earliest = self._schedule.earliest()
        return 0.0 if earliest is None else max(0.0, self._clock() - earliest)

    def wedged(self) -> str:
        """Why this queue cannot go on by itself, which is never because something outside is away; "" when it can."""
        now = self._clock()
        for name, (_, began) in self._looks.items():
            if now - began > self._longest_seconds + BREAKING_OFF_SECONDS:
                return f"{self.resource}/{name} does not end"
        idle = self._turned_at is not None and now - self._turned_at > WEDGED_SECONDS
        if idle and len(self._looks) < self._concurrency - self._reserved and self.overdue_seconds() > WEDGED_SECONDS:
            return f"{self.resource} takes nothing up"
        return ""

    async def run(self) -> None:
        """Work until cancelled; then everything in flight is cancelled too."""
        try:
            while True:
                self._wake.clear()
                self._turned_at = now = self._clock()
                while (name := self._next(now)) is not None:
                    task = asyncio.create_task(self._look(name), name=f"{self.resource}/{name}")
                    self._looks[name] = task, now
                    task.add_done_callback(partial(self._finished, name))
                await self._pause(now)
        finally:
            tasks = [task for task, _ in self._looks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _next(self, now: float) -> str | None:
        """The object to look at now, when one is due and has a slot."""
        if len(self._looks) >= self._concurrency:
            return None
        calm = sum(not self._schedule.urgent(name) for name in self._looks)
        return self._schedule.take(now, urgent_only=calm >= self._concurrency - self._reserved)

    async def _pause(self, now: float) -> None:
        """Until something is due, is added, or a slot gets free."""
        due = self._schedule.next_due(now)
        try:
            await asyncio.wait_for(self._wake.wait(), None if due is None else due - now)
        except TimeoutError:
            return

    async def _look(self, name: str) -> None:
        again: float | None = None
        outcome = "interrupted"
        try:
            with self._metrics.durations.labels(self.resource).time():
                async with asyncio.timeout(self._longest_seconds):
                    again = await self._reconcile(name)
            self._failures.pop(name, None)
            outcome = "done"
        except self._transient as error:
            outcome, again = "failed", self._backoff(name, error)
            log.warning("will retry", extra={"resource": self.resource, "object": name, "error": str(error)})
        except Exception as error:
            outcome, again = "failed", self._backoff(name, error)
            log.exception("reconciliation failed", extra={"resource": self.resource, "object": name})
        finally:
            self._metrics.reconciles.labels(self.resource, outcome).inc()
        if again is not None:
            self.add(name, again)

    def _finished(self, name: str, _: "asyncio.Task[None]") -> None:
        """Also of a look that was broken off before it began."""
        del self._looks[name]
        self._schedule.give_back(name)
        self._wake.set()

    def _backoff(self, name: str, error: Exception) -> float:
        """Longer with every failure in a row, and never shorter than what the one who refused asked for."""
        count = self._failures[name] = self._failures.get(name, 0) + 1
        backoff = min(FIRST_BACKOFF_SECONDS * 2.0 ** (count - 1), MAX_BACKOFF_SECONDS)
        return max(backoff, float(getattr(error, "after_seconds", None) or 0.0))
