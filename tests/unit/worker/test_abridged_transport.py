"""The transport cuts a stream of any shape into packets, and says when the server has fallen silent or gone."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from streamvault_worker.telegram.fastpath.transport import (
    LARGEST_PACKET_BYTES,
    AbridgedTransport,
    AtOnce,
    PacketReceiver,
)

FILES_OF_DC_2 = -2
Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(serve: Server) -> AsyncIterator[AbridgedTransport]:
    """A transport connected to a server that runs `serve` once."""
    served = asyncio.Event()

    async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        served.set()

    async with await asyncio.start_server(serve_once, "127.0.0.1", 0) as server:
        transport = AbridgedTransport(dc_id=FILES_OF_DC_2)
        await transport.connect(server.sockets[0].getsockname()[:2])
        try:
            yield transport
        finally:
            await transport.close()
            await served.wait()


def framed(content: bytes) -> bytes:
    """A packet in abridged form."""
    words = len(content) // 4
    return (bytes([words]) if words < 127 else b"\x7f" + words.to_bytes(3, "little")) + content


async def test_packets_come_out_whole_however_the_bytes_come_in() -> None:
    dice = random.Random(3)
    packets = [dice.randbytes(4 * size) for size in (1, 126, 127, 128, 5000, 262_144, 2, 1)]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = b"".join(framed(packet) for packet in packets)
        while stream:
            size = dice.choice((1, 2, 3, 5, 400, 70_000))
            writer.write(stream[:size])
            await writer.drain()
            await asyncio.sleep(0)
            stream = stream[size:]

    async with connected(serve) as transport:
        assert [bytes(await transport.recv() or b"") for _ in packets] == packets
        assert await transport.recv() is None


async def test_what_is_sent_arrives_in_abridged_form() -> None:
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    sent = [b"abcd", bytes(4 * 126), bytes(4 * 127), bytes(4 * 100_000)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.readexactly(1 + sum(len(framed(packet)) for packet in sent)))

    async with connected(serve) as transport:
        for packet in sent:
            await transport.send(packet)
        assert await asyncio.wait_for(received, 60) == b"\xef" + b"".join(framed(packet) for packet in sent)


async def test_a_closed_connection_refuses_to_send() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with connected(serve) as transport:
        assert await transport.recv() is None
        with pytest.raises(OSError, match="closed"):
            await transport.send(b"abcd")


async def test_requests_leave_in_the_order_in_which_they_were_made_while_a_piece_is_opened() -> None:
    opened, sent = threading.Event(), []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with connected(serve) as transport:
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(transport.threads, opened.wait)

        async def send(number: int) -> None:
            await loop.run_in_executor(transport.crypto_executor, time.sleep, 0 if number else 0.05)
            sent.append(number)

        await asyncio.gather(*(send(number) for number in range(8)))
        assert sent == list(range(8))
        assert not opening.done()
        opened.set()
        await opening


async def test_what_cannot_be_encrypted_is_told_to_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.get_running_loop().run_in_executor(AtOnce(), divmod, 1, 0)


async def test_silence_ends_the_wait_but_a_slow_packet_does_not() -> None:
    receiver = PacketReceiver()
    receiver.heard_at -= 100
    assert await receiver.packet(silence_seconds=60) is None
    feed(receiver, b"\x02")
    receiver.heard_at -= 40
    waiting = asyncio.ensure_future(receiver.packet(silence_seconds=60))
    feed(receiver, b"abcd")
    receiver.heard_at -= 40
    feed(receiver, b"efgh")
    assert bytes(await waiting or b"") == b"abcdefgh"


def feed(receiver: PacketReceiver, content: bytes) -> None:
    """Hand over bytes as the event loop does."""
    receiver.get_buffer(-1)[: len(content)] = content
    receiver.buffer_updated(len(content))


@pytest.mark.parametrize("words", [0, LARGEST_PACKET_BYTES // 4 + 1])
async def test_an_impossible_length_closes_the_connection(words: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x7f" + min(words, 0xFFFFFF).to_bytes(3, "little"))
        await reader.read()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    async with connected(serve) as transport:
        assert await asyncio.wait_for(transport.recv(), 5) is None
