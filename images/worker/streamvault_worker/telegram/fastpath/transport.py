"""The abridged transport (core.telegram.org/mtproto/mtproto-transports), received straight into a packet's own buffer.

Takes the place of pyrogram's transport by the client's argument `protocol_factory`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)

SILENCE_SECONDS = 10.0
"""A server that says nothing for so long, not even to the pings every five seconds, counts as gone."""
LARGEST_PACKET_BYTES = 16 * 1024 * 1024
_LONG_LENGTH = 0x7F


class PacketReceiver(asyncio.BufferedProtocol):
    """Cuts the stream into packets; each is a bytearray of its own, filled by the kernel."""

    def __init__(self) -> None:
        self.packets: deque[bytearray] = deque()
        self.heard_at = asyncio.get_running_loop().time()
        self.ended = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._header = bytearray(1)
        self._body: bytearray | None = None
        self._missing = memoryview(self._header)

    async def packet(self, silence_seconds: float) -> bytearray | None:
        """The next packet; None when the connection has ended or nothing was heard for `silence_seconds`."""
        loop = asyncio.get_running_loop()
        while not self.packets:
            remaining = self.heard_at + silence_seconds - loop.time()
            if self.ended or remaining <= 0:
                return None
            self._arrived.clear()
            try:
                async with asyncio.timeout(remaining):
                    await self._arrived.wait()
            except TimeoutError:
                continue
        return self.packets.popleft()

    async def drain(self) -> None:
        """Wait until the transport takes more bytes; raises ConnectionResetError when the connection has ended."""
        await self._writable.wait()
        if self.ended:
            raise ConnectionResetError("the connection is closed")

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: what is missing of the header or of the packet."""
        return self._missing

    def buffer_updated(self, nbytes: int) -> None:
        """Some of the missing bytes have come."""
        self.heard_at = asyncio.get_running_loop().time()
        self._missing = self._missing[nbytes:]
        if self._missing:
            return
        if self._body is not None:
            self.packets.append(self._body)
            self._arrived.set()
            self._begin_header(1)
        elif len(self._header) == 1 and self._header[0] & _LONG_LENGTH == _LONG_LENGTH:
            self._begin_header(3)
        else:
            # The highest bit of a short length marks a quick acknowledgement, which is never asked for.
            words = int.from_bytes(self._header, "little") & (_LONG_LENGTH if len(self._header) == 1 else 0xFFFFFF)
            self._begin_body(words * 4)

    def connection_lost(self, exc: Exception | None) -> None:
        """No more packets will come."""
        self.ended = True
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The transport's buffer has room."""
        self._writable.set()

    def _begin_header(self, size: int) -> None:
        self._header, self._body = bytearray(size), None
        self._missing = memoryview(self._header)

    def _begin_body(self, size: int) -> None:
        if not 0 < size <= LARGEST_PACKET_BYTES:
            raise ValueError(f"a packet of {size} bytes")  # asyncio closes the connection
        self._body = bytearray(size)
        self._missing = memoryview(self._body)


class AtOnce(Executor):
    """Runs what it is given before `submit` returns.

    What pyrogram encrypts is a few hundred bytes: a thread takes longer to wake, and threads overtake each other, so
    that the piece that a viewer waits for was asked for after those behind it.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn`; returns its outcome."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller's, who waits for the future
            done.set_exception(error)
        return done


class AbridgedTransport:
    """What pyrogram's Connection expects of a transport; without proxies, which workers do not use.

    Pieces are opened by `threads`, one after another as they came; `crypto_executor` is pyrogram's.
    """

    def __init__(
        self,
        crypto_executor_workers: int = 1,
        loop: asyncio.AbstractEventLoop | None = None,
        dc_id: int = 0,
        **_: Any,
    ) -> None:
        """pyrogram gives connections for files a negative `dc_id`; others get answers that take long to parse."""
        self.threads = ThreadPoolExecutor(max_workers=crypto_executor_workers, thread_name_prefix="crypto")
        self.crypto_executor: Executor = AtOnce() if dc_id < 0 else self.threads
        self.closed = False
        self._loop = loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._receiver: PacketReceiver | None = None

    async def connect(self, address: tuple[str, int]) -> None:
        """Connect and name the transport; raises OSError, TimeoutError among them."""
        async with asyncio.timeout(SILENCE_SECONDS):
            self._transport, self._receiver = await self._loop.create_connection(PacketReceiver, *address)
        self._transport.write(b"\xef")

    async def send(self, data: bytes) -> None:
        """Send one packet; raises OSError."""
        if self._transport is None or self._receiver is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        words = len(data) // 4
        head = bytes([words]) if words < _LONG_LENGTH else b"\x7f" + words.to_bytes(3, "little")
        self._transport.write(head + data)
        await self._receiver.drain()

    async def recv(self) -> bytearray | None:
        """The next packet; None when the connection has ended or fallen silent."""
        return None if self._receiver is None else await self._receiver.packet(SILENCE_SECONDS)

    async def close(self) -> None:
        """Close at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        self.threads.shutdown(wait=False)
