"""What to do with one WorkerSession: a table whose first matching row decides.

A session string used from two places is destroyed by Telegram (AUTH_KEY_DUPLICATED), so every row works on the one pod
that has the session's name: it is created only when no object of that name exists, and a string that Telegram refused
is never tried again before a human changes `sessionSecretRef.revision`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from streamvault_common.keys import HEARTBEAT_TTL_SECONDS
from streamvault_common.models import DesiredState, SessionPhase

from .conditions import Truth, find, timestamp
from .observation import (
    Observed,
    cooling,
    dead,
    dismissed,
    drained,
    draining,
    escalated,
    foreign,
    has_pod,
    heartbeat_lost,
    leased,
    lost_for_good,
    mislabelled,
    must_rest,
    outdated,
    ready,
    resting_until,
    secret_in_use,
    serving,
    stuck,
    suspended,
    terminating,
    unwanted,
    was_active,
)
from .pods import CRASH_WAITING, IMAGE_WAITING, SECRET_WAITING

STEADY_SECONDS = 15.0
MOVING_SECONDS = 3.0
SHORTEST_SECONDS = 0.2


class Action(StrEnum):
    NONE = "none"
    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True)
class Plan:
    """What to do now; `ready` is the condition's status, reason and message; `release` lets a deleted object go.

    `relabel` gives a pod back the labels and annotations that it was made with.
    """

    phase: SessionPhase
    ready: tuple[Truth, str, str]
    action: Action = Action.NONE
    drain: bool = False
    release: bool = False
    relabel: bool = False
    stalled: tuple[str, str] | None = None
    soon: bool = False
    wake_seconds: float | None = None
    row: str = ""

    @property
    def again_seconds(self) -> float:
        """When to look again if nobody wakes us."""
        moving = self.soon or self.action is not Action.NONE
        moving = moving or self.phase in {SessionPhase.PENDING, SessionPhase.DRAINING}
        steady = MOVING_SECONDS if moving else STEADY_SECONDS
        return steady if self.wake_seconds is None else max(SHORTEST_SECONDS, min(steady, self.wake_seconds))


Row = tuple[str, Callable[[Observed], bool], Callable[[Observed], Plan]]


def decide(seen: Observed) -> Plan:
    """The plan of the first row that matches; total, because the last row always does."""
    name, _, make = next(row for row in TABLE if row[1](seen))
    plan = replace(make(seen), row=name)
    if seen.turn.exhausted and plan.stalled is None and name not in {"suspended", "dead session"}:
        pool = seen.session.spec.pool
        message = f"pool {pool} has fewer sessions that can serve than its minActive: add accounts or wait"
        plan = replace(plan, stalled=("PoolExhausted", message))
    relabel = mislabelled(seen) and plan.action is not Action.DELETE and name != "suspended"
    return replace(plan, soon=plan.soon or seen.turn.waits, relabel=relabel)


# ---- plans -----------------------------------------------------------------------------------------------------------


def stay(seen: Observed) -> Plan:
    return Plan(seen.session.status.phase, (Truth.FALSE, "Suspended", "spec.suspend is set: nothing is touched"))


def ban(seen: Observed) -> Plan:
    known = find(seen.session.status.conditions, "Authorized")
    why = f"{seen.verdict.reason}: {seen.verdict.message}" if seen.verdict else (known.message if known else "")
    remove = has_pod(seen) and not terminating(seen) and not foreign(seen)
    return Plan(
        SessionPhase.BANNED,
        (Truth.FALSE, "Banned", f"{why}; replace the Secret's content, then change sessionSecretRef.revision"),
        action=Action.DELETE if remove else Action.NONE,
        release=seen.session.metadata.deleting and (not has_pod(seen) or foreign(seen)) and not leased(seen),
    )


def rest(seen: Observed) -> Plan:
    retired = seen.session.metadata.deleting or seen.session.spec.desired_state is DesiredState.RETIRED
    reason, message, until = "Retired" if retired else "Resting", "no worker runs", resting_until(seen)
    if not dismissed(seen):
        message = f"rests until {timestamp(until)}" if until and must_rest(seen) else "rotation has not picked it"
    return Plan(
        SessionPhase.RESTING,
        (Truth.FALSE, reason, message),
        release=seen.session.metadata.deleting and not leased(seen),
        wake_seconds=_seconds_until(seen, until if must_rest(seen) else None),
        soon=seen.session.metadata.deleting,
    )


def _seconds_until(seen: Observed, moment: datetime | None) -> float | None:
    return (moment - seen.now).total_seconds() if moment is not None and moment > seen.now else None


def drain(seen: Observed) -> Plan:
    why = "too many ordered waits in a row: " if escalated(seen) else ""
    message = f"{why}viewers finish what they are reading"
    return Plan(SessionPhase.DRAINING, (Truth.FALSE, "Draining", message), drain=True)


def cool(seen: Observed) -> Plan:
    """The worker asks Telegram for nothing; its pod stays, and is not ready by its own will."""
    until = seen.floods.cooling_until
    message = "the server ordered a wait" + (f"; serves again after {timestamp(until)}" if until else "")
    return Plan(SessionPhase.COOLING, (Truth.FALSE, "FloodWait", message), wake_seconds=_seconds_until(seen, until))


def stop(_: Observed) -> Plan:
    return Plan(SessionPhase.DRAINING, (Truth.FALSE, "Draining", "stopping"), action=Action.DELETE, drain=True)


def vanish(seen: Observed) -> Plan:
    message = "the pod is terminating"
    return Plan(SessionPhase.DRAINING, (Truth.FALSE, "Draining", message), drain=True, stalled=_stuck(seen))


def create(_: Observed) -> Plan:
    return pending("the pod is being created", action=Action.CREATE)


def await_gone(seen: Observed) -> Plan:
    return replace(pending("an earlier pod of this name is still terminating"), stalled=_stuck(seen))


def _stuck(seen: Observed) -> tuple[str, str] | None:
    """A pod on a lost node may still run: only somebody who knows that the node is off may remove it."""
    if not stuck(seen) or seen.pod is None:
        return None
    return "PodTerminating", f"{seen.pod.name} does not end; if its node is off for good, delete the pod with --force"


def await_lease(_: Observed) -> Plan:
    return pending("the last worker may still run: its pod vanished before it said that it had stopped")


def await_secret(seen: Observed) -> Plan:
    message = f"pod {seen.secret_user} uses Secret {seen.session.spec.session_secret_ref.name}: one pod per session"
    return Plan(SessionPhase.PENDING, (Truth.FALSE, "SecretInUse", message), stalled=("SecretInUse", message))


def await_foreign(seen: Observed) -> Plan:
    message = f"pod {seen.pod.name if seen.pod else ''} belongs to something else; delete it"
    return Plan(SessionPhase.PENDING, (Truth.FALSE, "PodPending", message), stalled=("PodNameTaken", message))


def replace_pod(_: Observed) -> Plan:
    return pending("the pod is being replaced", action=Action.DELETE)


def pending(message: str, action: Action = Action.NONE) -> Plan:
    return Plan(SessionPhase.PENDING, (Truth.FALSE, "PodPending", message), action=action)


def start_up(seen: Observed) -> Plan:
    """A pod that has never served with this specification."""
    if ready(seen) and seen.reports_since is None:
        message = "the pod is ready; its heartbeat cannot be read because Redis does not answer"
        return Plan(SessionPhase.PENDING, (Truth.UNKNOWN, "HeartbeatLost", message))
    return _not_serving(seen, SessionPhase.PENDING)


def activate(_: Observed) -> Plan:
    return Plan(SessionPhase.ACTIVE, (Truth.TRUE, "Serving", ""))


def await_turn(_: Observed) -> Plan:
    return Plan(SessionPhase.ACTIVE, (Truth.TRUE, "Serving", ""), soon=True)


def silent(_: Observed) -> Plan:
    message = f"no heartbeat for more than {HEARTBEAT_TTL_SECONDS} s"
    return Plan(SessionPhase.ACTIVE, (Truth.UNKNOWN, "HeartbeatLost", message))


def unready(seen: Observed) -> Plan:
    return _not_serving(seen, SessionPhase.ACTIVE)


def _not_serving(seen: Observed, phase: SessionPhase) -> Plan:
    """Messages are stable texts: the kubelet's own change with every attempt, and each change costs a status write."""
    waiting = seen.pod.waiting if seen.pod else ""
    if waiting in SECRET_WAITING:
        message = (seen.pod.waiting_message if seen.pod else "") or waiting
        return Plan(phase, (Truth.FALSE, "SecretMissing", message))
    if waiting in IMAGE_WAITING:
        message = "the node cannot get the worker's image"
        return Plan(phase, (Truth.FALSE, "PodNotReady", message), stalled=("ImagePull", message))
    if waiting in CRASH_WAITING:
        message = f"the worker's container keeps failing: see kubectl logs {seen.pod.name if seen.pod else ''}"
        return Plan(phase, (Truth.FALSE, "PodNotReady", message), stalled=("CrashLoop", message))
    if seen.pod is not None and seen.pod.phase == "Running":
        return Plan(phase, (Truth.FALSE, "PodNotReady", "the worker is not ready"))
    return Plan(phase, (Truth.FALSE, "PodPending", waiting or "the pod is starting"))


