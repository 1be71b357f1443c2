"""How many reads the worker takes, and whether it takes any."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from streamvault_worker.errors import WorkerBusy

FULL_RETRY_SECONDS = 1
DRAINING_RETRY_SECONDS = 5


class Admission:
    """Counts streams; refuses them when full, when draining for good (stop) or for now (the drain flag)."""

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._idle = asyncio.Event()
        self._idle.set()
        self.in_flight = 0
        self.peak = 0
        """Most streams at once since somebody last set it back."""
        self.stopping = False
        self.drain_flag = False

    @property
    def draining(self) -> bool:
        """Whether no new read is taken."""
        return self.stopping or self.drain_flag

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count one stream while the block runs; raises WorkerBusy."""
        if self.draining:
            raise WorkerBusy("this worker is draining", DRAINING_RETRY_SECONDS)
        if self.in_flight >= self._max_streams:
            raise WorkerBusy(f"this worker serves {self._max_streams} streams already", FULL_RETRY_SECONDS)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self._idle.clear()
        try:
            yield
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()

    async def wait_idle(self) -> None:
        """Return when no stream is in flight."""
        await self._idle.wait()
