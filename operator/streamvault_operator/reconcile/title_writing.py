"""Writes what a reconciliation found into the status of a Title, and tells what changed."""

import logging

from streamvault_operator.deps import Deps
from streamvault_operator.domain import title_status
from streamvault_operator.domain.resources import Title, TitleStatus
from streamvault_operator.domain.title_status import Outcome
from streamvault_operator.io.kube import TITLE, Manifest

log = logging.getLogger(__name__)


async def write_status(deps: Deps, current: Manifest, title: Title, outcome: Outcome) -> tuple[Manifest, Title]:
    """Write the status if it changed, and an Event if that is worth one; returns both with the new status."""
    status = title_status.render_status(title, outcome, deps.now())
    if await deps.kube.apply_status(TITLE, current, status):
        deps.metrics.status_writes.labels("title").inc()
    notice = title_status.transition(title, outcome)
    if notice is not None:
        reason, message, warning = notice
        log.info(reason, extra={"object": title.metadata.name, "detail": message})
        await deps.kube.post_event(current, reason, message, warning=warning)
    deps.metrics.title_phase(title.metadata.name, outcome.phase.value)
    written = title.model_copy(update={"status": TitleStatus.model_validate(status)})
    return {**current, "status": status}, written
