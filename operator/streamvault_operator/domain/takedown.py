"""Which steps a takedown owes, in which order, and when each is tried again; pure, clock and chance are arguments.

A step is tried until it is verified: nothing here gives up. What it reached is kept in `status.takedown`, so that a
restarted operator goes on where the last one stopped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Protocol

from .conditions import Condition, Truth, timestamp
from .resources import StepStatus, TakedownStatus

FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 900.0
JITTER = 0.2
OVERDUE = timedelta(hours=24)
IN_PROGRESS = "InProgress"
"""Reason of a step that is not hindered, only not finished yet."""


class Stage(IntEnum):
    """Steps of one stage run side by side; a stage starts when all steps of the stages before are verified."""

    AIR = 1
    """First off the air, else the caches fill again."""
    COPIES = 2
    RECORDS = 3
    """Last, because the records hold the ids that the others need."""


class Plan(Protocol):
    """What the order of steps needs to know of one."""

    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def condition(self) -> str:
        """Type of the condition that shows the step."""

    @property
    def evidence(self) -> str:
        """Message of the condition once the step is verified; a format with `found` and `removed`."""

    @property
    def longest_backoff_seconds(self) -> float: ...


@dataclass(frozen=True)
class Counts:
    """What one attempt saw and did."""

    found: int = 0
    removed: int = 0
    remaining: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.found + other.found, self.removed + other.removed, self.remaining + other.remaining)


@dataclass(frozen=True)
class Done:
    """Verified by reading back; or nobody `requested` the step."""

    counts: Counts = Counts()
    requested: bool = True


@dataclass(frozen=True)
class Unfinished:
    """Try again: after exactly `after_seconds`, or by the step's backoff."""

    reason: str
    message: str
    counts: Counts = Counts()
    after_seconds: float | None = None


Outcome = Done | Unfinished


def step(status: TakedownStatus, name: str) -> StepStatus:
    """The state of one step."""
    return next((known for known in status.steps if known.name == name), StepStatus(name=name))


def begin(status: TakedownStatus, now: datetime) -> TakedownStatus:
    """The state of a takedown that has started at the latest now."""
    return status if status.started_at else status.model_copy(update={"started_at": now})


def ordered(status: TakedownStatus, plans: Sequence[Plan], cause: str) -> TakedownStatus:
    """The state under the order as it is now; `cause` is `Deleted` or `TakenDown`.

    A takedown of a title that is being deleted asks for more than the deletion did (the deny list, shared messages), so
    whatever the deletion has reached after the withdrawal is looked at again, and the request goes on record.
    """
    if status.cause == cause:
        return status
    if status.cause != "Deleted":
        return status.model_copy(update={"cause": cause})
    later = {plan.name for plan in plans if plan.stage is not Stage.AIR}
    again = {"completed_at": None, "next_attempt_at": None, "reason": ""}
    steps = tuple(known.model_copy(update=again) if known.name in later else known for known in status.steps)
    return status.model_copy(update={"cause": cause, "audit_id": "", "completed_at": None, "steps": steps})


def due(status: TakedownStatus, plans: Sequence[Plan], now: datetime) -> list[str]:
    """Names of the steps to try now."""
    return [
        known.name for known in _open(status, plans) if known.next_attempt_at is None or known.next_attempt_at <= now
    ]


def seconds_until_due(status: TakedownStatus, plans: Sequence[Plan], now: datetime) -> float | None:
    """When some step is due; None when there is none left."""
    waits = [
        0.0 if known.next_attempt_at is None else max(0.0, (known.next_attempt_at - now).total_seconds())
        for known in _open(status, plans)
    ]
    return min(waits, default=None)


def advance(status: TakedownStatus, plan: Plan, outcome: Outcome, now: datetime, chance: float) -> TakedownStatus:
    """The state after one attempt of a step; `chance` (0..1) spreads the next one."""
    before = step(status, plan.name)
    counts = outcome.counts
    removed = before.removed + counts.removed
    after = before.model_copy(
        update={
            "attempts": before.attempts + 1,
            "first_attempt_at": before.first_attempt_at or now,
            "found": max(before.found, counts.found, removed + counts.remaining),
            "removed": removed,
            "remaining": counts.remaining,
            **_verdict(plan, before, outcome, now, chance),
        }
    )
    steps = tuple(after if known.name == plan.name else known for known in status.steps)
    if after not in steps:
        steps = (*steps, after)
    changed = status.model_copy(update={"steps": steps})
    if plan.stage is Stage.AIR and isinstance(outcome, Done):
        return changed.model_copy(update={"withdrawn_at": now})
    return changed


def credit(status: TakedownStatus, name: str, counts: Counts) -> TakedownStatus:
    """The state after another step did a part of this one's work; that is no attempt of it."""
    if not counts.found:
        return status
    before = step(status, name)
    removed = before.removed + counts.removed
    found = max(before.found, removed + counts.remaining)
    after = before.model_copy(update={"found": found, "removed": removed, "remaining": counts.remaining})
    others = tuple(known for known in status.steps if known.name != name)
    return status.model_copy(update={"steps": (*others, after)})


