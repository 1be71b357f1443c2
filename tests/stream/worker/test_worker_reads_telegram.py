"""Bytes out of Telegram are the right ones, whatever is asked for and whatever Telegram answers in between."""

import asyncio
import random
import time
from pathlib import Path

import httpx
import pytest
from conditions import until_true
from sandbox import SandboxProcess
from worker_stack import GETFILE, SampleFile, WorkerStack, getfile_calls_of, sample_file, worker_stack

from streamvault_common import keys
from streamvault_common.keys import MIB

from .conftest import Library

pytestmark = pytest.mark.asyncio(loop_scope="module")


def extents(file: SampleFile) -> list[tuple[str, int, int]]:
    """Range values with the first and last byte that they mean."""
    size = len(file.content)
    borders = [0]
    for part in file.stored.parts:
        borders.append(borders[-1] + part.size_bytes)
    found = [
        ("0-0", 0, 0),
        (f"0-{MIB}", 0, MIB),
        (f"{MIB}-{MIB}", MIB, MIB),
        (f"{size - 1}-", size - 1, size - 1),
        ("-500", size - 500, size - 1),
        (f"-{size + 5}", 0, size - 1),
        (f"{MIB - 1}-{size + 999}", MIB - 1, size - 1),
    ]
    for border in borders[1:-1]:
        found += [(f"{border + a}-{border + b}", border + a, border + b) for a, b in ((-1, 0), (0, 0), (-70_000, 5))]
    dice = random.Random(7)
    for _ in range(25):
        first, last = sorted(dice.randrange(size) for _ in range(2))
        found.append((f"{first}-{last}", first, last))
    return found


@pytest.mark.parametrize("which", ["film", "parted"])
async def test_every_kind_of_range_is_right_to_the_byte(stack: WorkerStack, library: Library, which: str) -> None:
    file: SampleFile = getattr(library, which)
    for extent, first, last in extents(file):
        answer = await stack.read(file, extent)
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(file.content)}"
        assert answer.headers["etag"] == f'"{file.stored.id}-1"'
        assert answer.content == file.content[first : last + 1], extent


@pytest.mark.parametrize("which", ["film", "parted"])
async def test_the_whole_file_costs_one_request_per_piece(stack: WorkerStack, library: Library, which: str) -> None:
    file: SampleFile = getattr(library, which)

    async def read_whole() -> None:
        answer = await stack.read(file)
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(file.content)))
        assert answer.content == file.content

    calls = await getfile_calls_of(read_whole, stack.sandbox, stack.process)
    assert calls == sum(-(-part.size_bytes // MIB) for part in file.stored.parts)


async def test_head_and_unsatisfiable_ranges_cost_no_request(stack: WorkerStack, library: Library) -> None:
    size = len(library.film.content)
    head = await stack.http.head(library.film.path)
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))
    for extent in (f"{size}-", "0-1,4-5"):
        refused = await stack.read(library.film, extent)
        assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")
    assert stack.getfile_calls() == 0


async def test_leaving_stops_the_requests(stack: WorkerStack, library: Library) -> None:
    stack.sandbox.fault(kind="latency", method=GETFILE, seconds=0.3)
    async with stack.http.stream("GET", library.film.path) as answer:
        await anext(answer.aiter_raw(1000))
    await until_true(lambda: _in_flight(stack, 0))

    async def telegram_idle() -> bool:
        return not any(one["calls_in_progress"] for one in stack.sandbox.get("/control/connections"))

    await until_true(telegram_idle)
    assert stack.getfile_calls() <= 13, "the first window and what the first pieces made room for, of 17"


async def test_many_readers_at_once_get_their_own_bytes(stack: WorkerStack, library: Library) -> None:
    wanted = [(library.film, "0-"), (library.parted, "0-"), (library.film, f"{5 * MIB + 3}-"), (library.film, "-1")] * 2
    answers = await asyncio.gather(*(stack.read(file, extent) for file, extent in wanted))
    for (file, extent), answer in zip(wanted, answers, strict=True):
        first = len(file.content) - 1 if extent == "-1" else int(extent[:-1])
        assert answer.content == file.content[first:]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset", "count": 1},
        {"kind": "reset", "count": 1, "offset_from": 6 * MIB},
        {"kind": "short", "count": 1, "keep_bytes": 1000},
        {"kind": "short", "count": 2, "keep_bytes": 0, "offset_from": 3 * MIB},
        {"kind": "error", "error": "INTERNAL", "count": 2},
        {"kind": "error", "error": "Timeout", "code": -503, "count": 1, "offset_from": 4 * MIB},
        {"kind": "error", "error": "FILE_REFERENCE_EXPIRED", "count": 1, "offset_from": 2 * MIB},
        {"kind": "latency", "seconds": 0.02, "jitter_seconds": 0.3, "count": 12},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_a_passing_fault_is_not_noticed(stack: WorkerStack, library: Library, fault: dict[str, object]) -> None:
    stack.sandbox.fault(method=GETFILE, account="worker1", **fault)
    answer = await stack.read(library.film)
    assert answer.status_code == 200
    assert answer.content == library.film.content


