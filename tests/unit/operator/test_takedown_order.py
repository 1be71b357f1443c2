"""The order of a takedown's steps, when each is tried again, and what is shown meanwhile."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from titles import NOW

from streamvault_operator.domain.conditions import Condition
from streamvault_operator.domain.resources import TakedownStatus
from streamvault_operator.domain.takedown import (
    Counts,
    Done,
    Outcome,
    Stage,
    Unfinished,
    advance,
    backoff_seconds,
    begin,
    complete,
    conditions,
    credit,
    due,
    manifest,
    ordered,
    overdue,
    seconds_until_due,
    step,
)
from streamvault_operator.steps.registry import STEPS

BY_NAME = {one.name: one for one in STEPS}
COPIES = {"cache", "source", "mirrors"}
BUSY = Unfinished("Unreachable", "nobody answers")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def started() -> TakedownStatus:
    return begin(TakedownStatus(), NOW)


def tried(status: TakedownStatus, *outcomes: tuple[str, Outcome], at: float = 0, chance: float = 0) -> TakedownStatus:
    for name, outcome in outcomes:
        status = advance(status, BY_NAME[name], outcome, after(at), chance)
    return status


def shown(status: TakedownStatus, at: float = 0) -> dict[str, str]:
    return {one.type: f"{one.status}/{one.reason}" for one in conditions(status, STEPS, after(at))}


def condition(status: TakedownStatus, kind: str) -> Condition:
    return next(one for one in conditions(status, STEPS, NOW) if one.type == kind)


@pytest.mark.parametrize(
    ("done", "next_steps"),
    [
        ([], {"withdraw"}),
        (["withdraw"], COPIES),
        (["withdraw", "source"], {"cache", "mirrors"}),
        (["withdraw", "source", "mirrors"], {"cache"}),
        (["withdraw", *sorted(COPIES)], {"database"}),
        (list(BY_NAME), set()),
    ],
)
def test_a_stage_starts_when_the_ones_before_are_verified(done: list[str], next_steps: set[str]) -> None:
    status = tried(started(), *((name, Done()) for name in done))
    assert set(due(status, STEPS, NOW)) == next_steps
    assert (seconds_until_due(status, STEPS, NOW) is None) == (not next_steps)


def test_a_hindered_step_holds_up_the_next_stage_but_not_its_neighbours() -> None:
    status = tried(started(), ("withdraw", Done()), ("source", BUSY))
    assert set(due(status, STEPS, NOW)) == {"cache", "mirrors"}
    status = tried(status, ("cache", Done()), ("mirrors", Done()))
    assert due(status, STEPS, NOW) == []
    assert seconds_until_due(status, STEPS, NOW) == 5
    assert due(status, STEPS, after(5)) == ["source"]


@pytest.mark.parametrize(
    ("step_name", "attempts", "seconds"),
    [
        ("source", 1, 5),
        ("source", 2, 10),
        ("source", 5, 80),
        ("source", 8, 640),
        ("source", 9, 900),
        ("source", 100_000, 900),
        ("withdraw", 3, 20),
        ("withdraw", 50, 30),
    ],
)
def test_the_pauses_double_up_to_a_limit(step_name: str, attempts: int, seconds: float) -> None:
    assert backoff_seconds(BY_NAME[step_name], attempts, chance=0) == seconds
    assert backoff_seconds(BY_NAME[step_name], attempts, chance=1) == pytest.approx(seconds * 1.2)


@pytest.mark.parametrize("seconds", [1, 212, 86_400])
def test_a_wait_that_telegram_ordered_is_kept_to_the_second_and_never_cut_short(seconds: float) -> None:
    order = Unfinished("FloodWait", f"Telegram ordered a wait of {seconds} s", after_seconds=seconds)
    for late in (0.0, 0.4):
        known = step(tried(started(), ("source", order), at=late, chance=1), "source")
        assert known.next_attempt_at is not None
        assert 0 <= (known.next_attempt_at - after(late)).total_seconds() - seconds < 1


def test_nothing_ends_the_attempts() -> None:
    status = started()
    for number in range(200):
        status = tried(status, ("withdraw", BUSY), at=number * 1000)
        assert seconds_until_due(status, STEPS, after(number * 1000)) is not None
    assert step(status, "withdraw").attempts == 200
    assert step(status, "withdraw").first_attempt_at == NOW


def test_counts_add_up_over_attempts() -> None:
    first = Unfinished("StillPresent", "24 messages", Counts(found=64, removed=40, remaining=24))
    status = tried(started(), ("source", first))
    assert condition(status, "SourcePurged").message == "24 messages; attempt 1, next at 13:00:05Z; 40 of 64 gone"
    status = tried(status, ("source", Done(Counts(found=24, removed=24))), at=5)
    known = step(status, "source")
    assert (known.found, known.removed, known.remaining, known.attempts) == (64, 64, 0, 2)
    assert condition(status, "SourcePurged").message == "64 messages deleted, none is left"


def test_the_conditions_tell_what_is_done_what_hinders_and_what_was_not_begun() -> None:
    flood = Unfinished("FloodWait", "Telegram ordered a wait of 212 s", after_seconds=212)
    status = tried(
        started(), ("withdraw", Done(Counts(found=3))), ("source", flood), ("mirrors", Done(requested=False))
    )
    assert shown(status) == {
        "Withdrawn": "True/Verified",
        "CachePurged": "Unknown/NotStarted",
        "SourcePurged": "False/FloodWait",
        "MirrorsPurged": "True/NotRequested",
        "DatabasePurged": "Unknown/NotStarted",
        "TakedownComplete": "False/StepsPending",
        "Stalled": "False/Progressing",
    }
    assert condition(status, "TakedownComplete").message == "not verified yet: cache, source"


def test_a_takedown_is_complete_only_when_every_step_is() -> None:
    status = started()
    for name in BY_NAME:
        assert complete(status, STEPS, NOW) is status
        status = tried(status, (name, Done()))
    status = complete(status, STEPS, after(90))
    assert status.completed_at == after(90)
    assert shown(status)["TakedownComplete"] == "True/AllStepsVerified"
    assert complete(status, STEPS, after(500)) is status


def test_after_a_day_a_human_is_asked_and_the_attempts_go_on() -> None:
    status = tried(started(), ("withdraw", BUSY))
    day = 24 * 3600
    assert not overdue(status, after(day - 1))
    assert overdue(status, after(day))
    assert shown(status, at=day)["Stalled"] == "True/TakedownOverdue"
    assert due(status, STEPS, after(day)) == ["withdraw"]


def test_what_was_written_is_read_back_after_a_restart() -> None:
    status = tried(started(), ("withdraw", Done(Counts(found=3))), ("source", BUSY))
    status = status.model_copy(update={"audit_id": "a" * 32})
    again = TakedownStatus.model_validate(manifest(status))
    assert again == status
    assert set(manifest(status)) == {"auditID", "startedAt", "withdrawnAt", "steps"}


def test_a_deletion_that_becomes_a_takedown_does_all_but_the_withdrawal_again_and_goes_on_record_again() -> None:
    status = ordered(started(), STEPS, "Deleted").model_copy(update={"audit_id": "a" * 32})
    for name in BY_NAME:
        status = tried(status, (name, Done(Counts(removed=2))))
    status = complete(status, STEPS, NOW)
    again = ordered(status, STEPS, "TakenDown")
    assert (again.cause, again.audit_id, again.completed_at) == ("TakenDown", "", None)
    assert set(due(again, STEPS, NOW)) == COPIES
    assert step(again, "source").removed == 2, "what was done stays counted"
    assert step(again, "withdraw").completed_at == NOW
    assert ordered(again, STEPS, "TakenDown") is again


def test_what_another_step_did_already_counts_without_being_an_attempt() -> None:
    status = credit(started(), "cache", Counts(found=212, removed=212))
    assert due(status, STEPS, NOW) == ["withdraw"]
    assert shown(status)["CachePurged"] == "Unknown/NotStarted"
    status = tried(status, ("withdraw", Done()), ("cache", Done()))
    assert condition(status, "CachePurged").message == "212 slices removed, none is left"
    assert credit(status, "cache", Counts()) is status


@dataclass(frozen=True)
class FurtherStep:
    """A step that a later part brings."""

    name: str = "history"
    stage: Stage = Stage.COPIES
    condition: str = "HistoryPurged"
    evidence: str = "{removed} entries removed"
    longest_backoff_seconds: float = 900


def test_a_further_step_joins_its_stage_and_shows_itself() -> None:
    plans = (*STEPS, FurtherStep())
    status = tried(started(), ("withdraw", Done()), *((name, Done()) for name in COPIES))
    assert due(status, plans, NOW) == ["history"]
    status = advance(status, FurtherStep(), Done(Counts(removed=7)), NOW, 0)
    assert due(status, plans, NOW) == ["database"]
    told = next(one for one in conditions(status, plans, NOW) if one.type == "HistoryPurged")
    assert told.message == "7 entries removed"
