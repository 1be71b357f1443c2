"""What every request gets: an id, a limit on its size, an access line, a metric, and a problem when its route fails."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamvault_common.keys import HEADER_REQUEST_ID
from streamvault_manager.metrics import Metrics

from .problems import problem

log = logging.getLogger(__name__)
access = logging.getLogger("streamvault_manager.access")

MAX_BODY_BYTES = 2 * 1024 * 1024
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_QUIET = ("/healthz", "/readyz", "/metrics")
Failed = Callable[[str, BaseException, str], None]


class RequestFrame:
    """ASGI middleware around everything; `failed(route, error, request_id)` is told of every unexpected error."""

    def __init__(self, app: ASGIApp, metrics: Metrics, failed: Failed) -> None:
        self._app = app
        self._metrics = metrics
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; passes other scopes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(_request_id(scope), send, api=scope["path"].startswith("/api/"))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        try:
            await self._app(scope, _limited(receive), exchange.send)
        except Exception as error:
            extra = {"request_id": exchange.request_id, "path": scope["path"]}
            log.exception("request failed", extra=extra)
            self._failed(_route(scope), error, exchange.request_id)
            await exchange.fail(scope, receive)
        finally:
            self._account(scope, exchange)

    def _account(self, scope: Scope, exchange: "_Exchange") -> None:
        seconds = time.monotonic() - exchange.started_at
        route, method, status = _route(scope), scope["method"], exchange.status
        self._metrics.requests.labels(method if method in _METHODS else "other", route, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if scope["path"] not in _QUIET:
            extra = {
                "method": method,
                "path": scope["path"],
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "request_id": exchange.request_id,
            }
            access.info("request", extra=extra)


_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


@dataclass
class _Exchange:
    request_id: str
    send_on: Send
    api: bool
    started_at: float = field(default_factory=time.monotonic)
    status: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[HEADER_REQUEST_ID] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            if self.api:
                headers.setdefault("Cache-Control", "no-store")
        await self.send_on(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """Answer with a bare problem, unless an answer has begun: then the connection is all that can be dropped."""
        if not self.status:
            await problem(self.request_id, 500)(scope, receive, self.send)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER_REQUEST_ID, "")
    return given if _REQUEST_ID.match(given) else secrets.token_hex(16)


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unmatched"))


def _limited(receive: Receive) -> Receive:
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413, f"The body is limited to {MAX_BODY_BYTES} bytes")
        return message

    return counting
