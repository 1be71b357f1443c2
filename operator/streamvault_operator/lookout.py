"""Looks for takedowns beside the watch while that is busy: kopf tells of no change before its first list is through.

With 20,000 Titles that takes a minute; a takedown is asked for by a field selector then, which finds it in one call.
"""

import asyncio
import logging

from streamvault_common.models import TitlePhase, TitleState

from .handlers.memo import Queues
from .io.kube import TITLE, Kube, KubeError

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
UNFINISHED = f"spec.state={TitleState.TAKEN_DOWN},status.phase!={TitlePhase.TAKEN_DOWN}"


async def look_out(kube: Kube, queues: Queues) -> None:
    """Hurry every unfinished takedown while Titles are being listed or wait in the queue; runs until cancelled."""
    listed = -1
    while True:
        queues.health.turned("lookout")
        seen = len(queues.seen)
        if seen != listed or queues.titles.overdue_seconds() > PAUSE_SECONDS:
            try:
                for title in await kube.select(TITLE, fields=UNFINISHED):
                    queues.titles.hurry(title["metadata"]["name"])
                listed = seen
            except KubeError as error:
                log.warning("cannot look for takedowns", extra={"error": str(error)})
        await asyncio.sleep(PAUSE_SECONDS)
