"""Viewers who seek at random while accounts are told to wait, references expire, lines break and workers are killed."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from byte_chain import ByteChain
from worker_stack import GETFILE, SampleFile

from streamvault_common.keys import SLICE_BYTES

BREAK_EVERY_SECONDS = 2.0
RETRY_SECONDS = 0.2
LEAST_KINDS = 3
"""So many kinds of things break in every run, also where one takes so long that the time is over."""
LONGEST_READ_BYTES = 3 * SLICE_BYTES
"""Long enough to have a slice in its middle, of which nginx asks by a subrequest."""
CUT = (httpx.RemoteProtocolError, httpx.ReadError, httpx.ConnectError)


@dataclass
class SoakResult:
    """What the viewers saw; a wait is the time without a new byte for somebody who wants one."""

    bytes_read: int = 0
    reads: int = 0
    cuts: int = 0
    refusals: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest_wait_seconds: float = 0.0
    breaks: Counter[str] = field(default_factory=Counter)


class Soak:
    """One run; `films` are published and can be read through the chain's edge."""

    def __init__(self, chain: ByteChain, films: Sequence[SampleFile], viewers: int, seed: int | None = None) -> None:
        self._chain = chain
        self._films = films
        self._viewers = viewers
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self._dice = random.Random(self.seed)
        self._ends_at = 0.0
        self.result = SoakResult()

    async def run(self, seconds: float) -> SoakResult:
        """Let the viewers watch and things break for so long at least; raises what a viewer or a breaker raises."""
        self._ends_at = time.monotonic() + seconds
        try:
            async with asyncio.TaskGroup() as breakers:
                breaking = breakers.create_task(self._break_things())
                async with asyncio.TaskGroup() as watchers:
                    for number in range(self._viewers):
                        watchers.create_task(self._watch(number))
                breaking.cancel()
        finally:
            self._chain.sandbox.clear_faults()
        return self.result

    async def _watch(self, number: int) -> None:
        while time.monotonic() < self._ends_at or len(self.result.breaks) < LEAST_KINDS:
            film = self._dice.choice(self._films)
            first = self._dice.randrange(len(film.content))
            last = min(first + self._dice.randrange(1, LONGEST_READ_BYTES), len(film.content) - 1)
            await self._read(film, f"v{number}", first, last)

    async def _read(self, film: SampleFile, user: str, first: int, last: int) -> None:
        """Read a range to its end, going on after cuts as a player does; gives up where an answer is wrong."""
        url, position, waiting_since = self._chain.link(film, user), first, time.monotonic()
        while position <= last:
            wanted = f"{position}-{last}"
            try:
                async with self._chain.http.stream("GET", url, headers={"Range": f"bytes={wanted}"}) as answer:
                    if answer.status_code != 206:
                        self.result.refusals[answer.status_code] += 1
                        await asyncio.sleep(RETRY_SECONDS)
                    else:
                        announced = answer.headers.get("content-range")
                        if announced != f"bytes {wanted}/{len(film.content)}":
                            self._wrong(film, position, f"asked for {wanted}, announced {announced}")
                            return
                        async for chunk in answer.aiter_raw():
                            self._check(film, position, chunk)
                            position += len(chunk)
                            waiting_since = self._waited(waiting_since)
                        if position != last + 1:
                            self._wrong(film, position, f"{wanted} ended here, and not by a cut")
                            return
            except CUT:
                self.result.cuts += 1
                await asyncio.sleep(RETRY_SECONDS)
            self.result.longest_wait_seconds = max(self.result.longest_wait_seconds, time.monotonic() - waiting_since)
        self.result.reads += 1

    def _check(self, film: SampleFile, position: int, chunk: bytes) -> None:
        self.result.bytes_read += len(chunk)
        if film.content[position : position + len(chunk)] != chunk:
            self._wrong(film, position, "other bytes")

    def _wrong(self, film: SampleFile, position: int, what: str) -> None:
        self.result.wrong.append(f"{film.stored.name} at {position}: {what}, seed {self.seed}")

    def _waited(self, since: float) -> float:
        now = time.monotonic()
        self.result.longest_wait_seconds = max(self.result.longest_wait_seconds, now - since)
        return now

    async def _break_things(self) -> None:
        """One thing after another, each kind in turn so that none is left out."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill_a_worker,
            self._order_a_wait,
            self._expire_references,
            self._reset_lines,
            self._answer_badly,
            self._empty_the_cache,
        ]
        while True:
            for kind in self._dice.sample(kinds, len(kinds)):
                await asyncio.sleep(BREAK_EVERY_SECONDS)
                await kind()
                self.result.breaks[kind.__name__.strip("_")] += 1

    async def _kill_a_worker(self) -> None:
        account, worker = self._dice.choice(list(self._chain.workers.items()))
        await self._chain.kill(account)
        await worker.start()
        await self._chain.until_ready(account)

    async def _order_a_wait(self) -> None:
        self._fault(kind="error", error="FLOOD_WAIT_2", count=1, account=self._dice.choice(list(self._chain.workers)))

    async def _expire_references(self) -> None:
        self._chain.sandbox.post("/control/file-references/expire", {})

    async def _reset_lines(self) -> None:
        self._fault(kind="reset", count=2)

    async def _answer_badly(self) -> None:
        self._fault(kind="short", keep_bytes=4096, count=3)
        self._fault(kind="error", error="INTERNAL", count=3)

    async def _empty_the_cache(self) -> None:
        self._chain.empty_cache()

    def _fault(self, **rule: Any) -> None:
        self._chain.sandbox.fault(method=GETFILE, **rule)
