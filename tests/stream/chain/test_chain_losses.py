"""A worker that is killed, or whose connections are all refused, wherever in a film that is."""

import asyncio

import pytest
from byte_chain import ByteChain
from conditions import until
from worker_stack import GETFILE, SampleFile

from streamvault_common.keys import MIB

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
ANSWER_TIMEOUT_SECONDS = "20"
"""Longer than it takes to kill whoever waits."""
PIECES = 10


def at(piece: int) -> dict[str, object]:
    """Which request a fault hits: the first one for this piece."""
    return {"method": GETFILE, "count": 1, "offset_from": piece * MIB, "offset_below": (piece + 1) * MIB}


async def test_a_worker_killed_at_any_piece_gives_the_whole_body_or_a_cut_one(
    chain: ByteChain, short_film: SampleFile
) -> None:
    for piece in range(PIECES):
        chain.empty_cache()
        chain.sandbox.fault(kind="silence", **at(piece))
        reading = asyncio.create_task(chain.read_whole(short_film))
        await until(lambda: chain.sandbox.get("/control/faults")[0]["hits"] == 1)
        killed = await chain.serving()
        await chain.kill(killed)
        await reading  # what there is of it is right
        chain.sandbox.clear_faults()
        await chain.until_whole(short_film)  # with what was stored while it went wrong
        await chain.workers[killed].start()
        await chain.until_all_ready()


async def test_a_transport_flood_at_any_piece_gives_the_whole_body_or_a_cut_one(
    chain: ByteChain, short_film: SampleFile
) -> None:
    """The worker asks for nothing for ten seconds, on no connection; the others go on."""
    whole = 0
    for piece in range(PIECES):
        chain.empty_cache()
        chain.sandbox.fault(kind="transport", code=-429, **at(piece))
        whole += await chain.read_whole(short_film)
        assert chain.sandbox.get("/control/faults")[0]["hits"] == 1
        chain.sandbox.clear_faults()
        await chain.until_whole(short_film)
        await chain.until_all_ready()
    assert whole >= PIECES - 2, "another worker gets over it"
