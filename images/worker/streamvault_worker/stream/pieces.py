"""Which requests to Telegram make up a byte range; pure arithmetic.

Rules of upload.getFile (core.telegram.org/api/files): offset and limit are multiples of 4 KiB, limit divides 1 MiB,
and a request never crosses a 1 MiB border of its file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamvault_common.documents import Part
from streamvault_common.keys import PIECE_BYTES

SMALLEST_PIECE_BYTES = 4096


@dataclass(frozen=True)
class Piece:
    """One request: `limit` bytes at `offset` of `part`, of which `take` bytes from `skip` on are wanted."""

    part: Part
    offset: int
    limit: int
    skip: int
    take: int

    @property
    def expected_bytes(self) -> int:
        """Length of a right answer: the limit, or less at the end of the part."""
        return min(self.limit, self.part.size_bytes - self.offset)


def pieces(parts: Sequence[Part], start: int, end: int) -> Iterator[Piece]:
    """Yield, in order, the pieces of bytes `start`..`end` (inclusive) of the joined parts; nothing past their end."""
    part_start = 0
    for part in parts:
        first = max(start - part_start, 0)
        last = min(end - part_start, part.size_bytes - 1)
        position = first
        while position <= last:
            border = (position // PIECE_BYTES + 1) * PIECE_BYTES
            stop = min(border, last + 1)
            yield _piece(part, position, stop - position)
            position = stop
        part_start += part.size_bytes


def _piece(part: Part, position: int, take: int) -> Piece:
    """The smallest allowed request around `take` bytes at `position`, all inside one 1 MiB window."""
    limit = SMALLEST_PIECE_BYTES
    while position // limit != (position + take - 1) // limit:
        limit *= 2
    offset = position // limit * limit
    return Piece(part, offset, limit, position - offset, take)
