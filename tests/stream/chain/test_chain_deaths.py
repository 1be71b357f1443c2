"""Telegram ends the session of whoever reads, wherever in a film that is: its viewer gets the rest from others."""

import asyncio
import time

import pytest
from byte_chain import EDGE_AVOIDS_SECONDS, ByteChain
from worker_stack import GETFILE, SampleFile

from streamvault_common.keys import MIB

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]
ANSWER_TIMEOUT_SECONDS = "20"
"""A death that is told after its request was given up is heard by nobody."""
DEATHS = ("AUTH_KEY_UNREGISTERED", "AUTH_KEY_DUPLICATED", "USER_DEACTIVATED")


@pytest.mark.parametrize("death", DEATHS)
async def test_an_account_that_ends_at_any_piece_is_not_seen(
    chain: ByteChain, short_film: SampleFile, death: str
) -> None:
    for piece in range(10):
        chain.empty_cache()
        chain.sandbox.fault(
            kind="error", error=death, method=GETFILE, count=1, offset_from=piece * MIB, offset_below=(piece + 1) * MIB
        )
        assert await chain.read_whole(short_film), f"piece {piece}"
        seen_at = time.monotonic()
        dead = await chain.until_dead()
        assert await chain.read_whole(short_film), f"what was stored around piece {piece}"
        await chain.sign_in_anew(dead)
        await chain.until_all_ready()
        await asyncio.sleep(seen_at + EDGE_AVOIDS_SECONDS - time.monotonic())  # never three at once
    assert not [line for worker in chain.workers.values() for line in worker.said("FileSession.handle_packet")]


async def test_a_film_survives_the_end_of_all_accounts_but_one(chain: ByteChain, film: SampleFile) -> None:
    """In the middle of it, one after another."""
    for number, account in enumerate(list(chain.workers)[:-1], 1):
        chain.sandbox.fault(kind="error", error=DEATHS[0], method=GETFILE, account=account, skip=2 * number, count=1)
    answer = await chain.read(film)
    assert (answer.status_code, answer.content) == (200, film.content)
