"""Many viewers for a while, with everything going wrong at random: no wrong byte, and nobody waits for ever.

`make bench` runs the same for ten minutes with fifty viewers, who may wait less (tests/bench/byte_soak.py).
"""

from pathlib import Path

from byte_chain import byte_chain
from sandbox import SandboxProcess
from soak import Soak
from worker_stack import SampleFile

SECONDS = 30
VIEWERS = 10
LONGEST_WAIT_SECONDS = 45
"""Seven processes are under way, and each of them may stand still for a while on a busy machine."""


async def test_viewers_get_right_bytes_in_time_while_things_break(
    tmp_path: Path, telegram: SandboxProcess, film: SampleFile, short_film: SampleFile
) -> None:
    telegram.clear_faults()
    async with byte_chain(tmp_path, telegram) as chain:
        chain.publish(film, short_film)
        result = await Soak(chain, [film, short_film], VIEWERS).run(SECONDS)
    print(result)
    assert result.wrong == []
    assert result.bytes_read > 0
    assert result.longest_wait_seconds <= LONGEST_WAIT_SECONDS
