"""Requests to Telegram take turns: fairly, urgent ones first, fewer at once while Telegram is slow."""

import asyncio
from contextlib import AsyncExitStack

from streamvault_worker.stream.turns import FEWEST, REMEMBERED, Claim, Share, Turns


class Asking:
    """Streams that ask through one Turns; records who was let through."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, name: str, share: Share, numbers: range, *, ahead: bool = False) -> None:
        for number in numbers:
            self.tasks.append(asyncio.create_task(self._ask(name, Claim(share, number, ahead))))

    async def _ask(self, name: str, claim: Claim) -> None:
        async with self.turns.turn(claim):
            self.order.append(name)
            await asyncio.sleep(0)


async def occupied(turns: Turns) -> AsyncExitStack:
    """Take the only turn, so that everybody who comes next must wait."""
    stack = AsyncExitStack()
    await stack.enter_async_context(turns.turn(Claim(turns.new_share(), 0)))
    return stack


async def test_streams_get_equal_shares_however_much_they_ask_for() -> None:
    turns = Turns(1)
    asking = Asking(turns)
    async with await occupied(turns):
        asking.ask("greedy", turns.new_share(), range(1, 31))
        asking.ask("modest", turns.new_share(), range(1, 6))
        await asyncio.sleep(0)
    await asyncio.gather(*asking.tasks)
    assert abs(asking.order[:10].count("greedy") - 5) <= 1


async def test_a_newcomer_is_neither_owed_the_past_nor_made_to_pay_for_it() -> None:
    turns = Turns(1)
    asking = Asking(turns)
    old = turns.new_share()
    asking.ask("old", old, range(1, 41))
    await asyncio.gather(*asking.tasks)
    async with await occupied(turns):
        asking.ask("old", old, range(41, 61))
        asking.ask("new", turns.new_share(), range(1, 21))
        await asyncio.sleep(0)
    await asyncio.gather(*asking.tasks)
    assert 3 <= asking.order[40:50].count("new") <= 7


async def test_what_a_viewer_waits_for_goes_first_and_read_ahead_last() -> None:
    turns = Turns(1)
    asking = Asking(turns)
    busy, seeking = turns.new_share(), turns.new_share()
    async with await occupied(turns):
        asking.ask("ahead", busy, range(8, 12), ahead=True)
        asking.ask("window", busy, range(1, 8))
        asking.ask("head", seeking, range(1))
        await asyncio.sleep(0)
    await asyncio.gather(*asking.tasks)
    assert asking.order == ["head", *["window"] * 7, *["ahead"] * 4]


async def test_leaving_the_queue_or_a_granted_turn_loses_no_turn() -> None:
    turns = Turns(2)
    share = turns.new_share()
    async with AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(turns.turn(Claim(share, 0)))
        waiting = [asyncio.create_task(Asking(turns)._ask("x", Claim(share, 1))) for _ in range(4)]
        await asyncio.sleep(0)
        for task in waiting[:2]:
            task.cancel()
    for task in waiting[2:]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert turns.under_way == 0
    async with asyncio.timeout(60), turns.turn(Claim(share, 2)), turns.turn(Claim(share, 3)):
        assert turns.under_way == 2


def settled(turns: Turns, answer_seconds: float, line_per_second: float) -> float:
    """The limit after many answers of a line that gives so many pieces a second; its queue grows with the limit."""
    for _ in range(4000):
        turns.answered(max(answer_seconds, turns.limit / line_per_second))
    return turns.limit


def test_a_narrow_line_gets_no_long_queue_and_stays_busy() -> None:
    turns = Turns(16, clock=lambda: 0.0)
    turns.answered(0.2)
    limit = settled(turns, 0.2, line_per_second=10)
    assert 2 < limit < 10, "two pieces keep this line busy"


def test_every_connection_is_kept_at_work_when_the_line_becomes_slow_for_good() -> None:
    turns = Turns(16, busy=8, clock=lambda: 0.0)
    settled(turns, 0.01, line_per_second=1000)
    assert settled(turns, 0.2, line_per_second=20) == 8
    turns.troubled()
    assert turns.limit == 4
    assert settled(turns, 0.2, line_per_second=20) >= 8


def test_a_long_fast_line_gets_all_that_is_allowed() -> None:
    turns = Turns(16, clock=lambda: 0.0)
    assert settled(turns, 0.06, line_per_second=1000) == 16


def test_trouble_halves_the_requests_and_calm_brings_them_back() -> None:
    now = [0.0]
    turns = Turns(16, clock=lambda: now[0])
    turns.troubled()
    turns.troubled()
    assert turns.limit == 8, "what goes wrong together counts once"
    for _ in range(10):
        now[0] += 2
        turns.troubled()
    assert turns.limit == FEWEST
    assert settled(turns, 0.06, line_per_second=1000) == 16


def test_slow_is_what_nineteen_of_twenty_answers_are_not() -> None:
    turns = Turns(16)
    assert turns.slow_seconds() == float("inf")
    for number in range(REMEMBERED):
        turns.answered(5.0 if number % 25 == 0 else 0.1)
    assert turns.slow_seconds() == 0.1
