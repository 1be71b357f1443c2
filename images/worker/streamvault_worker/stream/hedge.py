"""When the piece that a viewer waits for is unusually late, another account is asked as well; the first answer counts.

Off by default: it pays only where single answers are late by accident, and costs calls of other accounts
(docs/benchmarks.md); how many is bounded by a budget.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from streamvault_common.documents import StoredFile

from .peers import Peers
from .pieces import Piece
from .reader import Content, wanted_bytes

SHORTEST_SECONDS = 0.1
PIECES_PER_HEDGE = 50
"""Of so many pieces that readers waited for, one may be asked for twice: 1.02 calls per delivered piece at most."""
MOST_SAVED = 3
"""Hedges that a worker may have saved up while all went well: a burst of late answers costs no more."""


class HedgeBudget:
    """How many pieces one worker may ask other accounts for, in all its reads together."""

    def __init__(self, pieces_per_hedge: int = PIECES_PER_HEDGE) -> None:
        self._price = pieces_per_hedge
        self._saved = 0

    def earn(self) -> None:
        """A reader waits for a piece of this worker's own."""
        self._saved = min(self._saved + 1, self._price * MOST_SAVED)

    def spend(self) -> bool:
        """Pay for a hedge; False when the savings do not reach."""
        if self._saved < self._price:
            return False
        self._saved -= self._price
        return True


@dataclass(frozen=True)
class PeerHedge:
    """The hedge of one read; `slow_seconds` says after how long a piece is late."""

    budget: HedgeBudget
    peers: Peers
    file: StoredFile
    request_id: str
    slow_seconds: Callable[[], float]
    fired: Callable[[], None]

    async def first_of(self, mine: asyncio.Task[Content], position: int, piece: Piece) -> memoryview:
        """The wanted bytes of `piece`, from whoever has them first; raises CannotServe."""
        self.budget.earn()
        patience = max(self.slow_seconds(), SHORTEST_SECONDS)
        if patience == float("inf") or (await asyncio.wait({mine}, timeout=patience))[0] or not self.budget.spend():
            return wanted_bytes(piece, await mine)
        self.fired()
        theirs = asyncio.create_task(self._ask(position, piece.take))
        try:
            waiting: set[asyncio.Task[Content]] = {mine, theirs}
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if mine in done and mine.exception() is None:
                    return wanted_bytes(piece, mine.result())
                if theirs in done and theirs.exception() is None:
                    mine.cancel()
                    return memoryview(theirs.result())
            return wanted_bytes(piece, await mine)
        finally:
            theirs.cancel()
            await asyncio.gather(theirs, return_exceptions=True)

    async def _ask(self, position: int, length: int) -> Content:
        read = self.peers.read(self.file, position, position + length - 1, self.request_id)
        return b"".join([chunk async for chunk in read])
