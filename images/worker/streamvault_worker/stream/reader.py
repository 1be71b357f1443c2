"""Fetches the pieces of a range ahead of the reader, and hands them over in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from .budget import PieceBudget
from .pieces import Piece
from .turns import Claim, Share

Content = bytes | memoryview


class PieceSource(Protocol):
    """Where pieces come from; the Telegram account, or a table in a test."""

    async def fetch(self, piece: Piece, claim: Claim) -> Content:
        """Return exactly `piece.expected_bytes` bytes; raises CannotServe."""


class Hedge(Protocol):
    """A second way to the piece that the reader waits for."""

    async def first_of(self, mine: asyncio.Task[Content], position: int, piece: Piece) -> memoryview:
        """The wanted bytes of `piece`, which start at `position` of the file; raises CannotServe."""


@dataclass(eq=False)
class Fetching:
    """A piece that was asked for; `counted` tells whether it takes a place of the budget."""

    piece: Piece
    claim: Claim
    task: asyncio.Task[Content]
    counted: bool


def abandon(unwanted: deque[Fetching], budget: PieceBudget) -> list[asyncio.Task[Content]]:
    """Cancel pieces and give their places back; returns the tasks, which nobody needs to wait for."""
    tasks = [one.task for one in unwanted]
    for one in unwanted:
        one.task.cancel()
        one.task.add_done_callback(_look_at)
        give_back(one, budget)
    unwanted.clear()
    return tasks


def give_back(one: Fetching, budget: PieceBudget) -> None:
    """Give the piece's place back, once."""
    if one.counted:
        one.counted = False
        budget.give_back()


def _look_at(task: asyncio.Task[Content]) -> None:
    """Nobody waits for an abandoned piece; its error, if any, is nobody's either."""
    if not task.cancelled():
        task.exception()


def wanted_bytes(piece: Piece, content: Content) -> memoryview:
    """The part of a piece that its reader asked for."""
    return memoryview(content)[piece.skip : piece.skip + piece.take]


class OrderedReader:
    """One stream: at most `window` pieces asked for but not handed over, counted by position.

    A late first piece therefore holds back the others, and memory stays at `window` pieces plus the one being sent.
    When the range is exhausted, the window slides on over `ahead`, pieces that the next reader will likely want; they
    are left behind for it.
    """

    def __init__(
        self,
        source: PieceSource,
        budget: PieceBudget,
        share: Share,
        window: int,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """`make_room` frees places of the budget that are needed less; False when there are none."""
        self._source = source
        self._budget = budget
        self._share = share
        self._window = window
        self._make_room = make_room
        self._running: deque[Fetching] = deque()
        self._asked = 0

    async def read(
        self,
        wanted: Iterator[Piece],
        *,
        start: int = 0,
        fetched: deque[Fetching] | None = None,
        ahead: Iterator[Piece] | None = None,
        hedge: Hedge | None = None,
    ) -> AsyncGenerator[memoryview, None]:
        """Yield the wanted bytes of each piece; `start` is where they lie in the file, `fetched` what was read ahead.

        Leaving the generator (aclose) before its end cancels what is still under way.
        """
        whole = False
        ahead = ahead or iter(())
        try:
            wanted = self._adopt(fetched or deque(), wanted)
            self._top_up(wanted, ahead)
            while self._running and not self._running[0].claim.ahead:
                first = self._running[0]
                if hedge is None:
                    content = wanted_bytes(first.piece, await first.task)
                else:
                    content = await hedge.first_of(first.task, start, first.piece)
                self._running.popleft()
                self._share.position += 1
                start += first.piece.take
                try:
                    self._top_up(wanted, ahead)
                    yield content
                finally:
                    give_back(first, self._budget)
                del content, first
            whole = True
        finally:
            if not whole:
                await asyncio.gather(*abandon(self._running, self._budget), return_exceptions=True)

    def left_behind(self) -> deque[Fetching]:
        """The pieces that were read ahead; they are the caller's from now on."""
        left, self._running = self._running, deque()
        return left

    def _adopt(self, fetched: deque[Fetching], wanted: Iterator[Piece]) -> Iterator[Piece]:
        """Take over what was read ahead, as far as it is what is wanted; returns the rest of what is wanted."""
        rest = wanted
        while fetched and _is_sound(fetched[0].task):
            piece = next(wanted, None)
            if piece != fetched[0].piece:
                rest = chain([piece], wanted) if piece is not None else iter(())
                break
            one = fetched.popleft()
            one.claim.share, one.claim.number, one.claim.ahead = self._share, self._asked, False
            self._asked += 1
            self._running.append(one)
        abandon(fetched, self._budget)
        return rest

    def _top_up(self, wanted: Iterator[Piece], ahead: Iterator[Piece]) -> None:
        while len(self._running) < self._window:
            counted = bool(self._running)
            if counted and not self._budget.take() and not (self._make_room() and self._budget.take()):
                return
            piece = next(wanted, None)
            if piece is not None:
                self._ask(piece, counted, ahead=False)
                continue
            piece = next(ahead, None) if counted and self._budget.is_ample else None
            if piece is None:
                if counted:
                    self._budget.give_back()
                return
            self._ask(piece, counted, ahead=True)

    def _ask(self, piece: Piece, counted: bool, *, ahead: bool) -> None:
        claim = Claim(self._share, self._asked, ahead)
        self._asked += 1
        self._running.append(Fetching(piece, claim, asyncio.create_task(self._source.fetch(piece, claim)), counted))


def _is_sound(task: asyncio.Task[Content]) -> bool:
    return not task.done() or (not task.cancelled() and task.exception() is None)
