"""A TCP connection that can be cut, frozen and mended, between a part under test and a real server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self


class Wire:
    """Listens on a free port and carries everything to `host:port`; the port stays taken while the wire is cut."""

    after_answer: Callable[[bytes], None] | None = None
    """Called with the end of what was asked, when the server has answered and nobody has the answer yet."""

    def __init__(self, host: str, port: int) -> None:
        self._far = (host, port)
        self._socket: Path | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._whole = asyncio.Event()
        self._frozen = False
        self.port = 0

    @classmethod
    def to_socket(cls, path: Path) -> Self:
        """A wire to a server on a Unix socket."""
        wire = cls("", 0)
        wire._socket = path
        return wire

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
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        asked: list[bytes] = []
        try:
            await asyncio.gather(self._ask(reader, far_writer, asked), self._answer(far_reader, writer, asked))
        finally:
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._socket is not None:
            return await asyncio.open_unix_connection(self._socket)
        return await asyncio.open_connection(*self._far)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[bytes]) -> None:
        try:
            while data := await reader.read(65536):
                if not self._frozen:
                    if self.after_answer is not None:
                        asked.append(data)
                    writer.write(data)
                    await writer.drain()
        except OSError:
            return
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[bytes]) -> None:
        try:
            while data := await reader.read(65536):
                if self.after_answer is not None and asked:
                    self.after_answer(b"".join(asked))
                asked.clear()
                if not self._frozen:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            return
        finally:
            writer.transport.abort()
