"""HTTP ranges of one representation (RFC 9110 sections 13 and 14); pure."""

import re
from dataclasses import dataclass

_BYTES_UNIT = re.compile(r"^\s*bytes\s*=", re.IGNORECASE)
_SINGLE_RANGE = re.compile(r"^\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*$", re.IGNORECASE)


class RangeNotSatisfiable(ValueError):  # noqa: N818
    """No byte of the file lies in the range, or it is not one plain range: answer 416."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes `start`..`end`, both inclusive."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.end - self.start + 1


def parse_range(header: str, size_bytes: int) -> ByteRange | None:
    """Read a Range header for a file of `size_bytes`; None = ignore it (another unit); raises RangeNotSatisfiable.

    Several ranges are refused: the edge's cache asks for one slice at a time, and so does every player.
    """
    if not _BYTES_UNIT.match(header):
        return None
    match = _SINGLE_RANGE.match(header)
    if match is None or not (match[1] or match[2]):
        raise RangeNotSatisfiable(f"{header!r} is not one range of bytes")
    if not match[1]:
        start, end = max(size_bytes - int(match[2]), 0), size_bytes - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size_bytes), size_bytes - 1)
        if match[2] and int(match[2]) < start:
            raise RangeNotSatisfiable(f"{header!r} ends before it starts")
    if start > end:
        raise RangeNotSatisfiable(f"{header!r} lies outside of {size_bytes} bytes")
    return ByteRange(start, end)


def matches_etag(header: str, etag: str) -> bool:
    """Whether an If-None-Match list names the strong `etag` or is `*` (weak comparison, section 13.1.2)."""
    return header.strip() == "*" or etag in {entry.strip().removeprefix("W/") for entry in header.split(",")}
