"""Fetches the pieces of a range ahead of the reader, and hands them over in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Protocol

from .pieces import Piece


class PieceSource(Protocol):
    """Where pieces come from; the Telegram account, or a table in a test."""

    async def fetch(self, piece: Piece) -> bytes | memoryview:
        """Return exactly `piece.expected_bytes` bytes; raises CannotServe."""


async def read_in_order(source: PieceSource, wanted: Iterator[Piece], window: int) -> AsyncGenerator[memoryview, None]:
    """Yield the wanted bytes of each piece in order, with at most `window` pieces asked for but not handed over.

    The window is bounded by position, so a late first piece holds back the others and memory stays at
    `window` pieces plus the one being sent. Leaving the generator (aclose) cancels what is still under way.
    """
    running: deque[tuple[Piece, asyncio.Task[bytes | memoryview]]] = deque()

    def top_up() -> None:
        while len(running) < window and (piece := next(wanted, None)) is not None:
            running.append((piece, asyncio.create_task(source.fetch(piece))))

    try:
        top_up()
        while running:
            piece, task = running[0]
            content = await task
            running.popleft()
            top_up()
            yield memoryview(content)[piece.skip : piece.skip + piece.take]
            del content, task
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)
