"""Every error leaves as RFC 9457 problem details with the request's id; causes stay in the log."""

import http
import logging
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from streamvault_common.api import Problem
from streamvault_manager.metrics import Metrics
from streamvault_manager.services.errors import (
    AssetChanged,
    CursorUnreadable,
    EpisodeNeeded,
    NothingPlayable,
    TitleGone,
    TitleUnknown,
)
from streamvault_manager.stores.errors import StoreUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_REFUSALS: dict[type[Exception], tuple[int, Callable[[Exception], str]]] = {
    TitleUnknown: (404, lambda _: "No such title"),
    CursorUnreadable: (422, lambda _: "cursor: not a cursor of this list"),
    EpisodeNeeded: (422, str),
    NothingPlayable: (409, lambda _: "Nothing of this can be played now"),
    AssetChanged: (409, str),
}


@dataclass(frozen=True)
class TakedownAnswer:
    """How a title that was taken down is answered: 410, or 451 and who asked for that if it may be told (RFC 7725)."""

    status: int = http.HTTPStatus.GONE
    blocked_by: str = ""

    def headers(self) -> dict[str, str]:
        """The link to whoever asked, with 451 only."""
        told = self.blocked_by and self.status == http.HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS
        return {"Link": f'<{self.blocked_by}>; rel="blocked-by"'} if told else {}


def problem(request_id: str, status: int, detail: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """An error answer."""
    body = Problem(title=http.HTTPStatus(status).phrase, status=status, detail=detail, request_id=request_id)
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


def install(app: FastAPI, metrics: Metrics, takedown: TakedownAnswer) -> None:
    """Turn every refusal and failure that a route may raise into a problem."""

    async def gone(request: Request, error: Exception) -> JSONResponse:
        return problem(_id(request), takedown.status, headers=takedown.headers())

    async def refused(request: Request, error: Exception) -> JSONResponse:
        status, detail = next(rule for kind, rule in _REFUSALS.items() if isinstance(error, kind))
        return problem(_id(request), status, detail(error))

    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        store = error.store if isinstance(error, StoreUnavailable) else "unknown"
        metrics.store_failures.labels(store).inc()
        log.warning(str(error), extra={"request_id": _id(request)})
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(_id(request), 503, "The catalogue is not available right now; try again shortly", headers)

    async def from_http(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        phrase = http.HTTPStatus(error.status_code).phrase
        detail = "" if error.detail == phrase else str(error.detail)
        return problem(_id(request), error.status_code, detail, dict(error.headers or {}))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        complaints = "; ".join(_complaint(item) for item in error.errors()[:5])
        log.info("request refused", extra={"request_id": _id(request), "why": complaints})
        return problem(_id(request), 422, complaints)

    app.add_exception_handler(TitleGone, gone)
    for kind in _REFUSALS:
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(StoreUnavailable, unavailable)
    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(RequestValidationError, invalid)


def _id(request: Request) -> str:
    return str(request.state.request_id)


def _complaint(item: dict[str, object]) -> str:
    location = item.get("loc", ())
    words = [str(word) for word in location] if isinstance(location, tuple) else []
    return f"{'.'.join(words[1:]) or 'body'}: {str(item.get('msg', 'invalid')).removeprefix('Value error, ')}"
