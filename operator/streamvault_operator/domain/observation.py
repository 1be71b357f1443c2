"""What is seen of one WorkerSession, and the facts that follow from it; the rows of the table are made of these."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from streamvault_common.keys import HEARTBEAT_SECONDS, HEARTBEAT_TTL_SECONDS
from streamvault_common.models import DesiredState, SessionPhase, SessionReport, Verdict, WorkerState

from .conditions import Truth, find
from .floods import Floods, reckon
from .pods import Drift, PodView
from .resources import WorkerSession
from .rotation import ANY_TIME, Turn

HEARTBEAT_LOST_SECONDS = 180
MISSED_BEATS_SECONDS = 3.0 * HEARTBEAT_SECONDS
"""A worker that lives and can reach Redis is heard of within this time."""
SAME_CLOCK_SECONDS = 2.0
READY_AGAIN_SECONDS = 10.0
"""How long the kubelet may take to see that a worker is ready again."""
NO_DRIFT = Drift()
STUCK_SECONDS = 120.0
"""How long a pod may stay longer than its grace period before its node must be taken for lost."""


@dataclass(frozen=True)
class Observed:
    """Everything a decision may use.

    `reports_since` is the Unix time since when Redis has answered without a break, None while it does not: a report
    that is missing because Redis is (or was just) away says nothing about its worker. `heard_at` is when the worker
    last spoke, by this operator's clock: the report's own times may be of another one; None = they are not.
    `no_pod_since` is the Unix time since when this operator has seen no pod; `secret_user` names another pod that
    mounts the same session string.
    """

    session: WorkerSession
    pod: PodView | None
    report: SessionReport | None
    verdict: Verdict | None
    reports_since: float | None
    desired_hash: str
    may_roll: bool
    now: datetime
    turn: Turn = ANY_TIME
    no_pod_since: float = 0.0
    secret_user: str = ""
    heard_at: float | None = None
    drift: Drift = NO_DRIFT

    @cached_property
    def floods(self) -> Floods:
        """The waits that the server ordered, this report included."""
        return reckon(self.session, self.report, self.now, self.worker_ahead_seconds)

    @property
    def worker_ahead_seconds(self) -> float:
        """By how much the worker's clock is ahead of ours; 0 when that is no more than a report's way here."""
        if self.report is None or self.heard_at is None:
            return 0.0
        ahead = self.report.at - self.heard_at
        return ahead if abs(ahead) > SAME_CLOCK_SECONDS else 0.0


def suspended(seen: Observed) -> bool:
    return seen.session.spec.suspend and not seen.session.metadata.deleting


def revision(seen: Observed) -> str:
    return seen.session.spec.session_secret_ref.revision


def dead(seen: Observed) -> bool:
    """Whether the session string of this revision is known to be useless (also when Redis has forgotten why)."""
    if seen.verdict is not None and seen.verdict.revision == revision(seen):
        return True
    status = seen.session.status
    return status.phase is SessionPhase.BANNED and (status.secret_revision or "") == revision(seen)


def unwanted(seen: Observed) -> bool:
    """Whether no pod should run."""
    return dismissed(seen) or must_rest(seen) or not seen.turn.serve


def dismissed(seen: Observed) -> bool:
    """Whether the owner wants no pod."""
    return seen.session.metadata.deleting or seen.session.spec.desired_state is not DesiredState.ACTIVE


def must_rest(seen: Observed) -> bool:
    """Whether a rest was begun that is not over: by rotation, or after too many ordered waits in a row."""
    until = resting_until(seen)
    return until is not None and until > seen.now


def resting_until(seen: Observed) -> datetime | None:
    """The end of the rest, the one that rotation begins now included."""
    known, ordered = seen.floods.resting_until, seen.turn.rest_until
    return max(known, ordered) if known and ordered else known or ordered


def escalated(seen: Observed) -> bool:
    """Whether the rest is one after too many ordered waits in a row."""
    until, before = seen.floods.resting_until, find(seen.session.status.conditions, "Throttled")
    if until is None or until <= seen.now:
        return False
    told = before is not None and before.reason == "FloodEscalated"
    return told or seen.floods.consecutive >= seen.session.spec.cooldown.max_consecutive


def cooling(seen: Observed) -> bool:
    """Whether an ordered wait with its margin is not over, by the clock or by the worker's word."""
    until = seen.floods.cooling_until
    if until is not None and until > seen.now:
        return True
    report = seen.report
    if report is not None and report.state is WorkerState.COOLING and report_age(seen) <= HEARTBEAT_TTL_SECONDS:
        return has_pod(seen)
    just_over = until is not None and (seen.now - until).total_seconds() < READY_AGAIN_SECONDS
    return just_over and has_pod(seen) and not ready(seen)


