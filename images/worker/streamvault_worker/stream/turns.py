"""Who may ask Telegram next: streams get equal shares, what a viewer waits for comes before what he may want later.

How many requests are under way adapts to the line. Every answer time is compared with the shortest of the last
minute: what it is longer by, the request has waited in some queue. A few pieces in queue keep the line busy; more would
only make the next seek wait behind them (the idea is TCP Vegas', Brakmo and Peterson 1995).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

FEWEST = 2
"""So many may be under way even in trouble."""
QUEUED_FEW, QUEUED_MANY = 3.0, 6.0
"""Pieces in queue at Telegram below which more may be under way, and above which fewer."""
WINDOW_SECONDS = 30.0
CUT_AGAIN_SECONDS = 1.0
"""Requests that went wrong together count once."""
REMEMBERED = 128


@dataclass(eq=False)
class Share:
    """One stream's part of the account: how many pieces it was given, and how many it has handed on."""

    served: int
    position: int = 0


@dataclass(eq=False)
class Claim:
    """The wish for one piece: the `number`-th of its stream, counted from 0."""

    share: Share
    number: int
    ahead: bool = False
    """Nobody asked for it yet."""

    @property
    def is_head(self) -> bool:
        """Whether the stream can hand on nothing before it has this piece."""
        return not self.ahead and self.number <= self.share.position

    @property
    def rank(self) -> tuple[int, int, int]:
        """The lowest goes first."""
        urgency = 2 if self.ahead else 0 if self.is_head else 1
        return urgency, self.share.served, self.number


@dataclass(eq=False)
class _Waiter:
    claim: Claim
    granted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """Lets at most `most` requests be under way at once, and while all is well at least `busy`.

    `busy` is what keeps every connection at work: a line that becomes slower for good looks like a queue at first.
    """

    def __init__(self, most: int, busy: int = FEWEST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(most)
        self._busy = float(min(busy, most))
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._round = 0
        self._cut_at = float("-inf")
        self._shortest = [float("inf"), float("inf")]
        self._window_ends_at = float("-inf")
        self._times: deque[float] = deque(maxlen=REMEMBERED)
        self.limit = float(most)
        self.under_way = 0

    def new_share(self) -> Share:
        """A stream that starts now: it owes nothing and is owed nothing."""
        return Share(self._round)

    @asynccontextmanager
    async def turn(self, claim: Claim) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the block runs."""
        await self._enter(claim)
        try:
            yield
        finally:
            self.under_way -= 1
            self._grant()

    def answered(self, seconds: float) -> None:
        """Take note of how long an answer took."""
        self._times.append(seconds)
        queued = self.limit * (1 - self._shortest_until(seconds) / max(seconds, 1e-6))
        if queued < QUEUED_FEW:
            self.limit = min(self._most, self.limit + 1 / self.limit)
        elif queued > QUEUED_MANY and self.limit > self._busy:
            self.limit = max(self._busy, self.limit - 1 / self.limit)
        elif self.limit < self._busy:
            self.limit += 1 / self.limit

    def troubled(self) -> None:
        """Telegram ordered a wait, or did not answer: half as many from now on."""
        now = self._clock()
        if now - self._cut_at >= CUT_AGAIN_SECONDS:
            self._cut_at = now
            self.limit = max(FEWEST, self.limit / 2)

    def slow_seconds(self) -> float:
        """What nineteen of twenty of the latest answers did not take; infinite while too few are known."""
        if len(self._times) < REMEMBERED // 4:
            return float("inf")
        return sorted(self._times)[int(len(self._times) * 0.95)]

    async def _enter(self, claim: Claim) -> None:
        waiter = _Waiter(claim)
        self._waiting.append(waiter)
        self._grant()
        try:
            await waiter.granted
        except asyncio.CancelledError:
            if not waiter.granted.cancelled():
                self.under_way -= 1
            self._grant()
            raise

    def _grant(self) -> None:
        self._waiting = [waiter for waiter in self._waiting if not waiter.granted.cancelled()]
        while self._waiting and self.under_way < int(self.limit):
            waiter = min(self._waiting, key=lambda one: one.claim.rank)
            self._waiting.remove(waiter)
            share = waiter.claim.share
            self._round = max(self._round, share.served)
            share.served += 1
            self.under_way += 1
            waiter.granted.set_result(None)

    def _shortest_until(self, seconds: float) -> float:
        """The shortest answer time of this window of time and the one before."""
        now = self._clock()
        if now >= self._window_ends_at:
            self._shortest = [self._shortest[1], float("inf")]
            self._window_ends_at = now + WINDOW_SECONDS
        self._shortest[1] = min(self._shortest[1], seconds)
        return min(self._shortest)
