"""The worker's HTTP side: `GET|HEAD /files/{fid}/{gen}` for the edge, probes and metrics for the cluster."""

import re
from collections.abc import Callable

from .asgi import Receive, Request, Scope, Send, send_problem, send_text
from .transfer import Reading, Transfer

FILE_PATH = re.compile(r"^/files/([0-9a-f]{32})/([0-9]{1,15})$")


class WorkerApp:
    """An ASGI application; `ready` returns "" or the reason why the worker should get no requests."""

    def __init__(self, reading: Reading, ready: Callable[[], str]) -> None:
        self._reading = reading
        self._ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request.of(scope)
        if request.method not in {"GET", "HEAD"}:
            await send_problem(send, request, 405, "Method not allowed", extra={"allow": "GET, HEAD"})
        elif file_path := FILE_PATH.match(request.path):
            await Transfer(self._reading, request, receive, send).run(file_path[1], int(file_path[2]))
        else:
            await self._plain(request, send)

    async def _plain(self, request: Request, send: Send) -> None:
        match request.path:
            case "/healthz":
                await send_text(send, request, 200, "text/plain", b"ok\n")
            case "/readyz":
                reason = self._ready()
                status = 503 if reason else 200
                await send_text(send, request, status, "text/plain", f"{reason or 'ok'}\n".encode())
            case "/metrics":
                await send_text(send, request, 200, "text/plain; version=0.0.4", self._reading.metrics.render())
            case _:
                await send_problem(send, request, 404, "Not found")
