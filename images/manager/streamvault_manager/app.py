"""The web application, assembled from its services."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI

from .api import admin, catalogue, health, play, problems
from .api.requests import Failed, RequestFrame
from .metrics import Metrics
from .services.catalogue import Catalogue
from .services.details import DetailsEditor
from .services.grants import Grants


@dataclass(frozen=True)
class Services:
    """What the routes call."""

    catalogue: Catalogue
    grants: Grants
    editor: DetailsEditor
    metrics: Metrics
    serving: Callable[[], bool]
    failed: Failed
    takedown: problems.TakedownAnswer = field(default_factory=problems.TakedownAnswer)


def create_app(services: Services, admin_token: str, *, debug: bool = False) -> FastAPI:
    """The ASGI application; its description is served only with `debug`."""
    app = FastAPI(title="Site API", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json" if debug else None)
    problems.install(app, services.metrics, services.takedown)
    app.include_router(health.router(services.metrics, services.serving))
    app.include_router(catalogue.router(services.catalogue))
    app.include_router(play.router(services.grants, services.metrics))
    app.include_router(admin.router(services.editor, admin_token))
    app.add_middleware(RequestFrame, metrics=services.metrics, failed=services.failed)
    return app
