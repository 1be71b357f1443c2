"""How many late pieces a worker may ask other accounts for."""

from streamvault_worker.stream.hedge import MOST_SAVED, PIECES_PER_HEDGE, HedgeBudget

MOST_CALLS_PER_PIECE = 1.02


def hedges(budget: HedgeBudget, late: list[bool]) -> int:
    """How many hedges a worker makes whose pieces are late or not, one after the other."""
    made = 0
    for one in late:
        budget.earn()
        made += one and budget.spend()
    return made


def test_what_is_late_now_and_then_is_always_asked_for_twice() -> None:
    late = [number % PIECES_PER_HEDGE == 0 for number in range(1, 20 * PIECES_PER_HEDGE + 1)]
    assert hedges(HedgeBudget(), late) == sum(late)


def test_calls_stay_within_their_bound_however_many_pieces_are_late() -> None:
    pieces = 20 * PIECES_PER_HEDGE
    for late in ([True] * pieces, [number % 20 == 0 for number in range(pieces)]):
        assert pieces + hedges(HedgeBudget(), late) <= MOST_CALLS_PER_PIECE * pieces


def test_a_worker_that_has_just_started_has_nothing_to_spend() -> None:
    assert not HedgeBudget().spend()
    assert hedges(HedgeBudget(), [True] * (PIECES_PER_HEDGE - 1)) == 0


def test_a_long_good_time_pays_for_a_few_late_pieces_in_a_row() -> None:
    budget = HedgeBudget()
    assert hedges(budget, [False] * 100 * PIECES_PER_HEDGE) == 0
    assert hedges(budget, [True] * (PIECES_PER_HEDGE - 1)) == MOST_SAVED
