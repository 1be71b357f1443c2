"""The byte path of one film: local Telegram, three workers, the real edge, viewers; baselines in the same run.

Run: build/venv/bin/python tests/bench/byte_path.py [figure ...] (calls, cold, capped, first, seek, herd, kill, memory).
Prints one table, writes build/bench/byte_path.json, ends with 1 when a target is missed. Times are medians; the method
of each figure stands in docs/benchmarks.md. Everything shares the machine's cores, so read the ratios.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pyrogram
from bench_targets import Figure, report
from byte_chain import ByteChain, byte_chain
from conditions import until, until_true
from downloads import download, viewing
from sandbox import LIBRARY, SandboxProcess, learn_peers
from worker_stack import GETFILE, SampleFile, upload_sample

from streamvault_common.keys import MIB, SLICE_BYTES

DELAY_SECONDS = 0.06
CAP_BYTES_PER_SECOND = 5_000_000
SESSIONS, CAPPED_SESSIONS = 2, 4
"""Connections of a worker to Telegram: as shipped, and for the figure that is about connections."""
FILM_MIB = 160
ROUNDS = 9
SEEK_TURNS = 2
DOWNLOADS = 3
HERD = 200
KILLS = 12
STREAMS = 100
ANSWERS = "streamvault_worker_responses_total"


@dataclass(frozen=True)
class Bench:
    """What one figure is measured on; each has a film of its own, so that nothing is known of it."""

    folder: Path
    sandbox: SandboxProcess
    chain: ByteChain
    film: SampleFile
    viewer: aiohttp.ClientSession

    def url(self, user: str = "viewer") -> str:
        """The film's signed address at the edge."""
        return self.chain.nginx.url + self.chain.link(self.film, user)

    def slow(self) -> None:
        """Every answer of Telegram takes DELAY_SECONDS, whatever else is asked."""
        self.sandbox.fault(kind="latency", method=GETFILE, seconds=DELAY_SECONDS)

    async def fresh(self) -> None:
        """No slice at the edge, no fault, every worker well."""
        self.sandbox.clear_faults()
        self.chain.empty_cache()
        await self.chain.until_all_ready()


async def calls(bench: Bench) -> list[Figure]:
    """getFile calls of one cold film."""
    await bench.fresh()
    bench.sandbox.reset_counters()
    _, received = await download(bench.viewer, bench.url())
    made = bench.sandbox.counters(method=GETFILE)["calls"]
    return [Figure("getFile calls per delivered MiB, whole cold film", made / (received / MIB), "", at_most=1.02)]


async def cold(bench: Bench) -> list[Figure]:
    """One cold viewer while each answer takes 60 ms, against pyrogram's own streaming."""
    await bench.fresh()
    bench.slow()
    async with bench.sandbox.kurigram("worker4") as client:
        await learn_peers(client)
        plain = await best(DOWNLOADS, lambda: stream_media(client, bench.film))
    rates = []
    for _ in range(DOWNLOADS):
        await bench.fresh()
        bench.slow()
        rates.append(await rate(download(bench.viewer, bench.url())))
    ours = max(rates)
    return [
        Figure("kurigram stream_media, 60 ms answers", plain, "MB/s", note="the baseline"),
        Figure("one cold viewer, 60 ms answers", ours, "MB/s"),
        Figure("one cold viewer / stream_media", ours / plain, "x", at_least=4),
    ]


async def stream_media(client: Any, film: SampleFile) -> tuple[float, int]:
    """Read the film as pyrogram streams it."""
    [part] = film.stored.parts
    message = await client.get_messages(LIBRARY, part.message_id)
    began, first, received = time.perf_counter(), 0.0, 0
    async for chunk in client.stream_media(message):
        first = first or time.perf_counter() - began
        received += len(chunk)
    return first, received


async def capped(bench: Bench) -> list[Figure]:
    """One cold viewer while each connection to Telegram gives 5 MB/s."""
    allowed = CAPPED_SESSIONS * CAP_BYTES_PER_SECOND / 1e6
    await bench.fresh()
    await warm_sessions(bench, CAPPED_SESSIONS)
    await bench.fresh()
    bench.sandbox.fault(kind="bandwidth", bytes_per_second=CAP_BYTES_PER_SECOND)
    reached = await rate(download(bench.viewer, bench.url()))
    return [
        Figure("one cold viewer, connections capped at 5 MB/s", reached, "MB/s", note=f"{CAPPED_SESSIONS} allowed"),
        Figure("share of the allowed sum", 100 * reached / allowed, "%", at_least=95),
    ]


