"""Gives the memory of finished streams back to the system.

glibc keeps freed pieces for reuse: a worker that once served 32 streams was measured to hold 150 MiB for ever after.
A fixed mmap threshold would return each piece at once, but cost a third of the byte path's speed.
"""

import asyncio
import ctypes
from collections.abc import Callable

from .stream.admission import Admission
from .waiting import first_of

CHECK_SECONDS = 5.0
WORTH_STREAMS = 4
"""How many streams must have ended since the last time."""


def return_free_memory() -> None:
    """Hand free pages back; does nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class MemoryKeeper:
    """Looks at the number of streams now and then, and returns memory after it has fallen."""

    def __init__(self, admission: Admission, give_back: Callable[[], None] = return_free_memory) -> None:
        self._admission = admission
        self._give_back = give_back

    async def run(self, stop: asyncio.Event) -> None:
        """Check every CHECK_SECONDS until `stop` is set."""
        while not await first_of(CHECK_SECONDS, stop):
            self.check()

    def check(self) -> None:
        """One look."""
        now, peak = self._admission.in_flight, self._admission.peak
        if peak - now >= WORTH_STREAMS or (peak and not now):
            self._give_back()
            self._admission.peak = now
