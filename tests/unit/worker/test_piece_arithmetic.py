"""Ranges over joined parts come out right to the byte, by rules that Telegram enforces."""

import hashlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamvault_common.documents import Part
from streamvault_common.keys import MIB
from streamvault_worker.stream.pieces import Piece, pieces

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


@settings(max_examples=2000, deadline=None)
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
