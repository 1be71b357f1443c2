"""Warming: what a player asks first of a film is fetched into the edge while the page still loads the player."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import Counter

from streamvault_common.documents import TitleFile
from streamvault_common.keys import SLICE_BYTES
from streamvault_common.signing import Grant, LinkKeys, Tier, play_scope, sign
from streamvault_manager.stores.edge import EdgeUnavailable

log = logging.getLogger(__name__)

LIKELY_SCREEN_HEIGHT = 1080
REPEAT_SECONDS = 300.0
LINK_SECONDS = 120
AT_ONCE = 4
MOST_WAITING = 64

FetchByte = Callable[[str, int], Awaitable[bool]]
"""Asks the edge for the byte of a link at a position; raises EdgeUnavailable."""


def likely_file(files: Sequence[TitleFile]) -> TitleFile:
    """What most players start with; `files` must not be empty.

    The rule of images/frontend/lib/player/sources.ts, for a Full HD screen and a viewer who never chose a quality.
    """
    best_first = sorted(files, key=_height, reverse=True)
    enough = [file for file in best_first if _height(file) >= LIKELY_SCREEN_HEIGHT]
    return enough[-1] if enough else best_first[0]


def end_bytes(size_bytes: int) -> tuple[int, ...]:
    """The first byte, and the last one where it lies in another slice: players read an index at either end."""
    return (0,) if size_bytes <= SLICE_BYTES else (0, size_bytes - 1)


class Warmer:
    """Warms in the background: a few at once, each film once in REPEAT_SECONDS, and none when too many wait."""

    def __init__(
        self, fetch_byte: FetchByte, keys: LinkKeys, outcomes: Counter, now: Callable[[], float] = time.time
    ) -> None:
        self._fetch_byte = fetch_byte
        self._keys = keys
        self._outcomes = outcomes
        self._now = now
        self._warmed_at: dict[str, float] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def granted(self, files: Sequence[TitleFile]) -> None:
        """Links to these files were given out. Returns at once."""
        file, now = likely_file(files), self._now()
        scope = play_scope(file.fid, file.gen)
        self._warmed_at = {known: at for known, at in self._warmed_at.items() if now - at < REPEAT_SECONDS}
        if scope in self._warmed_at or len(self._tasks) >= MOST_WAITING:
            return
        self._warmed_at[scope] = now
        task = asyncio.create_task(self._warm(scope, file))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is still being warmed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _warm(self, scope: str, file: TitleFile) -> None:
        async with self._turns:
            for position in end_bytes(file.size_bytes):
                # A viewer of its own per film: the edge counts connections by viewer.
                grant = Grant(scope, int(self._now()) + LINK_SECONDS, Tier.PREMIUM, f"warming-{file.fid}")
                try:
                    held = await self._fetch_byte(f"{scope}?t={sign(self._keys, grant)}", position)
                except EdgeUnavailable as error:
                    log.info("the edge does not answer", extra={"fid": file.fid, "why": str(error)})
                    held = False
                self._outcomes.labels("held" if held else "failed").inc()


def _height(file: TitleFile) -> int:
    return int(file.quality.removesuffix("p"))
