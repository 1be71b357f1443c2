"""Waiting for whichever comes first."""

import asyncio


async def first_of(timeout_seconds: float, *events: asyncio.Event) -> bool:
    """Wait until one of the events is set; False when the time is over first."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waiting, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for future in waiting:
            future.cancel()
