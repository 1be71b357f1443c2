"""The status of a WorkerSession, and the event that a transition is worth: two writes in all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamvault_common.keys import pod_name
from streamvault_common.models import SessionPhase, WorkerState

from .conditions import Condition, Truth, find, merge, timestamp
from .observation import (
    Observed,
    dead,
    drain_overdue,
    escalated,
    heartbeat_lost,
    leased,
    must_rest,
    report_age,
    resting_until,
    revision,
    serving,
)
from .session import Action, Plan

HEARTBEAT_STATUS_SECONDS = 300
"""How old `lastHeartbeatTime` may get: live data is in Redis, a status write costs a row of the API server."""


@dataclass(frozen=True)
class Notice:
    """An Event to post on the object."""

    reason: str
    message: str
    warning: bool = False


def render_status(seen: Observed, plan: Plan) -> dict[str, Any]:
    """The whole `status`; equal input gives equal output, so that an unchanged one is not written."""
    session, status = seen.session, seen.session.status
    conditions = merge(
        status.conditions,
        (_ready(plan), _authorized(seen), _throttled(seen, plan), _drained(seen, plan), _stalled(plan)),
        generation=session.metadata.generation,
        now=seen.now,
    )
    holds_pod = _holds_pod(seen, plan)
    rendered: dict[str, Any] = {
        "observedGeneration": session.metadata.generation,
        "phase": plan.phase.value,
        "conditions": [condition.manifest() for condition in conditions],
        "podName": pod_name(session.metadata.name) if holds_pod else None,
        "podSpecHash": seen.pod.spec_hash if seen.pod and holds_pod else None,
        "activeSince": _active_since(seen, plan),
        "coolingUntil": _cooling_until(seen, plan),
        "restingUntil": _resting_until(seen, plan),
        "floodWaits": _flood_waits(seen),
        "accountHash": (seen.report.account if seen.report else "") or status.account_hash,
        "secretRevision": revision(seen) if _judged(seen) else status.secret_revision,
        "lastHeartbeatTime": _heartbeat_time(seen),
    }
    return {name: value for name, value in rendered.items() if value is not None}


def notice(seen: Observed, plan: Plan) -> Notice | None:
    """The Event for what changed between the written status and the plan: one, as each is a write of its own."""
    found = [*_told_of_floods(seen, plan), *_told_of_phase(seen, plan), *_told_of_conditions(seen, plan)]
    if not found:
        return None
    messages = dict.fromkeys(one.message for one in found if one.message)
    return Notice(found[0].reason, "; ".join(messages), warning=any(one.warning for one in found))


def _told_of_floods(seen: Observed, plan: Plan) -> Iterator[Notice]:
    before = find(seen.session.status.conditions, "Throttled")
    if escalated(seen) and not (before and before.reason == "FloodEscalated"):
        yield Notice("FloodEscalated", _throttled(seen, plan).message, warning=True)


def _told_of_phase(seen: Observed, plan: Plan) -> Iterator[Notice]:
    before = seen.session.status
    if plan.phase is not before.phase and plan.phase in _PHASE_NOTICES:
        reason, message, warning = _PHASE_NOTICES[plan.phase]
        if before.phase is SessionPhase.COOLING and plan.phase is SessionPhase.ACTIVE:
            reason = "FloodWaitEnded"
        yield Notice(reason, message or plan.ready[2], warning)
    if plan.action is Action.CREATE:
        yield Notice("PodCreated", f"created pod {pod_name(seen.session.metadata.name)}")
    if plan.row == "silent for good":
        yield Notice("WorkerReplaced", "the worker was silent for too long", warning=True)


def _told_of_conditions(seen: Observed, plan: Plan) -> Iterator[Notice]:
    before = seen.session.status.conditions
    old_ready, old_stalled = find(before, "Ready"), find(before, "Stalled")
    if plan.ready[1] in {"SecretMissing", "HeartbeatLost"} and (not old_ready or old_ready.reason != plan.ready[1]):
        yield Notice(plan.ready[1], plan.ready[2], warning=True)
    if plan.stalled and not (old_stalled and old_stalled.reason == plan.stalled[0]):
        yield Notice(plan.stalled[0], plan.stalled[1], warning=True)


_PHASE_NOTICES: dict[SessionPhase, tuple[str, str, bool]] = {
    SessionPhase.ACTIVE: ("SessionActivated", "the worker serves", False),
    SessionPhase.COOLING: ("FloodWaitStarted", "", True),
    SessionPhase.DRAINING: ("SessionDraining", "", False),
    SessionPhase.RESTING: ("SessionRested", "", False),
    SessionPhase.BANNED: ("SessionBanned", "", True),
}


def _holds_pod(seen: Observed, plan: Plan) -> bool:
    """Whether a pod uses the session, may do so, or will in a moment: written before it is made."""
    return plan.action is Action.CREATE or seen.pod is not None or leased(seen)


def _judged(seen: Observed) -> bool:
    return dead(seen) or _accepted(seen)


def _accepted(seen: Observed) -> bool:
    """Whether Telegram accepted the session string of this revision, by the worker's word."""
    report = seen.report
    if report is None or not serving(seen) or report.revision != revision(seen):
        return False
    return report.state is not WorkerState.STARTING


