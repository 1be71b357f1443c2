"""The edge: apply what it is rendered to, whatever happened to it."""

import logging

from streamvault_operator.deps import Deps
from streamvault_operator.io.kube import DEPLOYMENT, STATEFUL_SET, Invalid, Manifest
from streamvault_operator.render import edge as render
from streamvault_operator.render.common import Owner

log = logging.getLogger(__name__)

RESYNC_SECONDS = 60.0
IMMUTABLE = "updates to statefulset spec for fields other than"
"""How the API server refuses a change of the volume claim template."""


async def reconcile_edge(deps: Deps, _: str) -> float | None:
    """Apply every object of the edge; returns when to look again (seconds), None when no edge is configured."""
    if deps.config.edge is None:
        return None
    owner = await _owner(deps)
    for manifest in render.edge(deps.config, deps.config.edge, owner):
        try:
            await deps.kube.apply(manifest)
        except Invalid as error:
            if manifest["kind"] != STATEFUL_SET.kind or IMMUTABLE not in str(error):
                raise
            log.warning("replacing the StatefulSet, its pods and volumes stay", extra={"error": str(error)})
            await _replace(deps, manifest)
    return RESYNC_SECONDS


async def _owner(deps: Deps) -> Owner | None:
    if deps.config.owner_deployment is None:
        return None
    found = await deps.kube.find(DEPLOYMENT, deps.config.owner_deployment)
    if found is None:
        log.warning("the owner's Deployment is missing", extra={"object": deps.config.owner_deployment})
        return None
    return Owner("apps/v1", "Deployment", found["metadata"]["name"], found["metadata"]["uid"])


async def _replace(deps: Deps, manifest: Manifest) -> None:
    """Fields such as the volume claim template cannot change in place: delete the set alone, and make it again."""
    current = await deps.kube.find(STATEFUL_SET, manifest["metadata"]["name"])
    if current is not None:
        metadata = current["metadata"]
        await deps.kube.delete(STATEFUL_SET, metadata["name"], uid=metadata["uid"], propagation="Orphan")
    await deps.kube.apply(manifest)