async def warm_sessions(bench: Bench, sessions: int = SESSIONS) -> None:
    """Let every worker open its connections and learn where the film lies."""
    for worker in bench.chain.workers.values():
        url = f"{worker.url}{bench.film.path}"
        await asyncio.gather(*(download(bench.viewer, url, n * MIB, (n + 4) * MIB) for n in range(4)))
        await until(lambda: len(worker.said("opening a file session")) >= sessions)  # noqa: B023 - waited for here


async def first(bench: Bench) -> list[Figure]:
    """First byte of cold slices, against one getFile by pyrogram over an open session."""
    await bench.fresh()
    await warm_sessions(bench)
    await bench.fresh()
    bench.slow()
    baseline = await getfile_seconds(bench)
    ours = [await first_byte_seconds(bench, start) for start in scattered(ROUNDS)]
    late = (statistics.median(ours) - baseline) * 1000
    return [
        Figure("one getFile of 1 MiB, 60 ms answers", baseline * 1000, "ms", note="the baseline: kurigram"),
        Figure("first byte of a cold slice, 60 ms answers", statistics.median(ours) * 1000, "ms"),
        Figure("first byte later than one getFile by", late, "ms", at_most=25),
    ]


async def first_byte_seconds(bench: Bench, at: int) -> float:
    """Time to the byte at a place of a cold slice, of which the edge fetches the rest; nothing else is under way."""
    seconds, _ = await download(bench.viewer, bench.url(), at, at + 99)
    await until_true(lambda: quiet(bench))
    return seconds


