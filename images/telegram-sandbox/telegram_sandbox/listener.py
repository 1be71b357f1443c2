"""The TCP listeners, one per data centre."""

import asyncio
import json
from functools import partial

from telegram_sandbox.backend import Backend
from telegram_sandbox.connection import Connection

_READ_BUFFER_BYTES = 4 << 20
ENDPOINTS_FILE = "endpoints.json"


class Listener:
    """Accepts clients for every data centre."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], Connection] = {}

    async def start(self) -> None:
        """Listen; the ports in use are then in ``backend.ports``."""
        settings = self._backend.settings
        for dc_id, port in settings.listen_ports().items():
            server = await asyncio.start_server(
                partial(self._serve, dc_id), settings.host, port, limit=_READ_BUFFER_BYTES
            )
            self._servers.append(server)
            self._backend.ports[dc_id] = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop accepting and end every connection."""
        for server in self._servers:
            server.close()
        for connection in self._connections.values():
            connection.abort()
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=2)

    @property
    def connections(self) -> list[Connection]:
        """The open connections."""
        return list(self._connections.values())

    async def _serve(self, dc_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connection = Connection(self._backend, dc_id, reader, writer)
        if task is None:
            raise RuntimeError("a connection needs a task")
        self._connections[task] = connection
        try:
            await connection.serve()
        finally:
            del self._connections[task]


def write_endpoints(backend: Backend, control_port: int) -> None:
    """Tell whoever started this process where it listens; the file appears when everything is ready."""
    file = backend.settings.data_dir / ENDPOINTS_FILE
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"dcs": backend.ports, "control": control_port}))
    draft.rename(file)
