"""Compares now and then what MongoDB holds with what is declared; what differs is looked at, the rest left alone.

A title whose finalizer was taken off while the operator was away sends no event, and neither do documents that got
lost: only comparing tells. A look at each of many thousand titles would cost minutes instead of two queries.
"""

import asyncio
import logging

from .deps import Deps
from .domain.comparison import differing
from .handlers.memo import Queues
from .io.store import StoreUnavailable

log = logging.getLogger(__name__)

QUIET_SECONDS = 30.0
"""When the watch has told of no further Title for so long, its first list is through."""
PAUSE_SECONDS = 3600.0
RETRY_SECONDS = 30.0


async def compare(deps: Deps, queues: Queues, quiet_seconds: float = QUIET_SECONDS) -> None:
    """Make every title due that differs; runs until cancelled."""
    told = -1
    while told != len(queues.seen):
        told = len(queues.seen)
        await asyncio.sleep(quiet_seconds)
    while True:
        try:
            pause = await _compare(deps, queues)
        except Exception:
            pause = PAUSE_SECONDS
            log.exception("cannot compare titles with what is declared")
        await asyncio.sleep(pause)


async def _compare(deps: Deps, queues: Queues) -> float:
    if not queues.seen:
        # an empty namespace beside a full database is rather a wrong address than the end of a library
        log.warning("no Title is declared: titles in MongoDB are left alone")
        return PAUSE_SECONDS
    try:
        projections, stored = await deps.store.projections(), await deps.store.stored_gens()
    except StoreUnavailable as error:
        log.warning("titles cannot be compared yet", extra={"error": str(error)})
        return RETRY_SECONDS
    declared = {name: str(version[0]) for name, version in queues.seen.items()}
    found = differing(declared, projections, stored)
    for title in sorted(found):
        queues.titles.add(title)
    if found:
        log.info("titles differ from what is declared", extra={"count": len(found), "first": min(found)})
    return PAUSE_SECONDS
