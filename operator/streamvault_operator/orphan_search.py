"""Looks now and then for titles that the site shows and no resource declares; their look takes them off the air.

A title whose finalizer was taken off while the operator was away sends no event: only comparing tells.
"""

import asyncio
import logging

from .deps import Deps
from .handlers.memo import Queues
from .io.store import StoreUnavailable
from .reconcile import orphans

log = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
"""By then the watch has told of most Titles; one that it has not told of yet is looked at for nothing."""
PAUSE_SECONDS = 3600.0
RETRY_SECONDS = 30.0


async def search(deps: Deps, queues: Queues, first_seconds: float = FIRST_SECONDS) -> None:
    """Make every title due that MongoDB knows and the watch does not; runs until cancelled."""
    pause = first_seconds
    while True:
        await asyncio.sleep(pause)
        try:
            pause = await _search(deps, queues)
        except Exception:
            pause = PAUSE_SECONDS
            log.exception("cannot look for titles without a resource")


async def _search(deps: Deps, queues: Queues) -> float:
    if not queues.seen:
        # an empty namespace beside a full database is rather a wrong address than the end of a library
        log.warning("no Title is declared: titles in MongoDB are left alone")
        return PAUSE_SECONDS
    try:
        found = await orphans.find(deps, queues.seen)
    except StoreUnavailable as error:
        log.warning("the titles cannot be listed yet", extra={"error": str(error)})
        return RETRY_SECONDS
    for title in sorted(found):
        queues.titles.add(title)
    return PAUSE_SECONDS
