"""Cuts whoever reads a file when it is withdrawn: by the announcement at once, else by asking every few seconds."""

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from .stream.running import RunningReads

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0


class Withdrawals(Protocol):
    """Where withdrawn files are announced and remembered."""

    async def next(self, seconds: float) -> str | None:
        """The next announced file; None when there was none for so long."""

    async def withdrawn_among(self, fids: Collection[str]) -> set[str]:
        """Which of these files are withdrawn."""


class TakedownWatch:
    """An announcement can get lost; what is remembered cannot, so the running reads are checked against it as well."""

    def __init__(self, withdrawals: Withdrawals, reads: RunningReads) -> None:
        self._withdrawals = withdrawals
        self._reads = reads

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        watching = asyncio.create_task(self._watch(), name="takedowns")
        try:
            await stop.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the top of a loop that must go on
                log.warning("withdrawals cannot be heard", extra={"error": repr(error)})
                await asyncio.sleep(CHECK_SECONDS)

    async def _look(self) -> None:
        announced = await self._withdrawals.next(CHECK_SECONDS)
        if announced is not None:
            withdrawn = {announced}
        else:
            running = self._reads.fids
            withdrawn = await self._withdrawals.withdrawn_among(running) if running else set()
        for fid in withdrawn:
            cut = self._reads.cut(fid)
            if cut:
                log.info("withdrawn while it was read", extra={"fid": fid, "reads": cut})
