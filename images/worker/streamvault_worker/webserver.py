"""uvicorn as a guest in this process: it leaves the signals alone and can reset a connection."""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .stream.app import WorkerApp
from .stream.asgi import RESET

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 90
"""Longer than the edge keeps an idle upstream connection (60 s), so that it never writes into a closing one."""
LAST_WORDS_SECONDS = 2
_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Close with a TCP reset, whatever is still unsent: the reader must not take the body for complete."""
    connection: Any = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


class UncopiedBodies(h11.Connection):
    """Gives a body chunk out as the object that came in: h11's own `send` joins it into a copy."""

    def send(self, event: h11.Event) -> Any:
        """The bytes to write, None when the connection is closed."""
        data = self.send_with_data_passthrough(event)
        if data is None:
            return None
        return data[0] if len(data) == 1 else b"".join(data)


class ResettableProtocol(H11Protocol):
    """Hands the application a function that resets its connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = UncopiedBodies(h11.SERVER, self.conn._max_incomplete_event_size)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember how to reset this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, RESET: partial(reset, transport)}


class WebServer(uvicorn.Server):
    """Serves until `should_exit`; signals belong to the service."""

    def __init__(self, app: WorkerApp, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=ResettableProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=LAST_WORDS_SECONDS,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        if self.started:
            log.info("listening", extra={"port": self.bound_port})

    @property
    def bound_port(self) -> int:
        """The TCP port that it listens on."""
        return int(self.servers[0].sockets[0].getsockname()[1])
