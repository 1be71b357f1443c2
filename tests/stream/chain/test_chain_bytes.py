"""Through Telegram, worker and edge every byte is the right one, whatever is asked for and whatever goes wrong."""

import asyncio
import random
from collections.abc import Iterator

import pytest
from byte_chain import ByteChain
from worker_stack import GETFILE, SampleFile, getfile_calls_of

from streamvault_common.keys import MIB, SLICE_BYTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANSWER_TIMEOUT_SECONDS = "6"
"""Each of the silences takes so long."""
RANGES = 2000
AT_ONCE = 8
BORDERS = (4096, MIB, SLICE_BYTES)


def random_ranges(size: int, dice: random.Random) -> Iterator[tuple[str, int, int]]:
    """A Range as a client writes it, with first and last byte due; its ends like to lie beside borders."""
    while True:
        near = dice.choice(BORDERS) * dice.randrange(1 + size // dice.choice(BORDERS)) + dice.randint(-2, 2)
        start = dice.choice((near, dice.randrange(size), 0)) % size
        end = min(start + dice.choice((0, 1, dice.randrange(5000), dice.randrange(3 * MIB))), size - 1)
        match dice.randrange(8):
            case 0:
                tail = dice.choice((1, dice.randrange(1, 2 * MIB)))
                yield f"-{tail}", size - tail, size - 1
            case 1 if size - start < 4 * MIB:
                yield f"{start}-", start, size - 1
            case 2 if size - start < 4 * MIB:
                yield f"{start}-{size + dice.randrange(size)}", start, size - 1
            case _:
                yield f"{start}-{end}", start, end


async def test_two_thousand_ranges_are_right_to_the_byte(chain: ByteChain, film: SampleFile) -> None:
    seed = random.randrange(1 << 32)
    wanted = random_ranges(len(film.content), random.Random(seed))
    todo = [next(wanted) for _ in range(RANGES)]

    async def read_some() -> None:
        while todo:
            extent, first, last = todo.pop()
            answer = await chain.read(film, extent)
            assert answer.status_code == 206, f"seed {seed}, range {extent}: {answer.text}"
            assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(film.content)}", f"seed {seed}"
            assert answer.content == film.content[first : last + 1], f"seed {seed}, range {extent}"

    await asyncio.gather(*(read_some() for _ in range(AT_ONCE)))


FAULTS = [
    {"kind": "reset"},
    {"kind": "short", "keep_bytes": 1000},
    {"kind": "short", "keep_bytes": 0},
    {"kind": "error", "error": "INTERNAL"},
    {"kind": "error", "error": "FILE_REFERENCE_EXPIRED"},
    {"kind": "error", "error": "FILE_MIGRATE_4"},
    {"kind": "error", "error": "FLOOD_WAIT_1"},
    {"kind": "error", "error": "FLOOD_PREMIUM_WAIT_1"},
    {"kind": "error", "error": "FILE_ID_INVALID"},
    {"kind": "silence"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(str(value) for value in fault.values()))
async def test_a_fault_at_any_piece_gives_the_whole_body_or_a_cut_one(
    chain: ByteChain, short_film: SampleFile, fault: dict[str, object]
) -> None:
    whole = 0
    for piece in range(10):
        chain.sandbox.clear_faults()
        chain.empty_cache()
        await chain.until_all_ready()
        chain.sandbox.fault(method=GETFILE, count=1, offset_from=piece * MIB, offset_below=(piece + 1) * MIB, **fault)
        whole += await chain.read_whole(short_film)
        chain.sandbox.clear_faults()
        await chain.until_whole(short_film)  # with what was stored while it went wrong
    assert whole >= 8, "another worker, or another try, gets over it"


async def test_a_film_read_in_one_go_costs_one_call_per_mebibyte(chain: ByteChain, film: SampleFile) -> None:
    async def read_cold() -> None:
        chain.empty_cache()
        assert (await chain.read(film)).content == film.content

    pieces = sum(-(-part.size_bytes // MIB) for part in film.stored.parts)
    slices = -(-len(film.content) // SLICE_BYTES)
    calls = await getfile_calls_of(read_cold, chain.sandbox, *chain.workers.values())
    assert calls <= pieces + slices + len(film.stored.parts), "a piece is cut only where a slice or a part ends"
