"""`/api/play`: signed links for one film or one episode."""

from fastapi import APIRouter

from streamvault_common.api import PlayGrant, PlayRequest
from streamvault_manager.metrics import Metrics
from streamvault_manager.services.grants import Grants, Viewer


def router(grants: Grants, metrics: Metrics) -> APIRouter:
    """The route that grants playing."""
    routes = APIRouter(prefix="/api/play", tags=["play"])

    @routes.post("/{title_id}")
    async def play(title_id: str, request: PlayRequest | None = None) -> PlayGrant:
        """Links that play a film, or the episode named in the body."""
        episode = request.episode if request is not None else None
        grant = await grants.play(title_id, episode, Viewer.anonymous())
        metrics.grants.labels(grant.tier).inc()
        return grant

    return routes