def complete(status: TakedownStatus, plans: Sequence[Plan], now: datetime) -> TakedownStatus:
    """The state with its end noted, when every step is verified."""
    if status.completed_at is None and not _open(status, plans):
        return status.model_copy(update={"completed_at": now})
    return status


def backoff_seconds(plan: Plan, attempts: int, chance: float) -> float:
    """How long to wait after the attempt number `attempts` (from 1) of a step."""
    exponent = min(attempts - 1, 32)
    return float(min(FIRST_BACKOFF_SECONDS * 2**exponent, plan.longest_backoff_seconds) * (1 + JITTER * chance))


def overdue(status: TakedownStatus, now: datetime) -> bool:
    """Whether the takedown needs a human."""
    return status.completed_at is None and status.started_at is not None and now - status.started_at >= OVERDUE


def conditions(status: TakedownStatus, plans: Sequence[Plan], now: datetime) -> list[Condition]:
    """What the conditions say of a takedown that was asked for."""
    shown = [_condition(plan, step(status, plan.name)) for plan in plans]
    if status.completed_at is not None:
        shown.append(Condition(type="TakedownComplete", status=Truth.TRUE, reason="AllStepsVerified"))
    else:
        waiting = ", ".join(known.name for known in _open(status, plans))
        message = f"not verified yet: {waiting}"
        shown.append(Condition(type="TakedownComplete", status=Truth.FALSE, reason="StepsPending", message=message))
    if overdue(status, now):
        shown.append(
            Condition(
                type="Stalled",
                status=Truth.TRUE,
                reason="TakedownOverdue",
                message="not complete after 24 h; it goes on, but somebody has to look at the steps that are not True",
            )
        )
    else:
        shown.append(Condition(type="Stalled", status=Truth.FALSE, reason="Progressing"))
    return shown


def manifest(status: TakedownStatus) -> dict[str, Any]:
    """`status.takedown` as the API server wants it; what is not known is left out."""
    written = {
        "auditID": status.audit_id,
        "cause": status.cause,
        "startedAt": _moment(status.started_at),
        "withdrawnAt": _moment(status.withdrawn_at),
        "completedAt": _moment(status.completed_at),
        "steps": [_step_manifest(known) for known in status.steps],
    }
    return {name: value for name, value in written.items() if value not in ("", None, [])}


def evidence(plan: Plan, known: StepStatus) -> str:
    """What a verified step has to show."""
    if known.reason == "NotRequested":
        return "not requested"
    return plan.evidence.format(found=known.found, removed=known.removed)


def _open(status: TakedownStatus, plans: Sequence[Plan]) -> list[StepStatus]:
    """Steps of the earliest stage that is not verified."""
    if status.completed_at is not None:
        return []
    for stage in sorted({plan.stage for plan in plans}):
        known = [step(status, plan.name) for plan in plans if plan.stage is stage]
        unfinished = [one for one in known if one.completed_at is None]
        if unfinished:
            return unfinished
    return []


def _verdict(plan: Plan, before: StepStatus, outcome: Outcome, now: datetime, chance: float) -> dict[str, object]:
    if isinstance(outcome, Done):
        reason = "Verified" if outcome.requested else "NotRequested"
        return {"reason": reason, "last_error": "", "completed_at": now, "next_attempt_at": None}
    wait = outcome.after_seconds
    if wait is None:
        wait = backoff_seconds(plan, before.attempts + 1, chance)
    at = now + timedelta(seconds=wait)
    # status holds whole seconds, and a wait that Telegram ordered is never cut short
    return {
        "reason": outcome.reason,
        "last_error": outcome.message[:1024],
        "next_attempt_at": at.replace(microsecond=0) + timedelta(seconds=math.ceil(at.microsecond / 1e6)),
    }


def _condition(plan: Plan, known: StepStatus) -> Condition:
    if known.completed_at is not None:
        return Condition(type=plan.condition, status=Truth.TRUE, reason=known.reason, message=evidence(plan, known))
    if not known.attempts:
        return Condition(type=plan.condition, status=Truth.UNKNOWN, reason="NotStarted")
    again = known.next_attempt_at.strftime("%H:%M:%SZ") if known.next_attempt_at else "once"
    gone = f"; {known.removed} of {known.found} gone" if known.found else ""
    message = f"{known.last_error}; attempt {known.attempts}, next at {again}{gone}"
    return Condition(type=plan.condition, status=Truth.FALSE, reason=known.reason, message=message)


def _step_manifest(known: StepStatus) -> dict[str, Any]:
    moments = {
        "firstAttemptAt": _moment(known.first_attempt_at),
        "nextAttemptAt": _moment(known.next_attempt_at),
        "completedAt": _moment(known.completed_at),
        "reason": known.reason,
        "lastError": known.last_error,
    }
    counts = {"found": known.found, "removed": known.removed, "remaining": known.remaining}
    told = {name: value for name, value in moments.items() if value not in ("", None)}
    return {"name": known.name, "attempts": known.attempts, **told, **counts}


def _moment(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None