def scattered(count: int) -> list[int]:
    """First bytes of slices of which none follows another, so that nothing was read ahead."""
    starts = [number * SLICE_BYTES for number in range(FILM_MIB * MIB // SLICE_BYTES - 2, 0, -2)]
    return starts[:count]


async def getfile_seconds(bench: Bench) -> float:
    """Median time of one getFile of 1 MiB over an open media session of unmodified kurigram."""
    async with bench.sandbox.kurigram("worker4") as client:
        await learn_peers(client)
        [part] = bench.film.stored.parts
        message = await client.get_messages(LIBRARY, part.message_id)
        file = pyrogram.file_id.FileId.decode(message.document.file_id)
        location = pyrogram.raw.types.InputDocumentFileLocation(
            id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
        )
        session, times = await client.get_session(file.dc_id, is_media=True), []
        for number in range(ROUNDS):
            request = pyrogram.raw.functions.upload.GetFile(location=location, offset=number * MIB, limit=MIB)
            began = time.perf_counter()
            await session.invoke(request)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


async def seek(bench: Bench) -> list[Figure]:
    """First wanted byte in the middle of a cold slice, against a slice's start."""
    await bench.fresh()
    await warm_sessions(bench)
    aligned: list[float] = []
    middle: list[float] = []
    for turn in range(SEEK_TURNS):
        await bench.fresh()
        bench.slow()
        for number, start in enumerate(scattered(ROUNDS), turn):
            wanted = start + (SLICE_BYTES // 2 if number % 2 else 0)
            (middle if number % 2 else aligned).append(await first_byte_seconds(bench, wanted))
    ratio = statistics.median(middle) / statistics.median(aligned)
    return [
        Figure("cold seek to a slice's start, 60 ms answers", statistics.median(aligned) * 1000, "ms"),
        Figure("cold seek into a slice's middle, 60 ms answers", statistics.median(middle) * 1000, "ms"),
        Figure("middle / start", ratio, "x", at_most=1.5),
    ]


async def herd(bench: Bench) -> list[Figure]:
    """Many viewers of one cold film, all at its beginning."""
    await bench.fresh()
    before = await asked_of_workers(bench)
    size = 4 * SLICE_BYTES
    await asyncio.gather(*(download(bench.viewer, bench.url(f"v{n}"), 0, size - 1) for n in range(HERD)))
    await until_true(lambda: quiet(bench))
    per_slice = (await asked_of_workers(bench) - before) / (size / SLICE_BYTES)
    name = f"origin requests per slice, {HERD} cold viewers"
    return [Figure(name, per_slice, "", at_least=1, at_most=1, note="neither more nor fewer")]


async def asked_of_workers(bench: Bench) -> float:
    """Reads that workers have answered so far, with whatever status."""
    asked = 0.0
    for worker in bench.chain.workers.values():
        async with bench.viewer.get(f"{worker.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        asked += sum(float(line.split()[-1]) for line in lines if line.startswith(f"{ANSWERS}{{"))
    return asked


async def kill(bench: Bench) -> list[Figure]:
    """How long a viewer's bytes stand still when the worker that serves him is killed in the middle of a slice."""
    stalls = []
    for _ in range(KILLS):
        await bench.fresh()
        bench.sandbox.fault(kind="bandwidth", bytes_per_second=CAP_BYTES_PER_SECOND)
        stalls.append(await stall_seconds(bench))
        for account, worker in bench.chain.workers.items():
            if worker.exit_code is not None:
                await worker.start()
                await bench.chain.until_ready(account)
    stalls.sort()
    return [
        Figure("stall when the serving worker is killed, median", statistics.median(stalls), "s"),
        Figure("stall when the serving worker is killed, p95", stalls[int(len(stalls) * 0.95)], "s", at_most=1.5),
    ]


async def stall_seconds(bench: Bench) -> float:
    """Read on by Range as a player does; the longest pause between bytes after the kill."""
    size, position, longest = 3 * SLICE_BYTES, 0, 0.0
    killed_at, last = 0.0, time.perf_counter()
    while position < size:
        try:
            headers = {"Range": f"bytes={position}-{size - 1}"}
            async with bench.viewer.get(bench.url(), headers=headers) as answer:
                answer.raise_for_status()
                async for chunk in answer.content.iter_any():
                    now = time.perf_counter()
                    if killed_at:
                        longest = max(longest, now - max(last, killed_at))
                    position, last = position + len(chunk), now
                    if not killed_at and position > SLICE_BYTES // 2:
                        await bench.chain.kill(await bench.chain.serving())
                        killed_at = time.perf_counter()
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    return longest


async def memory(bench: Bench) -> list[Figure]:
    """Resident memory of one worker with many streams whose readers do not read."""
    await bench.fresh()
    account, worker = next(iter(bench.chain.workers.items()))
    writers = []
    for _ in range(STREAMS):
        host, port = worker.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(f"GET {bench.film.path} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
        await reader.readline()
        writers.append(writer)
    await until_true(lambda: quiet(bench))
    status = Path(f"/proc/{worker.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) * 1024 / MIB
    for writer in writers:
        writer.transport.abort()
    return [Figure(f"memory of a worker with {STREAMS} streams", resident, "MiB", at_most=512, note=account)]


async def quiet(bench: Bench) -> bool:
    """Whether nothing was asked of Telegram for a second."""
    made = bench.sandbox.counters(method=GETFILE)["calls"]
    await asyncio.sleep(1)
    return bool(made == bench.sandbox.counters(method=GETFILE)["calls"])


async def rate(reading: Awaitable[tuple[float, int]]) -> float:
    """MB per second of a whole read."""
    began = time.perf_counter()
    _, received = await reading
    return received / 1e6 / (time.perf_counter() - began)


async def best(times: int, read: Callable[[], Awaitable[tuple[float, int]]]) -> float:
    """The highest rate of some reads."""
    return max([await rate(read()) for _ in range(times)])


FIGURES = {one.__name__: one for one in (calls, cold, capped, first, seek, herd, kill, memory)}


async def measure(names: list[str]) -> list[Figure]:
    """Start everything and measure the named figures."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(SandboxProcess(folder / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false"))
        viewer = await stack.enter_async_context(viewing())
        figures = []
        for name in names:
            print(f"  {name} ...", file=sys.stderr, flush=True)
            film = await upload_sample(sandbox, folder, name, [FILM_MIB * MIB])
            sessions = str(CAPPED_SESSIONS if name == capped.__name__ else SESSIONS)
            place = folder / name
            place.mkdir()
            async with byte_chain(place, sandbox, MAX_STREAMS="128", MEDIA_SESSIONS=sessions) as chain:
                chain.publish(film)
                figures += await FIGURES[name](Bench(folder, sandbox, chain, film, viewer))
        return figures


if __name__ == "__main__":
    sys.exit(report("byte_path", asyncio.run(measure(sys.argv[1:] or list(FIGURES)))))
