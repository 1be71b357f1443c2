"""Waiting that a stop of the process cuts short."""

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for `seconds`, or less when `stop` comes; True when it came."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def done_before_stop(stop: asyncio.Event, work: "asyncio.Task[Result]", seconds: float) -> bool:
    """Wait for `work`, but not past `stop`; False when stopped. Raises what `work` raises, and TimeoutError."""
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((work, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            work.result()
            return True
        if not done:
            raise TimeoutError(f"no answer in {seconds:.0f} s")
        return False
    finally:
        work.cancel()
        stopping.cancel()
        await asyncio.gather(work, stopping, return_exceptions=True)
