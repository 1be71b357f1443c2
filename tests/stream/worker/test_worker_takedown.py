"""Whoever reads a film when it is withdrawn is cut within seconds, and gets nothing more."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from attempts import once_in_time
from conditions import until_true
from worker_stack import GETFILE, SampleFile, WorkerStack

from streamvault_common import keys
from streamvault_common.keys import MIB

from .conftest import Library

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUT_SECONDS = 5.0
CUT = (httpx.RemoteProtocolError, httpx.ReadError)


async def reading(stack: WorkerStack, film: SampleFile) -> AsyncGenerator[int, None]:
    """Read a film slowly; yields the length of each piece, and ends when the worker cuts the connection."""
    async with stack.http.stream("GET", film.path) as answer:
        async for chunk in answer.aiter_bytes(65536):
            yield len(chunk)
            await asyncio.sleep(0.05)  # a viewer's pace, so that bytes are under way all the time


async def to_the_end(viewer: AsyncIterator[int]) -> None:
    """Read on."""
    async for _ in viewer:
        pass


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "announcement lost"])
async def test_a_viewer_is_cut_when_a_film_is_withdrawn(stack: WorkerStack, library: Library, announced: bool) -> None:
    film: SampleFile = library.film
    stack.sandbox.fault(kind="silence", method=GETFILE, offset_from=15 * MIB)  # no viewer gets to the end

    async def refused() -> bool:
        return (await stack.read(film, "0-99")).status_code == 410

    async def cut_in_time() -> bool:
        viewer = reading(stack, film)
        try:
            assert await anext(viewer) > 0
            started = time.monotonic()
            await stack.store.set(keys.blocked_key(film.stored.id), "1")
            if announced:
                await stack.store.publish(keys.TAKEDOWN_CHANNEL, film.stored.id)
            with pytest.raises(CUT):
                await to_the_end(viewer)
            seconds = time.monotonic() - started
            await until_true(refused)
        finally:
            await viewer.aclose()
            await stack.store.delete(keys.blocked_key(film.stored.id))
        return seconds < CUT_SECONDS

    assert await once_in_time(cut_in_time)


async def test_other_films_go_on(stack: WorkerStack, library: Library) -> None:
    parted: SampleFile = library.parted
    await stack.store.publish(keys.TAKEDOWN_CHANNEL, "c" * 32)
    assert (await stack.read(parted)).content == parted.content