async def test_a_passing_silence_is_not_noticed(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    """By a worker whose patience is short."""
    async with worker_stack(tmp_path, telegram, telegram.mint("worker2"), ANSWER_TIMEOUT_SECONDS="2") as stack:
        stack.publish(library.film)
        await stack.until_ready()
        telegram.fault(kind="silence", method=GETFILE, account="worker2", count=1, offset_from=2 * MIB)
        assert (await stack.read(library.film)).content == library.film.content
    [silence] = telegram.get("/control/faults")
    assert silence["hits"] == 1
    telegram.clear_faults()


async def test_stale_references_are_fetched_anew_once(stack: WorkerStack, library: Library) -> None:
    assert (await stack.read(library.parted, "0-0")).status_code == 206
    stack.sandbox.post("/control/file-references/expire", {})
    stack.sandbox.reset_counters()
    assert (await stack.read(library.parted)).content == library.parted.content
    fetched = stack.sandbox.counters(method="channels.getMessages")["calls"]
    assert fetched == len(library.parted.stored.parts)


async def test_a_file_in_another_data_centre_is_followed(stack: WorkerStack, library: Library) -> None:
    documents = stack.sandbox.get("/control/documents")
    [document] = [one for one in documents if one["size"] == len(library.film.content)]
    assert (await stack.read(library.film, "0-0")).status_code == 206
    stack.sandbox.call("PATCH", f"/control/documents/{document['id']}", {"dc_id": 4})
    try:
        await stack.until_served(library.film)
        assert (await stack.read(library.film)).content == library.film.content
        assert stack.sandbox.counters(method="auth.exportAuthorization")["calls"] == 1
    finally:
        stack.sandbox.call("PATCH", f"/control/documents/{document['id']}", {"dc_id": document["dc_id"]})
    assert (await stack.read(library.film)).content == library.film.content


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "error", "error": "INTERNAL"}, 503),
        ({"kind": "short", "keep_bytes": 4096}, 424),
        ({"kind": "error", "error": "FILE_REFERENCE_EXPIRED"}, 424),
        ({"kind": "error", "error": "FILE_ID_INVALID"}, 424),
    ],
    ids=lambda value: value.get("error") or value["kind"] if isinstance(value, dict) else str(value),
)
async def test_a_lasting_fault_is_a_status_before_the_first_byte(
    stack: WorkerStack, library: Library, fault: dict[str, object], status: int
) -> None:
    stack.sandbox.fault(method=GETFILE, **fault)
    answer = await stack.read(library.film)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("piece", [4, 11, 16])
async def test_a_lasting_fault_later_cuts_the_answer(stack: WorkerStack, library: Library, piece: int) -> None:
    stack.sandbox.fault(kind="short", method=GETFILE, offset_from=piece * MIB, keep_bytes=0)
    received = bytearray()
    with pytest.raises(httpx.TransportError):
        await _read_into(stack, library.film, received)
    assert received == library.film.content[: len(received)]
    assert len(received) <= piece * MIB


async def test_a_flood_before_the_first_byte_is_passed_on_and_waited_out(stack: WorkerStack, library: Library) -> None:
    stack.sandbox.fault(kind="error", error="FLOOD_WAIT_4", method=GETFILE, count=1)
    flooded_at = time.time()
    answer = await stack.read(library.film, "0-0")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "4")

    async def served() -> bool:
        calls = stack.getfile_calls()
        again = await stack.read(library.film, "0-0")
        if again.status_code == 206:
            return True
        assert again.status_code == 503
        assert 1 <= int(again.headers["retry-after"]) <= 4
        assert stack.getfile_calls() == calls, "Telegram must not be asked while it told us to wait"
        return False

    await until_true(served)
    assert time.time() - flooded_at >= 4

    async def told() -> bool:
        return (await stack.report()).get("flood_seconds") == "4"

    await until_true(told)
    assert float((await stack.report())["flood_until"]) - flooded_at >= 4