def leased(seen: Observed) -> bool:
    """Whether a process may still use the session although there is no pod: pods can be removed by force.

    A worker that ended well says so. One that did not is waited for until its last report is too old; without any
    report, until it would have been heard of; and without Redis, as long as a silent worker would be.
    """
    report, pod_before = seen.report, seen.session.status.pod_name is not None
    if report is not None and report.state is WorkerState.STOPPED:
        return False
    if report is not None and report_age(seen) <= HEARTBEAT_TTL_SECONDS:
        return True
    if not pod_before:
        return False
    gone_seconds = seen.now.timestamp() - seen.no_pod_since
    if seen.reports_since is None:
        return gone_seconds < HEARTBEAT_LOST_SECONDS
    heard_seconds = min(gone_seconds, seen.now.timestamp() - seen.reports_since)
    return report is None and heard_seconds < MISSED_BEATS_SECONDS


def stuck(seen: Observed) -> bool:
    """Whether a pod terminates for so long that its node is probably lost; it must not be removed by force."""
    if seen.pod is None or seen.pod.deletion_at is None:
        return False
    return (seen.now - seen.pod.deletion_at).total_seconds() > STUCK_SECONDS


def foreign(seen: Observed) -> bool:
    return seen.pod is not None and seen.pod.owner_uid != seen.session.metadata.uid


def outdated(seen: Observed) -> bool:
    return seen.pod is not None and (seen.pod.spec_hash != seen.desired_hash or seen.drift.image)


def mislabelled(seen: Observed) -> bool:
    """Whether the pod lacks marks by which Services, NetworkPolicies and we find it."""
    return seen.drift.labels and not foreign(seen) and not terminating(seen)


def secret_in_use(seen: Observed) -> bool:
    return bool(seen.secret_user)


def draining(seen: Observed) -> bool:
    return seen.session.status.phase is SessionPhase.DRAINING


def report_age(seen: Observed) -> float:
    """Seconds since the worker's last report; at most the time for which a report could have been seen."""
    now = seen.now.timestamp()
    if seen.report is not None:
        return now - (seen.report.at if seen.heard_at is None else seen.heard_at)
    if seen.reports_since is None:
        return 0.0
    return now - max(seen.reports_since, seen.heard_at or 0.0)


def heartbeat_lost(seen: Observed) -> bool:
    return seen.reports_since is not None and report_age(seen) > HEARTBEAT_TTL_SECONDS


def own(seen: Observed) -> bool:
    """Whether the report is not another pod's than the one that is there."""
    return seen.report is None or seen.pod is None or seen.report.pod_uid in {"", seen.pod.uid}


def serving(seen: Observed) -> bool:
    """Whether the worker itself says that it serves with this revision's session."""
    report = seen.report
    fresh = report is not None and own(seen) and report_age(seen) <= HEARTBEAT_TTL_SECONDS
    return fresh and report is not None and report.state not in {WorkerState.UNAUTHORIZED, WorkerState.STOPPED}


def drained(seen: Observed) -> bool:
    """Whether nothing would be cut by stopping the pod now; a worker that drains is un-ready by its own will."""
    if seen.pod is None or drain_overdue(seen):
        return True
    if seen.report is None or not own(seen) or report_age(seen) > HEARTBEAT_TTL_SECONDS:
        return not seen.pod.ready and not draining(seen)
    refuses = not seen.pod.ready or (
        draining(seen) and seen.report.state in {WorkerState.DRAINING, WorkerState.STOPPED}
    )
    return refuses and seen.report.in_flight == 0


def drain_overdue(seen: Observed) -> bool:
    """Whether the drain has lasted its whole timeout; it began when the condition Drained turned False."""
    began = find(seen.session.status.conditions, "Drained")
    if not draining(seen) or began is None or began.status is not Truth.FALSE or began.last_transition_time is None:
        return False
    waited = (seen.now - began.last_transition_time).total_seconds()
    return waited >= seen.session.spec.drain.timeout_seconds


def lost_for_good(seen: Observed) -> bool:
    """Whether a running pod has been silent for so long that another one is the better bet."""
    return heartbeat_lost(seen) and report_age(seen) > HEARTBEAT_LOST_SECONDS


def has_pod(seen: Observed) -> bool:
    return seen.pod is not None


def terminating(seen: Observed) -> bool:
    return seen.pod is not None and seen.pod.terminating


def ready(seen: Observed) -> bool:
    return seen.pod is not None and seen.pod.ready


def was_active(seen: Observed) -> bool:
    return seen.session.status.phase is SessionPhase.ACTIVE
