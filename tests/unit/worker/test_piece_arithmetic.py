"""Ranges over joined parts come out right to the byte, by rules that Telegram enforces."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamvault_common.documents import Part
from streamvault_common.keys import MIB
from streamvault_worker.stream.pieces import Piece, pieces
from streamvault_worker.stream.reader import read_in_order

KIB4 = 4096
BORDERS = (KIB4, MIB)
PATTERN = hashlib.shake_256(b"streamvault").digest(3 * MIB + 977) * 2
"""Its period is no multiple of any border, so that a shifted piece never looks right."""


def content_of(part: Part) -> memoryview:
    """What the message of `part` holds: a window of the pattern that differs from message to message."""
    shift = part.message_id * 7919
    return memoryview(PATTERN)[shift : shift + part.size_bytes]


def telegram_answer(piece: Piece) -> bytes:
    """What upload.getFile answers, after checking its rules."""
    assert piece.offset % KIB4 == 0
    assert piece.limit % KIB4 == 0
    assert MIB % piece.limit == 0
    assert piece.offset // MIB == (piece.offset + piece.limit - 1) // MIB
    return bytes(content_of(piece.part)[piece.offset : piece.offset + piece.limit])


near_border = st.builds(
    lambda border, times, off: max(1, border * times + off),
    st.sampled_from(BORDERS),
    st.integers(0, 2),
    st.integers(-2, 2),
)
part_sizes = st.lists(st.one_of(near_border, st.integers(1, 2 * MIB)), min_size=1, max_size=4)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[list[Part], int, int]:
    """Parts and an inclusive range whose ends like to lie beside part and piece borders."""
    sizes = draw(part_sizes)
    parts = [Part(channel_id=1, message_id=number, size_bytes=size) for number, size in enumerate(sizes)]
    total = sum(sizes)
    edges = [0, total - 1, *(sum(sizes[:n]) for n in range(len(sizes)))]
    position = st.one_of(
        st.integers(0, total - 1),
        st.builds(
            lambda edge, border, times, off: min(max(edge + border * times + off, 0), total - 1),
            st.sampled_from(edges),
            st.sampled_from(BORDERS),
            st.integers(-2, 2),
            st.integers(-2, 2),
        ),
    )
    first, second = draw(position), draw(position)
    return parts, min(first, second), max(first, second)


def bytes_due(parts: list[Part], start: int, end: int) -> bytes:
    """The wanted bytes, cut out of each part by plain slicing."""
    due, before = [], 0
    for part in parts:
        due.append(content_of(part)[max(start - before, 0) : max(end + 1 - before, 0)])
        before += part.size_bytes
    return b"".join(due)


@settings(max_examples=6000, deadline=None)
@given(ranges())
@example(([Part(channel_id=1, message_id=0, size_bytes=MIB + 1)], 0, MIB))
@example(([Part(channel_id=1, message_id=0, size_bytes=MIB + 1)], MIB, MIB))
@example(([Part(channel_id=1, message_id=0, size_bytes=1)], 0, 0))
def test_any_range_of_any_parts_delivers_exactly_its_bytes(case: tuple[list[Part], int, int]) -> None:
    parts, start, end = case
    delivered = []
    for piece in pieces(parts, start, end):
        answer = telegram_answer(piece)
        assert len(answer) == piece.expected_bytes
        delivered.append(answer[piece.skip : piece.skip + piece.take])
    assert b"".join(delivered) == bytes_due(parts, start, end)


@given(st.integers(1, 5), st.integers(0, 20))
def test_whole_slices_cost_one_request_per_mebibyte(slices: int, first: int) -> None:
    part = Part(channel_id=1, message_id=1, size_bytes=400 * MIB)
    start = first * 8 * MIB
    wanted = list(pieces([part], start, start + slices * 8 * MIB - 1))
    assert len(wanted) == slices * 8
    assert {piece.limit for piece in wanted} == {MIB}


def test_a_single_byte_costs_the_smallest_request() -> None:
    [piece] = pieces([Part(channel_id=1, message_id=1, size_bytes=MIB)], 5000, 5000)
    assert (piece.offset, piece.limit, piece.skip, piece.take) == (4096, 4096, 904, 1)


class SlowHead:
    """A source whose first piece comes last; counts what was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.cancelled: list[int] = []
        self.head_may_come = asyncio.Event()

    async def fetch(self, piece: Piece) -> bytes:
        number = piece.offset // MIB
        self.asked.append(number)
        try:
            if number == 0:
                await self.head_may_come.wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return bytes([number]) * piece.expected_bytes


def twenty_pieces() -> Iterator[Piece]:
    return pieces([Part(channel_id=1, message_id=1, size_bytes=20 * MIB)], 0, 20 * MIB - 1)


async def settle() -> None:
    """Let every task that can run, run."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_late_head_piece_holds_back_the_window() -> None:
    source = SlowHead()
    async with aclosing(read_in_order(source, twenty_pieces(), window=4)) as chunks:
        head = asyncio.ensure_future(anext(chunks))
        await settle()
        assert source.asked == [0, 1, 2, 3]
        source.head_may_come.set()
        assert bytes((await head)[:1]) == b"\x00"
        assert [bytes(chunk[:1])[0] async for chunk in chunks] == list(range(1, 20))


async def test_a_reader_that_does_not_read_stops_the_requests() -> None:
    source = SlowHead()
    source.head_may_come.set()
    async with aclosing(read_in_order(source, twenty_pieces(), window=4)) as chunks:
        await anext(chunks)
        await settle()
        assert source.asked == [0, 1, 2, 3, 4]


async def test_leaving_cancels_what_is_under_way() -> None:
    source = SlowHead()
    chunks = read_in_order(source, twenty_pieces(), window=4)
    head = asyncio.ensure_future(anext(chunks))
    await settle()
    head.cancel()
    with pytest.raises(asyncio.CancelledError):
        await head
    await chunks.aclose()
    assert source.cancelled == [0]
    assert source.asked == [0, 1, 2, 3]
