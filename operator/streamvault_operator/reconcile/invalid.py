"""An object that a stricter schema would refuse: say so in its status and wait for an edit."""

import logging

from streamvault_common.models import TitlePhase
from streamvault_operator.deps import Deps
from streamvault_operator.domain.conditions import Condition, Truth, find, merge
from streamvault_operator.domain.salvage import readable
from streamvault_operator.io.kube import TITLE, WORKER_SESSION, Manifest

log = logging.getLogger(__name__)


async def write_invalid(deps: Deps, current: Manifest, message: str) -> None:
    """Write Ready=False/Invalid, keeping the rest of the status."""
    kind = TITLE if current["kind"] == TITLE.kind else WORKER_SESSION
    status = current.get("status", {})
    old = list(readable(status.get("conditions"), Condition))
    ready = Condition(type="Ready", status=Truth.FALSE, reason="Invalid", message=message)
    others = [condition for condition in old if condition.type != "Ready"]
    generation = current["metadata"]["generation"]
    merged = merge(old, [ready, *others], generation=generation, now=deps.now())
    written = {
        **status,
        "phase": status.get("phase", TitlePhase.PENDING.value),
        "observedGeneration": generation,
        "conditions": [condition.manifest() for condition in merged],
    }
    before = find(old, "Ready")
    if await deps.kube.apply_status(kind, current, written) and (before is None or before.reason != "Invalid"):
        await deps.kube.post_event(current, "Invalid", message, warning=True)
    log.warning("invalid object", extra={"object": current["metadata"]["name"], "error": message})
