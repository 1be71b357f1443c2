"""Connections that tell what pyrogram keeps to itself: that they were lost, and that the server knows no such key.

pyrogram lets requests on a lost connection wait for their timeout, and raises "auth key not found" inside a
background task where nobody sees it, so that its start() hangs.
"""

import asyncio
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pyrogram.connection import Connection

from streamvault_common.settings import Address
from streamvault_telegram.connection import connection_factory
from streamvault_worker.waiting import first_of

AUTH_KEY_NOT_FOUND = -404
TRANSPORT_FLOOD = -429
"""Transport errors that stand alone in a packet (core.telegram.org/mtproto/mtproto-transports#transport-errors)."""
TRANSPORT_FLOOD_SECONDS = 10
"""Pause after a transport flood, for which the server names no time."""


class Wire:
    """All connections of one client, by its constructor argument `connection_factory`."""

    def __init__(self, addresses: Mapping[int, Address], home_dc: int, flooded: Callable[[int], None]) -> None:
        """`flooded` is told how many seconds to ask for nothing when there are too many requests or connections."""
        self.key_unknown = asyncio.Event()
        """Set when the home data centre says that it does not know the session's key."""
        self._home_dc = home_dc
        self._flooded = flooded
        self._quiet_until = 0.0
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self.connection_class = self._watched(connection_factory(addresses))

    async def abandon(self) -> None:
        """Close whatever connection is still open."""
        for connection in list(self._connections):
            if connection.protocol is not None:
                with suppress(OSError):
                    await connection.close()

    def transport_error(self, dc_id: int, packet: bytes) -> bytes | None:
        """Take note of an error packet; returns what pyrogram should see, None = the connection has ended."""
        code = int.from_bytes(packet, "little", signed=True)
        if code == TRANSPORT_FLOOD:
            self._quiet_until = time.monotonic() + TRANSPORT_FLOOD_SECONDS
            self._flooded(TRANSPORT_FLOOD_SECONDS)
        if code != AUTH_KEY_NOT_FOUND:
            return packet
        if dc_id == self._home_dc:
            self.key_unknown.set()
        return None

    def _watched(self, base: type[Connection]) -> type[Connection]:
        wire = self

        class WatchedConnection(base):  # type: ignore[misc, valid-type]
            def __init__(self, dc_id: int, *args: Any, **options: Any) -> None:
                super().__init__(dc_id, *args, **options)
                self.lost = asyncio.Event()
                wire._connections.add(self)

            async def connect(self) -> None:
                """Not before the pause after a transport flood is over: pyrogram itself would come back at once."""
                if await first_of(wire._quiet_until - time.monotonic(), self.lost):
                    raise ConnectionError("closed before it was open")
                await super().connect()

            async def recv(self) -> bytes | None:
                packet: bytes | None = await super().recv()
                if packet is not None and len(packet) == 4:
                    packet = wire.transport_error(self.dc_id, packet)
                if packet is None:
                    self.lost.set()
                return packet

            async def close(self) -> None:
                self.lost.set()
                if self.protocol is not None:
                    await super().close()

        return WatchedConnection
