"""The reader keeps its window by position, shares memory, reads ahead for the next one, and leaves nothing behind."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from streamvault_common.documents import Part
from streamvault_common.keys import MIB
from streamvault_worker.errors import TelegramUnavailable
from streamvault_worker.stream.budget import PieceBudget
from streamvault_worker.stream.pieces import Piece, pieces
from streamvault_worker.stream.reader import OrderedReader
from streamvault_worker.stream.turns import Claim, Share

FILM = Part(channel_id=1, message_id=1, size_bytes=40 * MIB)


class Source:
    """Pieces filled with their number; those that are held come when they are let go."""

    def __init__(self, *held: int) -> None:
        self.asked: list[int] = []
        self.claims: dict[int, Claim] = {}
        self.cancelled: list[int] = []
        self.failing: set[int] = set()
        self.held = {number: asyncio.Event() for number in held}

    async def fetch(self, piece: Piece, claim: Claim) -> bytes:
        number = piece.offset // MIB
        self.asked.append(number)
        self.claims[number] = claim
        try:
            if number in self.held:
                await self.held[number].wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        if number in self.failing:
            raise TelegramUnavailable("gone")
        return bytes([number]) * piece.expected_bytes


def numbered(first: int, last: int) -> Iterator[Piece]:
    """Whole pieces `first`..`last`."""
    return pieces([FILM], first * MIB, (last + 1) * MIB - 1)


def reader(source: Source, budget: PieceBudget, window: int = 4) -> OrderedReader:
    return OrderedReader(source, budget, Share(0), window)


async def settle() -> None:
    """Let every task that can run, run."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_late_head_piece_holds_back_the_window() -> None:
    source = Source(0)
    async with aclosing(reader(source, PieceBudget(100)).read(numbered(0, 19))) as chunks:
        head = asyncio.ensure_future(anext(chunks))
        await settle()
        assert source.asked == [0, 1, 2, 3]
        source.held[0].set()
        assert bytes((await head)[:1]) == b"\x00"
        assert [bytes(chunk[:1])[0] async for chunk in chunks] == list(range(1, 20))


async def test_a_reader_that_does_not_read_stops_the_requests() -> None:
    source = Source()
    async with aclosing(reader(source, PieceBudget(100)).read(numbered(0, 19))) as chunks:
        await anext(chunks)
        await settle()
        assert source.asked == [0, 1, 2, 3, 4]


async def test_leaving_cancels_what_is_under_way_and_frees_its_memory() -> None:
    source, budget = Source(0, 1, 2, 3), PieceBudget(100)
    chunks = reader(source, budget).read(numbered(0, 19))
    head = asyncio.ensure_future(anext(chunks))
    await settle()
    head.cancel()
    with pytest.raises(asyncio.CancelledError):
        await head
    await chunks.aclose()
    assert source.cancelled == [0, 1, 2, 3]
    assert budget.taken == 0


async def test_a_reader_without_room_in_memory_goes_on_piece_by_piece() -> None:
    source, budget = Source(), PieceBudget(1)
    assert budget.take()
    async with aclosing(reader(source, budget).read(numbered(0, 9))) as chunks:
        most = 0
        async for chunk in chunks:
            await settle()
            most = max(most, len(source.asked) - chunk[0])
    assert source.asked == list(range(10))
    assert most <= 2, "the piece being sent and the next one"
    assert budget.taken == 1


async def test_the_window_slides_on_over_what_the_next_reader_will_want() -> None:
    source, budget = Source(), PieceBudget(100)
    first = reader(source, budget)
    async with aclosing(first.read(numbered(0, 7), ahead=numbered(8, 15))) as chunks:
        assert [chunk[0] async for chunk in chunks] == list(range(8))
    left = first.left_behind()
    await settle()
    assert source.asked == list(range(12))
    assert {number for number, claim in source.claims.items() if claim.ahead} == {8, 9, 10, 11}

    second = reader(source, budget)
    async with aclosing(second.read(numbered(8, 15), fetched=left)) as chunks:
        assert [chunk[0] async for chunk in chunks] == list(range(8, 16))
    assert source.asked == list(range(16)), "nothing is fetched twice"
    assert not any(claim.ahead for claim in source.claims.values())
    assert budget.taken == 0


async def test_read_ahead_pieces_that_do_not_fit_or_failed_are_fetched_anew() -> None:
    source, budget = Source(), PieceBudget(100)
    source.failing = {9}
    first = reader(source, budget)
    async with aclosing(first.read(numbered(0, 7), ahead=numbered(8, 15))) as chunks:
        assert len([chunk async for chunk in chunks]) == 8
    left = first.left_behind()
    await settle()
    source.failing = set()
    second = reader(source, budget)
    async with aclosing(second.read(pieces([FILM], 8 * MIB, 10 * MIB), fetched=left)) as chunks:
        assert [(chunk[0], len(chunk)) async for chunk in chunks] == [(8, MIB), (9, MIB), (10, 1)]
    assert source.asked.count(8) == 1
    assert source.asked.count(9) == 2
    assert budget.taken == 0


async def test_read_ahead_never_takes_the_last_of_the_memory() -> None:
    source, budget = Source(), PieceBudget(8)
    first = reader(source, budget)
    others = [budget.take() for _ in range(6)]
    async with aclosing(first.read(numbered(0, 3), ahead=numbered(4, 7))) as chunks:
        assert len([chunk async for chunk in chunks]) == 4
    assert not [number for number in source.asked if number > 4]
    assert all(others)


async def test_what_cannot_be_fetched_is_told_after_everything_before_it() -> None:
    source, budget = Source(), PieceBudget(100)
    source.failing = {2}
    chunks = reader(source, budget).read(numbered(0, 9), fetched=deque())
    assert [(await anext(chunks))[0], (await anext(chunks))[0]] == [0, 1]
    with pytest.raises(TelegramUnavailable):
        await anext(chunks)
    assert budget.taken == 0
