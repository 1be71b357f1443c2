"""What the worker's byte path costs beside kurigram's own `stream_media`, in the same run on the same local Telegram.

Run: PYTHONPATH=tests/support:images/common build/venv/bin/python tests/bench/worker_bytes.py [MiB].
Prints a table, writes build/bench/worker_bytes.json.
The worker is read as nginx reads it, one 8 MiB slice after another; its figure includes the HTTP side, that of
`stream_media` does not. CPU is process CPU time, MB are 10^6 bytes; the best of ROUNDS is reported.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyrogram
from sandbox import LIBRARY, SandboxProcess, learn_peers
from worker_stack import GETFILE, SampleFile, WorkerStack, upload_sample, worker_stack

from streamvault_common.keys import MIB, SLICE_BYTES

ROUNDS = 3
ANSWER_DELAY_SECONDS = 0.06
RESULT = Path(__file__).resolve().parents[2] / "build/bench/worker_bytes.json"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """One reader under one condition; rates are MB per second of wall time and of CPU time."""

    reader: str
    answer_delay_seconds: float
    calls_per_mib: float
    mb_per_cpu_second: float
    mb_per_second: float
    first_byte_seconds: float


@dataclass(frozen=True)
class Bench:
    """The parts that take part."""

    sandbox: SandboxProcess
    stack: WorkerStack
    client: pyrogram.Client
    file: SampleFile

    async def worker(self) -> float:
        """Read the file slice by slice; returns the seconds to the first byte."""
        asked_at, first_byte, received = time.perf_counter(), 0.0, 0
        for start in range(0, len(self.file.content), SLICE_BYTES):
            extent = f"bytes={start}-{start + SLICE_BYTES - 1}"
            async with self.stack.http.stream("GET", self.file.path, headers={"Range": extent}) as answer:
                async for chunk in answer.aiter_raw():
                    first_byte = first_byte or time.perf_counter() - asked_at
                    received += len(chunk)
        self._check(received)
        return first_byte

    async def stream_media(self) -> float:
        """Read the file as every peer does; returns the seconds to the first byte."""
        [part] = self.file.stored.parts
        message = await self.client.get_messages(LIBRARY, part.message_id)
        if not isinstance(message, pyrogram.types.Message):
            raise TypeError("the uploaded message is not there")
        asked_at, first_byte, received = time.perf_counter(), 0.0, 0
        stream = self.client.stream_media(message)
        if stream is None:
            raise TypeError("the uploaded message holds no file")
        async for chunk in stream:
            first_byte = first_byte or time.perf_counter() - asked_at
            received += len(chunk)
        self._check(received)
        return first_byte

    def _check(self, received: int) -> None:
        if received != len(self.file.content):
            raise RuntimeError(f"received {received} of {len(self.file.content)} bytes")


async def measure(
    bench: Bench, name: str, read: Callable[[], Awaitable[float]], cpu: Callable[[], float], delay: float
) -> Figure:
    """The best of ROUNDS; calls are counted over all of them."""
    bench.sandbox.clear_faults()
    if delay:
        bench.sandbox.fault(kind="latency", method=GETFILE, seconds=delay)
    bench.sandbox.reset_counters()
    megabytes, best_cpu, best_wall, best_first = len(bench.file.content) / 1e6, 0.0, 0.0, 60.0
    for _ in range(ROUNDS):
        started, used = time.perf_counter(), cpu()
        best_first = min(best_first, await read())
        best_wall = max(best_wall, megabytes / (time.perf_counter() - started))
        best_cpu = max(best_cpu, megabytes / max(cpu() - used, 0.01))
    calls = bench.sandbox.counters(method=GETFILE)["calls"] / ROUNDS / (len(bench.file.content) / MIB)
    return Figure(name, delay, calls, best_cpu, best_wall, best_first)


async def run(mebibytes: int) -> list[Figure]:
    """Start everything, measure both readers without and with an answer delay."""
    figures = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with SandboxProcess(folder / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false") as sandbox:
            file = await upload_sample(sandbox, folder, "bench", [mebibytes * MIB])
            async with (
                worker_stack(folder / "worker", sandbox, sandbox.mint("worker1")) as stack,
                sandbox.kurigram("worker2") as client,
            ):
                await learn_peers(client)
                stack.publish(file)
                await stack.until_ready()
                bench = Bench(sandbox, stack, client, file)
                for delay in (0.0, ANSWER_DELAY_SECONDS):
                    figures.append(await measure(bench, "stream_media", bench.stream_media, own_cpu_seconds, delay))
                    used_by_worker = lambda: cpu_seconds(stack.process.pid)  # noqa: E731
                    figures.append(await measure(bench, "worker", bench.worker, used_by_worker, delay))
    return figures


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def own_cpu_seconds() -> float:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def show(figures: list[Figure]) -> None:
    """Print the table."""
    print(f"{'reader':>14} {'delay ms':>9} {'calls/MiB':>10} {'MB/CPU-s':>9} {'MB/s':>6} {'first byte ms':>14}")
    for one in figures:
        print(
            f"{one.reader:>14} {one.answer_delay_seconds * 1000:>9.0f} {one.calls_per_mib:>10.3f}"
            f" {one.mb_per_cpu_second:>9.0f} {one.mb_per_second:>6.0f} {one.first_byte_seconds * 1000:>14.1f}"
        )
    plain, worker, slow, slow_worker = figures
    print(f"worker / stream_media: {worker.mb_per_cpu_second / plain.mb_per_cpu_second:.2f} x bytes per CPU second,")
    print(
        f"{slow_worker.mb_per_second / slow.mb_per_second:.2f} x bytes per second at {ANSWER_DELAY_SECONDS:g} s delay"
    )


if __name__ == "__main__":
    measured = asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 64))
    show(measured)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps([asdict(one) for one in measured], indent=2))
