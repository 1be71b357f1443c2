"""A TCP connection that can be cut, frozen and mended, between a part under test and a real server."""

import asyncio
from typing import Self


class Wire:
    """Listens on a free port and carries everything to `host:port`; the port stays taken while the wire is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._far = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._whole = asyncio.Event()
        self._frozen = False
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._whole.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    def mend(self) -> None:
        """Let everything through."""
        self._frozen = False
        self._whole.set()

    def cut(self) -> None:
        """Reset every connection, now and as soon as it is made."""
        self._whole.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    def freeze(self) -> None:
        """Accept everything and answer nothing, as a hung server does."""
        self._frozen = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self._whole.is_set():
                raise ConnectionAbortedError
            far_reader, far_writer = await asyncio.open_connection(*self._far)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self._frozen:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            return
        finally:
            writer.transport.abort()
