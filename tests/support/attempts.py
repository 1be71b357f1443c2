"""Claims about seconds on a machine that may stand still for some of them."""

from collections.abc import Awaitable, Callable

ATTEMPTS = 3


async def once_in_time(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Whether one of three attempts was in time: a machine that stands still spoils one, a slow product all."""
    for _ in range(ATTEMPTS):
        if await attempt():
            return True
    return False
