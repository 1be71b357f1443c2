"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 120.0
"""Only tells a test that fails from one that hangs: no claim about how fast anything is."""
PAUSE_SECONDS = 0.005
QUESTION_SECONDS = 0.1, 0.5
"""Shortest and longest pause between two questions to another process: each costs both of them some work."""
SHARE_OF_THE_WAIT = 0.1
"""A pause is so long, compared with the wait up to it."""


async def until(condition: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Return as soon as `condition()` is true; raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition may be anything, also outside of this process
            await asyncio.sleep(PAUSE_SECONDS)


async def until_true(ask: Callable[[], Awaitable[T]], seconds: float = DEADLINE_SECONDS) -> T:
    """Return the first answer that is true; raises TimeoutError after `seconds`."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not (answer := await ask()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(pause_after(time.monotonic() - began))
        return answer


def pause_after(waited_seconds: float) -> float:
    """How long not to ask another process again, in seconds."""
    shortest, longest = QUESTION_SECONDS
    return min(longest, max(shortest, waited_seconds * SHARE_OF_THE_WAIT))
