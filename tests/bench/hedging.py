"""What asking a second worker for late pieces gains and costs, where single answers of Telegram are late by accident.

Run by `make bench`. The same cold film, slice by slice, without and with HEDGE; writes build/bench/hedging.json. It
decides a default and has no target but the calls.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench_targets import Figure, report
from byte_chain import ByteChain, byte_chain
from sandbox import SandboxProcess
from worker_stack import GETFILE, SampleFile, upload_sample

from streamvault_common.keys import MIB, SLICE_BYTES

FILM_MIB = 192
USUAL_SECONDS = 0.06
LATE_SECONDS = 1.0
LATE_SHARE = 0.02
MOST_CALLS = 1.02


async def slice_seconds(chain: ByteChain, film: SampleFile) -> list[float]:
    """How long each slice took, sorted."""
    taken = []
    for start in range(0, len(film.content), SLICE_BYTES):
        began = time.perf_counter()
        answer = await chain.read(film, f"{start}-{start + SLICE_BYTES - 1}")
        taken.append(time.perf_counter() - began)
        if answer.content != film.content[start : start + SLICE_BYTES]:
            raise RuntimeError(f"wrong bytes at {start}")
    return sorted(taken)


async def measure(folder: Path, sandbox: SandboxProcess, film: SampleFile, hedge: bool) -> tuple[list[float], float]:
    """Times of all slices, and calls per MiB, with a setting; a first round lets the workers learn what is usual."""
    sandbox.clear_faults()
    folder.mkdir()
    async with byte_chain(folder, sandbox, HEDGE=str(hedge).lower(), MEDIA_SESSIONS="2") as chain:
        chain.publish(film)
        sandbox.fault(kind="latency", method=GETFILE, seconds=LATE_SECONDS, probability=LATE_SHARE)
        sandbox.fault(kind="latency", method=GETFILE, seconds=USUAL_SECONDS)
        await slice_seconds(chain, film)
        chain.empty_cache()
        sandbox.reset_counters()
        taken = await slice_seconds(chain, film)
        return taken, sandbox.counters(method=GETFILE)["calls"] / (len(film.content) / MIB)


def figures(name: str, taken: Sequence[float], calls: float) -> list[Figure]:
    """Lines of the table for one setting."""
    return [
        Figure(f"{name}: slice, median", statistics.median(taken) * 1000, "ms"),
        Figure(f"{name}: slice, p95", taken[int(len(taken) * 0.95)] * 1000, "ms"),
        Figure(f"{name}: getFile calls per MiB", calls, "", at_most=MOST_CALLS),
    ]


async def main() -> int:
    """Measure both settings, report; gives the exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with SandboxProcess(folder / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false") as sandbox:
            film = await upload_sample(sandbox, folder, "film", [FILM_MIB * MIB])
            plain = await measure(folder / "plain", sandbox, film, hedge=False)
            hedged = await measure(folder / "hedged", sandbox, film, hedge=True)
    return report("hedging", [*figures("without", *plain), *figures("with", *hedged)])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
