"""Fifty viewers seek at random for ten minutes; workers die, waits are ordered, references expire, lines break.

Run by `make bench`, or with a number of seconds. Writes build/bench/byte_soak.json; ends with 1 when a byte was wrong,
a viewer stood still for more than ten seconds, or too little broke.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from bench_targets import Figure, report
from byte_chain import byte_chain
from sandbox import SandboxProcess
from soak import Soak, SoakResult
from worker_stack import upload_sample

from streamvault_common.keys import MIB

VIEWERS = 50
SECONDS = 600
LONGEST_WAIT_SECONDS = 10
SECONDS_PER_BREAK = 6
"""At most: one is broken every two seconds, and what comes after it takes a moment."""


async def soak(seconds: float) -> SoakResult:
    """Start everything and let it run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with SandboxProcess(folder / "sandbox", TG_SANDBOX_VERIFY_ANSWERS="false") as sandbox:
            sizes = ([70 * MIB + 1], [13 * MIB + 12_345, 9 * MIB - 1, 11 * MIB + 777])
            films = [await upload_sample(sandbox, folder, f"film{n}", parts) for n, parts in enumerate(sizes)]
            async with byte_chain(folder, sandbox) as chain:
                chain.publish(*films)
                return await Soak(chain, films, VIEWERS).run(seconds)


def main(seconds: float) -> int:
    """Run and report; gives the exit status."""
    result = asyncio.run(soak(seconds))
    for line in result.wrong[:10]:
        print(f"wrong: {line}")
    return report(
        "byte_soak",
        [
            Figure("wrong bytes or answers seen", len(result.wrong), "", at_most=0),
            Figure("longest wait of a viewer", result.longest_wait_seconds, "s", at_most=LONGEST_WAIT_SECONDS),
            Figure("bytes read", result.bytes_read / 1e6, "MB", note=f"{VIEWERS} viewers, {seconds:g} s"),
            Figure("reads finished", result.reads, ""),
            Figure("connections cut", result.cuts, "", note="gone on with a Range"),
            Figure("requests refused", result.refusals.total(), "", note=str(dict(result.refusals))),
            Figure(
                "things broken",
                result.breaks.total(),
                "",
                at_least=int(seconds / SECONDS_PER_BREAK),
                note=", ".join(sorted(result.breaks)),
            ),
        ],
    )


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
