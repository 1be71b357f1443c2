"""Whoever reads a film when it is withdrawn is cut within seconds, and gets nothing more."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from worker_stack import SampleFile, WorkerStack

from streamvault_common import keys

from .conftest import Library

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUT_SECONDS = 5.0


async def reading(stack: WorkerStack, film: SampleFile) -> AsyncGenerator[int, None]:
    """Read a film slowly; yields the length of each piece, and ends when the worker cuts the connection."""
    async with stack.http.stream("GET", film.path) as answer:
        async for chunk in answer.aiter_bytes(65536):
            yield len(chunk)
            await asyncio.sleep(0.05)  # a viewer's pace, so that the film outlasts the test


async def to_the_end(viewer: AsyncIterator[int]) -> None:
    """Read on."""
    async for _ in viewer:
        pass


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "announcement lost"])
async def test_a_viewer_is_cut_when_a_film_is_withdrawn(stack: WorkerStack, library: Library, announced: bool) -> None:
    film: SampleFile = library.film
    viewer = reading(stack, film)
    try:
        assert await anext(viewer) > 0
        started = time.monotonic()
        await stack.store.set(keys.blocked_key(film.stored.id), "1")
        if announced:
            await stack.store.publish(keys.TAKEDOWN_CHANNEL, film.stored.id)
        with pytest.raises(httpx.HTTPError):
            await to_the_end(viewer)
        assert time.monotonic() - started < CUT_SECONDS
        assert (await stack.read(film, "0-99")).status_code == 410
    finally:
        await viewer.aclose()
        await stack.store.delete(keys.blocked_key(film.stored.id))


async def test_other_films_go_on(stack: WorkerStack, library: Library) -> None:
    parted: SampleFile = library.parted
    await stack.store.publish(keys.TAKEDOWN_CHANNEL, "c" * 32)
    assert (await stack.read(parted)).content == parted.content
