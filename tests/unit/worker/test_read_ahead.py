"""What is fetched early: the next slice of whoever reads in sequence, kept for a while, and never for nothing."""

import asyncio
from collections import deque

import pytest

from streamvault_common.documents import Part, StoredFile
from streamvault_common.keys import AFFINITY_BYTES, SLICE_BYTES
from streamvault_worker.stream.budget import PieceBudget
from streamvault_worker.stream.pieces import Piece
from streamvault_worker.stream.ranges import ByteRange
from streamvault_worker.stream.readahead import REMEMBERED_SECONDS, ReadAhead
from streamvault_worker.stream.reader import Content, Fetching
from streamvault_worker.stream.turns import Claim, Share

SLICES = AFFINITY_BYTES // SLICE_BYTES + 5


def stored(kind: str = "video") -> StoredFile:
    size = SLICES * SLICE_BYTES - 5
    return StoredFile(
        id="0" * 32,
        title="t",
        name="f",
        kind=kind,
        gen=1,
        parts=(Part(channel_id=1, message_id=1, size_bytes=size),),
        size_bytes=size,
        content_type="video/mp4",
    )


FILM = stored()


def slice_range(number: int) -> ByteRange:
    return ByteRange(number * SLICE_BYTES, min((number + 1) * SLICE_BYTES, FILM.size_bytes) - 1)


class Reads:
    """A worker's reads of one film."""

    def __init__(self, enabled: bool = True) -> None:
        self.now = 0.0
        self.budget = PieceBudget(64)
        self.read_ahead = ReadAhead(self.budget, enabled, clock=lambda: self.now)

    def slice(self, number: int, film: StoredFile = FILM) -> list[int]:
        """Read a slice; returns the slices that are worth fetching early after it."""
        _, after = self.read_ahead.asked(film, slice_range(number))
        return sorted({piece.offset // SLICE_BYTES for piece in after})


def test_the_slice_after_a_sequence_is_worth_it() -> None:
    reads = Reads()
    assert reads.slice(0) == []
    assert reads.slice(1) == [2]
    assert reads.slice(2) == [3]


def test_a_seek_a_turned_off_setting_and_an_image_are_not() -> None:
    reads = Reads()
    reads.slice(0)
    assert reads.slice(9) == []
    assert reads.slice(10) == [11]
    off = Reads(enabled=False)
    off.slice(0)
    assert off.slice(1) == []
    images = Reads()
    images.slice(0, stored("image"))
    assert images.slice(1, stored("image")) == []


def test_nothing_is_fetched_past_the_end_or_where_another_worker_is_asked() -> None:
    reads = Reads()
    border = AFFINITY_BYTES // SLICE_BYTES
    reads.slice(border - 2)
    assert reads.slice(border - 1) == []
    reads.slice(SLICES - 3)
    assert reads.slice(SLICES - 2) == [SLICES - 1]
    assert reads.slice(SLICES - 1) == []


def test_what_the_edge_has_is_not_fetched_until_it_may_have_forgotten() -> None:
    reads = Reads()
    for number in (0, 1, 2):
        reads.slice(number)
    assert reads.slice(1) == []
    reads.now += REMEMBERED_SECONDS + 1
    reads.slice(0)
    assert reads.slice(1) == [2]


def fetching(reads: Reads) -> deque[Fetching]:
    """One piece that is under way for ever."""
    assert reads.budget.take()
    piece = Piece(FILM.parts[0], 2 * SLICE_BYTES, 4096, 0, 4096)
    task: asyncio.Task[Content] = asyncio.create_task(_never())
    return deque([Fetching(piece, Claim(Share(0), 8, True), task, True)])


async def _never() -> Content:
    await asyncio.Event().wait()
    raise AssertionError


async def test_what_is_kept_is_handed_out_once() -> None:
    reads = Reads()
    reads.slice(0)
    reads.slice(1)
    kept = fetching(reads)
    reads.read_ahead.keep(FILM, slice_range(1), kept)
    taken, after = reads.read_ahead.asked(FILM, slice_range(2))
    assert taken is kept
    assert next(after).offset == 3 * SLICE_BYTES
    assert not reads.read_ahead.asked(FILM, slice_range(2))[0]
    taken[0].task.cancel()


async def test_what_nobody_asks_for_is_dropped_after_a_while() -> None:
    reads = Reads()
    read_ahead = ReadAhead(reads.budget, kept_seconds=0.01)
    kept = fetching(reads)
    task = kept[0].task
    read_ahead.keep(FILM, slice_range(1), kept)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert reads.budget.taken == 0


async def test_the_oldest_makes_room_for_those_who_read() -> None:
    reads = Reads()
    old, young = fetching(reads), fetching(reads)
    tasks = [old[0].task, young[0].task]
    reads.read_ahead.keep(FILM, slice_range(1), old)
    reads.read_ahead.keep(FILM, slice_range(5), young)
    assert reads.read_ahead.make_room()
    await asyncio.sleep(0)
    assert [task.cancelled() for task in tasks] == [True, False]
    reads.read_ahead.clear()
    assert reads.budget.taken == 0
    assert not reads.read_ahead.make_room()