def _ready(plan: Plan) -> Condition:
    status, reason, message = plan.ready
    return Condition(type="Ready", status=status, reason=reason, message=message)


def _authorized(seen: Observed) -> Condition:
    before = find(seen.session.status.conditions, "Authorized")
    if seen.verdict is not None and seen.verdict.revision == revision(seen):
        return Condition(
            type="Authorized", status=Truth.FALSE, reason=seen.verdict.reason.value, message=seen.verdict.message
        )
    if _accepted(seen):
        return Condition(type="Authorized", status=Truth.TRUE, reason="SessionValid")
    if before is not None and (seen.session.status.secret_revision or "") == revision(seen):
        return before
    return Condition(type="Authorized", status=Truth.UNKNOWN, reason="NotChecked")


def _throttled(seen: Observed, plan: Plan) -> Condition:
    cooling_until, rests_until = _cooling_until(seen, plan), seen.floods.resting_until
    if escalated(seen) and rests_until is not None:
        limit = seen.session.spec.cooldown.max_consecutive
        message = f"{limit} ordered waits in a row; rests until {timestamp(rests_until)}"
        return Condition(type="Throttled", status=Truth.TRUE, reason="FloodEscalated", message=message)
    if cooling_until:
        return Condition(type="Throttled", status=Truth.TRUE, reason="FloodWait", message=f"until {cooling_until}")
    return Condition(type="Throttled", status=Truth.FALSE, reason="NoFloodWait")


def _drained(seen: Observed, plan: Plan) -> Condition:
    before = find(seen.session.status.conditions, "Drained")
    if plan.phase is SessionPhase.DRAINING and plan.action is Action.DELETE:
        reason = "DrainTimeout" if drain_overdue(seen) else "NoInFlight"
        return Condition(type="Drained", status=Truth.TRUE, reason=reason)
    if plan.phase in {SessionPhase.DRAINING, SessionPhase.RESTING} and before and before.status is Truth.TRUE:
        return before
    if plan.phase is SessionPhase.DRAINING:
        return Condition(type="Drained", status=Truth.FALSE, reason="InFlightStreams")
    if plan.phase is SessionPhase.RESTING and before and before.status is Truth.FALSE:
        return Condition(type="Drained", status=Truth.TRUE, reason="NoInFlight")
    return Condition(type="Drained", status=Truth.UNKNOWN, reason="NotDraining")


def _stalled(plan: Plan) -> Condition:
    if plan.stalled:
        return Condition(type="Stalled", status=Truth.TRUE, reason=plan.stalled[0], message=plan.stalled[1])
    return Condition(type="Stalled", status=Truth.FALSE, reason="Progressing")


def _active_since(seen: Observed, plan: Plan) -> str | None:
    """Cooling down does not interrupt the time in service."""
    in_service, before = {SessionPhase.ACTIVE, SessionPhase.COOLING}, seen.session.status
    if plan.phase not in in_service:
        return None
    if before.phase in in_service and before.active_since:
        return timestamp(before.active_since)
    return timestamp(seen.now) if plan.phase is SessionPhase.ACTIVE else None


def _cooling_until(seen: Observed, plan: Plan) -> str | None:
    until = seen.floods.cooling_until
    return timestamp(until) if until and (until > seen.now or plan.phase is SessionPhase.COOLING) else None


def _resting_until(seen: Observed, plan: Plan) -> str | None:
    """Kept after its end while the session waits for its turn: the one that has rested longest goes first."""
    until = resting_until(seen)
    return timestamp(until) if until and (must_rest(seen) or plan.phase is SessionPhase.RESTING) else None


def _flood_waits(seen: Observed) -> dict[str, Any] | None:
    floods = seen.floods
    if floods.last_time is None:
        return None
    return {
        "consecutive": floods.consecutive,
        "total": floods.total,
        "lastSeconds": floods.last_seconds,
        "lastTime": timestamp(floods.last_time),
    }


def _heartbeat_time(seen: Observed) -> str | None:
    written = seen.session.status.last_heartbeat_time
    if seen.report is None or heartbeat_lost(seen):
        return timestamp(written) if written else None
    spoke_at = seen.now.timestamp() - report_age(seen)
    if written is not None and spoke_at - written.timestamp() < HEARTBEAT_STATUS_SECONDS:
        return timestamp(written)
    return timestamp(datetime.fromtimestamp(spoke_at, UTC))
