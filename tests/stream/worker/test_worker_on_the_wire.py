"""What the edge sees on the wire when reading goes wrong: a status while that is possible, else a reset."""

import asyncio
import socket

import pytest
from conditions import until
from table_worker import FID, PATH, SIZE, Wire, read_to_the_end, running_worker

from streamvault_common.keys import MIB
from streamvault_worker.errors import SourceUnreachable, TelegramUnavailable, WorkerBusy


async def test_no_status_line_before_the_first_byte_is_in_hand() -> None:
    async with running_worker() as worker:
        wire = await worker.open("Range: bytes=0-0\r\n")
        await until(lambda: worker.pieces.under_way == 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), 0.1)
        worker.pieces.hold.set()
        assert (await wire.head())[0] == 206
        assert await wire.reader.readexactly(1) == b"\x00"
        await wire.close()


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (SourceUnreachable("not in this channel"), 424, None),
        (WorkerBusy("told to wait", 37), 503, "37"),
        (TelegramUnavailable("no answer", 5), 503, "5"),
        (RuntimeError("a bug"), 500, None),
    ],
)
async def test_trouble_before_the_first_byte_is_a_problem_with_a_status(
    error: Exception, status: int, retry_after: str | None
) -> None:
    def fail(number: int) -> None:
        raise error

    async with running_worker() as worker:
        worker.pieces.trouble = fail
        worker.pieces.hold.set()
        wire = await worker.open("X-Request-Id: abc-1\r\n")
        got, headers = await wire.head()
        assert got == status
        assert headers["content-type"] == "application/problem+json"
        assert headers["x-request-id"] == "abc-1"
        assert headers.get("retry-after") == retry_after
        body = await wire.reader.readexactly(int(headers["content-length"]))
        assert b'"requestId":"abc-1"' in body
        assert (status == 500) == bool(worker.notes.texts)
        await wire.close()


@pytest.mark.parametrize("bad_piece", [1, 3, 20, 31])
async def test_trouble_after_the_status_line_resets_the_connection(bad_piece: int) -> None:
    def fail(number: int) -> None:
        if number == bad_piece:
            raise TelegramUnavailable("gone")

    async with running_worker() as worker:
        worker.pieces.trouble = fail
        worker.pieces.hold.set()
        wire = await worker.open()
        assert (await wire.head())[0] == 200
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(wire.reader, received)
        assert len(received) <= bad_piece * MIB
        assert received == b"".join(bytes([n]) * MIB for n in range(bad_piece))[: len(received)]
        await until(lambda: worker.metric("streamvault_worker_resets_total") == 1)
        await wire.close()


async def test_a_reader_that_leaves_stops_the_requests_at_once() -> None:
    async with running_worker() as worker:
        wire = await worker.open()
        await until(lambda: worker.pieces.under_way == 4)
        await wire.close()
        await until(lambda: worker.admission.in_flight == 0)
        assert worker.pieces.asked == [0, 1, 2, 3]
        assert worker.pieces.under_way == 0
        left = {"status": "499"}
        await until(lambda: worker.metrics.registry.get_sample_value("streamvault_worker_responses_total", left) == 1)


async def test_a_reader_that_stops_reading_holds_the_requests() -> None:
    async with running_worker() as worker:
        worker.pieces.hold.set()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, ("127.0.0.1", worker.port))
            await loop.sock_sendall(slow, f"GET {PATH} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
            await until(lambda: len(worker.pieces.asked) >= 5)
            asked = -1
            while asked != len(worker.pieces.asked):
                asked = len(worker.pieces.asked)
                await asyncio.sleep(0.2)
            assert asked < 16
        await until(lambda: worker.admission.in_flight == 0)


async def test_a_full_worker_says_so_and_recovers() -> None:
    async with running_worker(max_streams=2) as worker:
        first, second = await worker.open(), await worker.open()
        await until(lambda: worker.admission.in_flight == 2)
        refused = await worker.open()
        status, headers = await refused.head()
        assert (status, headers["retry-after"]) == (503, "1")
        await first.close()
        await until(lambda: worker.admission.in_flight == 1)
        worker.pieces.hold.set()
        third = await worker.open("Range: bytes=0-0\r\n")
        assert (await third.head())[0] == 206
        for wire in (second, refused, third):
            await wire.close()


async def test_a_draining_worker_finishes_its_streams_and_takes_no_more() -> None:
    async with running_worker() as worker:
        old = await worker.open(f"Range: bytes=0-{8 * MIB - 1}\r\n")
        await until(lambda: worker.admission.in_flight == 1)
        worker.admission.stopping = True
        new = await worker.open()
        status, headers = await new.head()
        assert status == 503
        assert int(headers["retry-after"]) > 0
        worker.pieces.hold.set()
        assert (await old.head())[0] == 206
        assert len(await old.reader.readexactly(8 * MIB)) == 8 * MIB
        await asyncio.wait_for(worker.admission.wait_idle(), 60)
        await old.close()
        await new.close()


async def test_one_connection_carries_slice_after_slice() -> None:
    async with running_worker() as worker:
        worker.pieces.hold.set()
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        wire = Wire(reader, writer)
        for number in range(4):
            extent = f"{number * 8 * MIB}-{(number + 1) * 8 * MIB - 1}"
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: w\r\nRange: bytes={extent}\r\n\r\n".encode())
            status, headers = await wire.head()
            assert (status, headers["content-range"]) == (206, f"bytes {extent}/{SIZE}")
            assert headers["etag"] == f'"{FID}-1"'
            body = await reader.readexactly(8 * MIB)
            assert body == b"".join(bytes([n]) * MIB for n in range(number * 8, number * 8 + 8))
        await wire.close()


@pytest.mark.parametrize(
    ("method", "path", "extra", "status"),
    [
        ("GET", f"/files/{'c' * 32}/1", "", 404),
        ("GET", f"/files/{FID}/2", "", 404),
        ("GET", PATH, "X-File-Kind: image\r\n", 404),
        ("GET", "/files/xyz/1", "", 404),
        ("GET", "/", "", 404),
        ("POST", PATH, "Content-Length: 0\r\n", 405),
        ("GET", PATH, "Range: bytes=0-1,5-6\r\n", 416),
        ("GET", PATH, f"Range: bytes={SIZE}-\r\n", 416),
        ("GET", PATH, f'If-None-Match: "{FID}-1"\r\n', 304),
        ("HEAD", PATH, "", 200),
        ("GET", "/healthz", "", 200),
        ("GET", "/readyz", "", 200),
        ("GET", "/metrics", "", 200),
    ],
)
async def test_plain_answers_need_no_telegram(method: str, path: str, extra: str, status: int) -> None:
    async with running_worker() as worker:
        wire = await worker.open(extra, method, path)
        assert (await wire.head())[0] == status
        assert worker.pieces.asked == []
        await wire.close()
