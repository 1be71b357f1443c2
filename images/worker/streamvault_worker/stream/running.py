"""Which files are being read now, so that a withdrawn one can be cut."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class RunningReads:
    """The reads under way by file."""

    def __init__(self) -> None:
        self._cuts: dict[str, set[asyncio.Event]] = {}

    @property
    def fids(self) -> frozenset[str]:
        """Files that are being read."""
        return frozenset(self._cuts)

    @contextmanager
    def read(self, fid: str) -> Iterator[asyncio.Event]:
        """Count one read while the block runs; the event is set when it must stop."""
        cut = asyncio.Event()
        self._cuts.setdefault(fid, set()).add(cut)
        try:
            yield cut
        finally:
            others = self._cuts[fid]
            others.discard(cut)
            if not others:
                del self._cuts[fid]

    def cut(self, fid: str) -> int:
        """Stop every read of a file; returns how many there are."""
        cuts = self._cuts.get(fid, set())
        for cut in cuts:
            cut.set()
        return len(cuts)