async def test_a_flood_after_the_first_byte_cuts_the_answer(stack: WorkerStack, library: Library) -> None:
    stack.sandbox.fault(kind="error", error="FLOOD_PREMIUM_WAIT_1", method=GETFILE, count=1, offset_from=6 * MIB)
    received = bytearray()
    with pytest.raises(httpx.TransportError):
        await _read_into(stack, library.film, received)
    assert received == library.film.content[: len(received)]
    await stack.until_served(library.film)


async def test_sources_that_this_account_cannot_read_are_424(stack: WorkerStack, library: Library) -> None:
    [part] = library.film.stored.parts
    for name, change in {
        "gone": {"message_id": 999_999},
        "elsewhere": {"channel_id": -1002400000125},
        "other-size": {"size_bytes": part.size_bytes - 1},
    }.items():
        broken = part.model_copy(update=change)
        stored = sample_file(name, library.film.content[: broken.size_bytes], []).stored
        file = SampleFile(stored.model_copy(update={"parts": (broken,)}), b"")
        stack.publish(file)
        answer = await stack.read(file)
        assert answer.status_code == 424, name


async def test_withdrawn_files_are_410_and_old_generations_404(stack: WorkerStack, library: Library) -> None:
    await stack.store.set(keys.blocked_key(library.film.stored.id), "1")

    async def withdrawn() -> bool:
        return (await stack.read(library.film, "0-0")).status_code == 410

    await until_true(withdrawn)  # a Redis that is slow to answer is not waited for
    await stack.store.delete(keys.blocked_key(library.film.stored.id))
    assert (await stack.read(library.film, "0-0")).status_code == 206
    assert (await stack.http.get(f"/files/{library.film.stored.id}/2")).status_code == 404
    assert (await stack.http.get(f"/files/{'0' * 32}/1")).status_code == 404


async def test_the_drain_flag_stops_new_reads(stack: WorkerStack, library: Library) -> None:
    await stack.store.set(keys.drain_key(stack.name), "1")

    async def state(wanted: str) -> bool:
        return (await stack.report())["state"] == wanted

    await until_true(lambda: state("draining"))
    refused = await stack.read(library.film, "0-0")
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert (await stack.http.get("/readyz")).status_code == 503
    await stack.store.delete(keys.drain_key(stack.name))
    await until_true(lambda: state("serving"))
    assert (await stack.read(library.film, "0-0")).status_code == 206


async def test_lost_stores_hurt_nobody_who_reads_a_known_file(stack: WorkerStack, library: Library) -> None:
    assert (await stack.read(library.film, "0-0")).status_code == 206
    await stack.redis.stop()
    await stack.mongo.stop()
    answer = await stack.read(library.film)
    assert answer.content == library.film.content
    unknown = await stack.http.get(f"/files/{'1' * 32}/1")
    assert (unknown.status_code, unknown.headers["content-type"]) == (503, "application/problem+json")
    await stack.mongo.start()
    await stack.redis.start()

    async def back() -> bool:
        beats = (await stack.report()).get("state") == "serving"
        return beats and (await stack.http.get(f"/files/{'1' * 32}/1")).status_code == 404

    await until_true(back)


async def test_metrics_tell_what_was_done(stack: WorkerStack, library: Library) -> None:
    await stack.read(library.film)
    await until_true(lambda: _in_flight(stack, 0))
    assert await stack.metric("streamvault_worker_getfile_calls_total") >= 17
    assert await stack.metric("streamvault_worker_delivered_bytes_total") >= len(library.film.content)
    assert await stack.metric('streamvault_worker_telegram_errors_total{kind="flood"}') >= 1


async def test_the_telegram_server_may_restart(stack: WorkerStack, library: Library, telegram: SandboxProcess) -> None:
    telegram.stop()
    telegram.start()
    await stack.until_served(library.film)
    assert (await stack.read(library.film)).content == library.film.content


async def _in_flight(stack: WorkerStack, wanted: int) -> bool:
    return await stack.metric("streamvault_worker_streams_in_flight") == wanted


async def _read_into(stack: WorkerStack, file: SampleFile, received: bytearray) -> None:
    async with stack.http.stream("GET", file.path) as answer:
        assert answer.status_code == 200
        async for chunk in answer.aiter_raw():
            received += chunk