# ---- the table -------------------------------------------------------------------------------------------------------

TABLE: tuple[Row, ...] = (
    ("suspended", suspended, stay),
    ("dead session", dead, ban),
    ("unwanted, no pod", lambda seen: unwanted(seen) and (not has_pod(seen) or foreign(seen)), rest),
    ("unwanted, pod going", lambda seen: unwanted(seen) and terminating(seen), vanish),
    ("unwanted, drained", lambda seen: unwanted(seen) and drained(seen), stop),
    ("unwanted, in use", unwanted, drain),
    ("no pod, cooling", lambda seen: not has_pod(seen) and cooling(seen), cool),
    ("no pod, still leased", lambda seen: not has_pod(seen) and leased(seen), await_lease),
    ("no pod, secret in use", lambda seen: not has_pod(seen) and secret_in_use(seen), await_secret),
    ("no pod", lambda seen: not has_pod(seen), create),
    ("pod going", terminating, await_gone),
    ("pod of another owner", foreign, await_foreign),
    ("pod finished", lambda seen: seen.pod is not None and seen.pod.finished, replace_pod),
    ("outdated, idle", lambda seen: outdated(seen) and drained(seen), replace_pod),
    ("outdated, in use", lambda seen: outdated(seen) and (draining(seen) or seen.may_roll), drain),
    ("cooling", cooling, cool),
    ("outdated, waits", lambda seen: outdated(seen) and was_active(seen) and ready(seen), await_turn),
    ("silent for good", lambda seen: was_active(seen) and ready(seen) and lost_for_good(seen), replace_pod),
    ("silent", lambda seen: was_active(seen) and ready(seen) and heartbeat_lost(seen), silent),
    ("active", lambda seen: was_active(seen) and ready(seen), activate),
    ("active, pod not ready", was_active, unready),
    ("ready and reporting", lambda seen: ready(seen) and serving(seen), activate),
    ("starting", lambda _: True, start_up),
)
