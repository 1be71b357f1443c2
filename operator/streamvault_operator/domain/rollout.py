"""Whose turn it is when every worker pod of a pool must be made anew: one session drains at a time."""

from collections.abc import Iterable
from datetime import datetime

from streamvault_common.models import DesiredState, SessionPhase

from .conditions import Truth, find
from .resources import WorkerSession
from .rotation import POD_FAULTS, SETTLING_SECONDS, drains


def may_roll(name: str, pool: str, sessions: Iterable[WorkerSession], now: datetime) -> bool:
    """Whether the session `name` may stop serving to get a new pod; judged by the objects, whatever restarted.

    A pod that cannot start (image, crash loop) stops the rollout for good: the others keep the version that works.
    """
    others = (session for session in sessions if session.metadata.name != name and session.spec.pool == pool)
    return not any(_between_pods(session, now) for session in others)


def _between_pods(session: WorkerSession, now: datetime) -> bool:
    spec, status = session.spec, session.status
    if spec.suspend or session.metadata.deleting or spec.desired_state is not DesiredState.ACTIVE:
        return False
    if status.phase in {SessionPhase.ACTIVE, SessionPhase.COOLING, SessionPhase.RESTING, SessionPhase.BANNED}:
        return False
    if status.phase is SessionPhase.DRAINING:
        rests = status.resting_until is not None and status.resting_until > now
        return drains(session) or not rests
    stalled = find(status.conditions, "Stalled")
    if stalled is not None and stalled.status is Truth.TRUE and stalled.reason in POD_FAULTS:
        return True
    ready = find(status.conditions, "Ready")
    if ready is None or ready.last_transition_time is None:
        return True
    return (now - ready.last_transition_time).total_seconds() < SETTLING_SECONDS
