"""Objects whose reconciliation is due: one at a time per object, a few objects at once, failures with backoff.

kopf only says that something happened to an object; what has to be done is found out by looking. So a handler adds the
object's name here, and the reconciliation itself says when it wants to look again. Retries need no annotation on the
object then, and a drain of a deleted session goes on after a restart of the operator (a kopf daemon would not: for an
object that is being deleted it is never started, and its finalizer is dropped).
"""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable

from .metrics import Metrics

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0

Reconcile = Callable[[str], Awaitable[float | None]]
"""Brings one object to its declared state; returns in how many seconds to look again, None for never."""


class WorkQueue:
    """A queue for one kind of resource."""

    def __init__(
        self,
        resource: str,
        reconcile: Reconcile,
        metrics: Metrics,
        *,
        concurrency: int,
        transient: tuple[type[Exception], ...] = (),
    ) -> None:
        """`transient` errors are logged in one line; every other error is logged with its traceback."""
        self.resource = resource
        self._reconcile = reconcile
        self._metrics = metrics
        self._transient = transient
        self._slots = asyncio.Semaphore(concurrency)
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._running: set[str] = set()
        self._failures: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str, after: float = 0.0) -> None:
        """Look at an object in `after` seconds, or earlier if that was already agreed."""
        due = asyncio.get_running_loop().time() + after
        if self._due.get(name, due + 1) <= due:
            return
        self._due[name] = due
        if name not in self._running:
            heapq.heappush(self._heap, (due, name))
            self._wake.set()

    def overdue_seconds(self) -> float:
        """For how long the oldest object has been waiting past its time."""
        now = asyncio.get_running_loop().time()
        waiting = [due for name, due in self._due.items() if name not in self._running]
        return max(0.0, now - min(waiting, default=now))

    async def run(self) -> None:
        """Work until cancelled; then everything in flight is cancelled too."""
        try:
            while True:
                await self._slots.acquire()
                name = await self._next()
                task = asyncio.create_task(self._work(name), name=f"{self.resource}/{name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> str:
        while True:
            self._wake.clear()
            now = asyncio.get_running_loop().time()
            while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
                heapq.heappop(self._heap)
            if self._heap and self._heap[0][0] <= now:
                name = heapq.heappop(self._heap)[1]
                if name not in self._running:
                    del self._due[name]
                    self._running.add(name)
                    self._metrics.queued.labels(self.resource).set(sum(due <= now for due in self._due.values()))
                    return name
                continue
            timeout = self._heap[0][0] - now if self._heap else None
            try:
                await asyncio.wait_for(self._wake.wait(), timeout)
            except TimeoutError:
                continue

    async def _work(self, name: str) -> None:
        again: float | None = None
        try:
            with self._metrics.durations.labels(self.resource).time():
                again = await self._reconcile(name)
            self._failures.pop(name, None)
            self._metrics.reconciles.labels(self.resource, "done").inc()
        except self._transient as error:
            again = self._failed(name)
            log.warning("will retry", extra={"resource": self.resource, "object": name, "error": str(error)})
        except Exception:
            again = self._failed(name)
            log.exception("reconciliation failed", extra={"resource": self.resource, "object": name})
        finally:
            self._finish(name, again)

    def _failed(self, name: str) -> float:
        count = self._failures[name] = self._failures.get(name, 0) + 1
        self._metrics.reconciles.labels(self.resource, "failed").inc()
        return min(FIRST_BACKOFF_SECONDS * 2.0 ** (count - 1), MAX_BACKOFF_SECONDS)

    def _finish(self, name: str, again: float | None) -> None:
        self._running.discard(name)
        self._slots.release()
        if name in self._due:  # somebody asked while it ran
            heapq.heappush(self._heap, (self._due[name], name))
            self._wake.set()
        if again is not None:
            self.add(name, again)
