"""Probes and metrics. Ready means able to answer: with a store down that is a problem with Retry-After, not silence."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from streamvault_manager.metrics import Metrics


def router(metrics: Metrics, serving: Callable[[], bool]) -> APIRouter:
    """Health routes; `serving()` turns False when the manager is stopping."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def alive() -> PlainTextResponse:
        """The event loop turns."""
        return PlainTextResponse("ok\n")

    @routes.get("/readyz")
    async def ready() -> JSONResponse:
        """New requests are welcome; the stores' state does not count, see the module."""
        return JSONResponse({"ready": serving()}, 200 if serving() else 503)

    @routes.get("/metrics")
    async def scrape() -> Response:
        """Prometheus exposition."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return routes
