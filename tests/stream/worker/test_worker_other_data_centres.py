"""Files of another data centre need sessions of their own: opened once, and no trouble of anybody else's."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from attempts import once_in_time
from conditions import until, until_true
from sandbox import SandboxProcess
from worker_stack import WorkerStack, worker_stack

from streamvault_common.keys import MIB

from .conftest import Library

ACCOUNT, ACCOUNT_ID = "worker2", 5_000_000_102
ELSEWHERE = 4
EXPORT = "auth.exportAuthorization"
READERS, READ_PIECES = 6, 4
"""More pieces in all than an account may have under way."""


@pytest.fixture
def film_elsewhere(telegram: SandboxProcess, library: Library) -> Iterator[None]:
    """The film lies in another data centre than the accounts; the file of three messages does not."""
    telegram.clear_faults()
    size = len(library.film.content)
    [document] = [one for one in telegram.get("/control/documents") if one["size"] == size]
    telegram.call("PATCH", f"/control/documents/{document['id']}", {"dc_id": ELSEWHERE})
    yield
    telegram.call("PATCH", f"/control/documents/{document['id']}", {"dc_id": document["dc_id"]})
    telegram.clear_faults()


@asynccontextmanager
async def serving(
    folder: Path, telegram: SandboxProcess, library: Library, **environment: str
) -> AsyncIterator[WorkerStack]:
    session = telegram.mint(ACCOUNT)
    async with worker_stack(folder, telegram, session, "w1", lambda: None, **environment) as stack:
        stack.publish(library.film, library.parted)
        await stack.until_ready()
        telegram.reset_counters()
        yield stack


@contextmanager
def silent_address() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def connections(stack: WorkerStack) -> int:
    """How many the account has open, to whatever data centre."""
    return sum(one["account"] == ACCOUNT_ID for one in stack.sandbox.get("/control/connections"))


async def storm(stack: WorkerStack, library: Library) -> list[int]:
    """Many reads of the film at once; their statuses."""
    extents = [(n * MIB, (n + READ_PIECES) * MIB - 1) for n in range(READERS)]
    answers = await asyncio.gather(*(stack.read(library.film, f"{first}-{last}") for first, last in extents))
    for (first, last), answer in zip(extents, answers, strict=True):
        assert answer.status_code != 206 or answer.content == library.film.content[first : last + 1]
    return [answer.status_code for answer in answers]


@pytest.mark.usefixtures("film_elsewhere")
async def test_many_who_ask_cost_one_export(tmp_path: Path, telegram: SandboxProcess, library: Library) -> None:
    async with serving(tmp_path, telegram, library, MEDIA_SESSIONS="3") as stack:

        async def all_served() -> bool:
            return set(await storm(stack, library)) == {206}

        await until_true(all_served)  # 424 while the data centre is not reached yet
        assert await all_served()
        assert telegram.counters(method=EXPORT)["calls"] == 1


@pytest.mark.usefixtures("film_elsewhere")
async def test_a_silent_data_centre_holds_up_nobody_else(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    with silent_address() as silent:
        known = [one for one in telegram.environment["TG_DC_MAP"].split(",") if not one.startswith(f"{ELSEWHERE}=")]
        addresses = ",".join([*known, f"{ELSEWHERE}={silent}"])

        async def read_meanwhile() -> bool:
            """Whether the reads of the silent data centre had not given up yet."""
            async with serving(tmp_path, telegram, library, TG_DC_MAP=addresses) as stack:
                waiting = asyncio.create_task(storm(stack, library))
                await until(lambda: any(line.get("dc_id") == ELSEWHERE for line in stack.process.said("opening")))
                answer = await stack.read(library.parted)
                assert answer.status_code == 200, answer.text
                assert answer.content == library.parted.content
                meanwhile = stack.process.said("read refused") == []
                assert set(await waiting) == {424}, "another account may reach it, and this worker is well"
                assert (await stack.read(library.parted)).content == library.parted.content
                return meanwhile

        assert await once_in_time(read_meanwhile), "it waited until the others had given up"


@pytest.mark.usefixtures("film_elsewhere")
async def test_a_wait_ordered_for_the_export_is_kept_and_leaves_no_connection(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    async with serving(tmp_path, telegram, library) as stack:
        before = connections(stack)
        telegram.fault(kind="error", error="FLOOD_WAIT_4", method=EXPORT, account=ACCOUNT, count=1)
        flooded_at = time.monotonic()

        async def told_to_wait() -> bool:
            answer = await stack.read(library.film, "0-9")
            assert answer.status_code in (424, 503), "424 while the data centre is not reached yet"
            return answer.status_code == 503 and 1 <= int(answer.headers["retry-after"]) <= 60

        await until_true(told_to_wait)

        async def as_before() -> bool:
            return connections(stack) == before

        await until_true(as_before)
        await stack.until_served(library.film)
        assert time.monotonic() - flooded_at >= 4
        assert telegram.counters(method=EXPORT)["calls"] == 2


async def test_a_wait_is_kept_also_when_the_reader_has_left(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    telegram.clear_faults()
    async with serving(tmp_path, telegram, library) as stack:
        telegram.fault(kind="latency", method="channels.getMessages", account=ACCOUNT, seconds=1)
        telegram.fault(kind="error", error="FLOOD_WAIT_30", method="channels.getMessages", account=ACCOUNT, count=1)
        reading = asyncio.create_task(stack.read(library.parted, "0-9"))

        async def asked() -> bool:
            return bool(telegram.counters(method="channels.getMessages")["calls"])

        await until_true(asked)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await until(lambda: bool(stack.process.said("Telegram ordered a wait of 30 s")))
        assert (await stack.read(library.parted, "0-9")).status_code == 503
        assert telegram.counters(method="channels.getMessages")["calls"] == 1
    telegram.clear_faults()
