"""A viewer of a benchmark: reads a range and tells when its first byte came."""

import time

import aiohttp

from streamvault_common.keys import MIB


def viewing() -> aiohttp.ClientSession:
    """As many viewers as wanted, each on a connection of its own."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, read_bufsize=MIB)


async def download(
    viewer: aiohttp.ClientSession, url: str, first: int = 0, last: int | None = None
) -> tuple[float, int]:
    """Read bytes `first`..`last`; seconds to the first byte, and bytes received."""
    began, first_byte, received = time.perf_counter(), 0.0, 0
    extent = f"bytes={first}-{'' if last is None else last}"
    async with viewer.get(url, headers={"Range": extent}) as answer:
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            first_byte = first_byte or time.perf_counter() - began
            received += len(chunk)
    return first_byte, received
