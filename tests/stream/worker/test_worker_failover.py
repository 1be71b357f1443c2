"""What one account cannot give, another worker gives in the middle of a read, and the edge notices nothing."""

import asyncio
from collections.abc import Callable

import pytest
from conditions import until
from table_worker import SIZE, RunningWorker, read_to_the_end, running_worker

from streamvault_common.keys import HEADER_RELAY, MIB
from streamvault_worker.errors import (
    AccountUnavailable,
    CannotServe,
    FileWithdrawn,
    SourceUnreachable,
    TelegramUnavailable,
    WorkerBusy,
)

WHOLE = b"".join(bytes([number]) * MIB for number in range(SIZE // MIB))
TROUBLES = [
    WorkerBusy("told to wait", 37),
    TelegramUnavailable("no answer"),
    AccountUnavailable("signed out"),
    SourceUnreachable("gone for this account"),
]


def failing_at(number: int, error: CannotServe) -> Callable[[int], None]:
    """Trouble for one piece and all after it."""

    def trouble(asked: int) -> None:
        if asked >= number:
            raise error

    return trouble


def address(worker: RunningWorker) -> tuple[str, int]:
    return "127.0.0.1", worker.port


async def body_of(worker: RunningWorker, extra: str = "") -> bytes:
    """Read the film, or a range of it, from a worker."""
    wire = await worker.open(extra)
    status, headers = await wire.head()
    assert status in (200, 206)
    try:
        return await wire.reader.readexactly(int(headers["content-length"]))
    finally:
        await wire.close()


@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
async def test_trouble_at_any_piece_after_the_first_is_not_seen(error: CannotServe) -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        other.pieces.hold.set()
        worker.pieces.hold.set()
        for number in range(1, SIZE // MIB):
            worker.pieces.trouble = failing_at(number, error)
            assert await body_of(worker) == WHOLE
        assert worker.metric("streamvault_worker_resets_total") == 0
        assert worker.metric("streamvault_worker_relays_total") == SIZE // MIB - 1


async def test_the_other_worker_is_asked_only_for_what_is_missing() -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        other.pieces.hold.set()
        worker.pieces.hold.set()
        worker.pieces.trouble = failing_at(5, TelegramUnavailable("gone"))
        assert await body_of(worker, f"Range: bytes=7-{8 * MIB + 2}\r\n") == WHOLE[7 : 8 * MIB + 3]
        assert other.pieces.asked == [5, 6, 7, 8]


async def test_a_second_worker_steps_in_for_the_first() -> None:
    async with (
        running_worker() as broken,
        running_worker() as sound,
        running_worker(others=[address(broken), address(sound), ("127.0.0.1", 1)]) as worker,
    ):
        for one in (broken, sound, worker):
            one.pieces.hold.set()
        worker.pieces.trouble = failing_at(3, WorkerBusy("told to wait", 9))
        broken.pieces.trouble = failing_at(6, TelegramUnavailable("gone"))
        for _ in range(6):  # the order of the others is random
            assert await body_of(worker) == WHOLE


async def test_before_the_status_line_only_a_missing_source_is_another_workers_business() -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        other.pieces.hold.set()
        worker.pieces.hold.set()
        worker.pieces.trouble = failing_at(0, SourceUnreachable("this account is not in the channel"))
        assert await body_of(worker) == WHOLE
        other.pieces.asked.clear()
        worker.pieces.trouble = failing_at(0, WorkerBusy("told to wait", 37))
        wire = await worker.open()
        assert (await wire.head())[0] == 503
        assert other.pieces.asked == []
        await wire.close()


async def test_a_withdrawn_file_is_not_fetched_from_others() -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        other.pieces.hold.set()
        worker.pieces.hold.set()
        worker.pieces.trouble = failing_at(3, FileWithdrawn("taken down"))
        wire = await worker.open()
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(wire.reader, bytearray())
        assert other.pieces.asked == []
        await wire.close()


async def test_a_relayed_read_is_never_relayed_again() -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        other.pieces.hold.set()
        worker.pieces.hold.set()
        worker.pieces.trouble = failing_at(3, TelegramUnavailable("gone"))
        wire = await worker.open(f"{HEADER_RELAY}: 1\r\n")
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(wire.reader, bytearray())
        assert other.pieces.asked == []
        await wire.close()


async def test_when_nobody_can_help_the_connection_is_reset() -> None:
    async with running_worker() as other, running_worker(others=[address(other)]) as worker:
        for one in (other, worker):
            one.pieces.hold.set()
            one.pieces.trouble = failing_at(4, TelegramUnavailable("gone"))
        wire = await worker.open()
        assert (await wire.head())[0] == 200
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(wire.reader, received)
        assert len(received) <= 4 * MIB
        assert received == WHOLE[: len(received)]
        await until(lambda: worker.metric("streamvault_worker_resets_total") == 1)
        await wire.close()


async def test_a_late_head_piece_comes_from_whoever_is_first() -> None:
    async with running_worker() as other, running_worker(others=[address(other)], hedge=True) as worker:
        other.pieces.hold.set()
        for _ in range(64):
            worker.turns.answered(0.05)
        reading = asyncio.create_task(body_of(worker, f"Range: bytes=5-{MIB - 1}\r\n"))
        assert await asyncio.wait_for(reading, 60) == WHOLE[5:MIB], "this worker's own piece never comes"
        assert worker.metric("streamvault_worker_hedges_total") == 1
        await until(lambda: worker.pieces.under_way == 0)


async def test_a_hedge_that_fails_does_no_harm() -> None:
    async with running_worker() as other, running_worker(others=[address(other)], hedge=True) as worker:
        other.pieces.hold.set()
        other.pieces.trouble = failing_at(0, TelegramUnavailable("gone"))
        for _ in range(64):
            worker.turns.answered(0.05)
        reading = asyncio.create_task(body_of(worker))
        await until(lambda: worker.metric("streamvault_worker_hedges_total") >= 1)
        await until(lambda: bool(other.pieces.asked) and other.pieces.under_way == 0)
        worker.pieces.hold.set()
        assert await asyncio.wait_for(reading, 60) == WHOLE
