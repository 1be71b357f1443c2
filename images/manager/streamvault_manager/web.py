"""The web server as one task beside the bot: it leaves the signals to whoever runs both."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 15


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def web_server_task(app: ASGIApp, port: int, stop: asyncio.Event) -> None:
    """Serve until `stop`, then let the requests in flight end, for up to GRACE_SECONDS."""
    config = uvicorn.Config(
        app,
        host="0.0.0.0",  # noqa: S104 - a pod's port
        port=port,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _QuietServer(config)
    stopping = asyncio.create_task(_exit_on(stop, server))
    try:
        await server.serve()
    finally:
        stop.set()
        await stopping


async def _exit_on(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True
