"""The head of the next slice is fetched while the edge stores this one, for nginx itself asks for one after another."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from streamvault_common.documents import StoredFile
from streamvault_common.keys import AFFINITY_BYTES, SLICE_BYTES

from .budget import PieceBudget
from .pieces import Piece, pieces
from .ranges import ByteRange
from .reader import Fetching, abandon

KEPT_SECONDS = 30.0
"""A viewer who stopped leaves his read-ahead behind for so long."""
REMEMBERED_SLICES = 8192
REMEMBERED_SECONDS = 600.0
"""The edge may have dropped a slice that was served from here so long ago."""

Place = tuple[str, int, int]
"""File, generation, first byte of a slice."""


class ReadAhead:
    """Decides what is worth fetching early, and keeps it until it is asked for, too old, or in the way.

    Worth it is the slice after one that was itself asked for in sequence: a seek or a player's look at the index is
    no sequence. It must be on this worker's side of an affinity border, for beyond it the edge asks another one, and
    it must not have been served from here before, for then the edge has it.
    """

    def __init__(
        self,
        budget: PieceBudget,
        enabled: bool = True,
        kept_seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._enabled = enabled
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._kept: OrderedDict[Place, tuple[deque[Fetching], asyncio.TimerHandle]] = OrderedDict()
        self._asked: OrderedDict[Place, float] = OrderedDict()

    def asked(self, file: StoredFile, body: ByteRange) -> tuple[deque[Fetching], Iterator[Piece]]:
        """Take note of a read; returns what was fetched early for it, and what to fetch early after it."""
        place = (file.id, file.gen, body.start)
        fetched = self._take(place)
        after = self._pieces_after(file, body, sequential=bool(fetched) or self._follows(place))
        self._remember(place)
        return fetched, after

    def keep(self, file: StoredFile, body: ByteRange, left: deque[Fetching]) -> None:
        """Keep what was fetched early after a read."""
        if not left:
            return
        place = (file.id, file.gen, body.end + 1)
        abandon(self._take(place), self._budget)
        timer = asyncio.get_running_loop().call_later(self._kept_seconds, self._expire, place)
        self._kept[place] = (left, timer)

    def make_room(self) -> bool:
        """Drop the oldest; False when nothing is kept."""
        if not self._kept:
            return False
        self._expire(next(iter(self._kept)))
        return True

    def clear(self) -> None:
        """Drop everything."""
        while self.make_room():
            pass

    def _pieces_after(self, file: StoredFile, body: ByteRange, *, sequential: bool) -> Iterator[Piece]:
        following = body.end + 1
        worth = (
            self._enabled
            and sequential
            and file.kind == "video"
            and body.start % SLICE_BYTES == 0
            and following % SLICE_BYTES == 0
            and following < file.size_bytes
            and following % AFFINITY_BYTES != 0
            and not self._was_asked((file.id, file.gen, following))
            and (file.id, file.gen, following) not in self._kept
        )
        if not worth:
            return iter(())
        return pieces(file.parts, following, min(following + SLICE_BYTES, file.size_bytes) - 1)

    def _follows(self, place: Place) -> bool:
        return self._was_asked((place[0], place[1], place[2] - SLICE_BYTES))

    def _was_asked(self, place: Place) -> bool:
        return self._clock() - self._asked.get(place, float("-inf")) < REMEMBERED_SECONDS

    def _remember(self, place: Place) -> None:
        self._asked[place] = self._clock()
        self._asked.move_to_end(place)
        while len(self._asked) > REMEMBERED_SLICES:
            self._asked.popitem(last=False)

    def _take(self, place: Place) -> deque[Fetching]:
        fetched, timer = self._kept.pop(place, (deque(), None))
        if timer is not None:
            timer.cancel()
        return fetched

    def _expire(self, place: Place) -> None:
        abandon(self._take(place), self._budget)
