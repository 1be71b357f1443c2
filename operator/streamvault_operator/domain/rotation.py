"""Who of a pool serves: a pure choice over what is written of its sessions, made anew whenever one of them changes.

Whoever serves goes on serving; spares fill up to `max_active` by priority. One at a time, a session that has served its
time leaves, after its replacement serves, and never when fewer than `min_active` would be left. A session that cools
down or cannot start keeps its pod but holds no place: a spare takes over meanwhile. A rest that was begun is finished.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from streamvault_common.cooling import share
from streamvault_common.models import DesiredState, SessionPhase

from .conditions import Truth, find
from .resources import WorkerSession

SETTLING_SECONDS = 120.0
"""For how long a session that does not serve counts as one that is about to; after that it is just broken."""
POD_FAULTS = frozenset({"CrashLoop", "ImagePull", "PodNameTaken", "SecretInUse"})


@dataclass(frozen=True)
class PoolPolicy:
    """Bounds of a pool; the times apply to sessions that name none of their own, 0 = no limit."""

    min_active: int = 1
    max_active: int = 64
    max_active_seconds: int = 0
    rest_seconds: int = 3600
    jitter_percent: int = 10


@dataclass(frozen=True)
class Turn:
    """What the pool wants of one session: a pod or none, a rest that begins now; `waits` = due, not yet replaced.

    `exhausted`: this session shall tell that the pool cannot have its least.
    """

    serve: bool = True
    rest_until: datetime | None = None
    waits: bool = False
    exhausted: bool = False


ANY_TIME = Turn()
"""The turn of a session that no pool bounds."""


class Standing(IntEnum):
    """What a session is to its pool: the first four are given places, in this order; the others hold none."""

    SERVING = 1
    STARTING = 2
    LEAVING = 3
    SPARE = 4
    COOLING = 5
    BROKEN = 6
    FIXED = 7
    BOUND = 8
    OUT = 9


@dataclass(frozen=True)
class Member:
    """One session as the choice sees it."""

    name: str
    priority: int
    standing: Standing
    since: datetime | None = None
    due_at: datetime | None = None
    rested_until: datetime | None = None
    drains: bool = False

    def overdue(self, now: datetime) -> bool:
        return self.standing is Standing.SERVING and self.due_at is not None and self.due_at <= now


def choose(sessions: Iterable[WorkerSession], policy: PoolPolicy, now: datetime) -> dict[str, Turn]:
    """The turn of every session of one pool, by name."""
    members = {session.metadata.name: session for session in sessions}
    standings = [_member(session, policy, now) for session in members.values()]
    leaving = _due(standings, now)
    chosen = _chosen(standings, leaving, max(policy.min_active, policy.max_active))
    spokesman = _spokesman(standings) if _exhausted(standings, policy) else ""
    turns = {}
    for member in standings:
        serve = member.name in chosen or member.standing in {Standing.COOLING, Standing.BROKEN, Standing.FIXED}
        exhausted = member.name == spokesman
        turn = Turn(serve=serve, exhausted=exhausted)
        if leaving is not None and member.name == leaving.name:
            if _replaced(standings, chosen, leaving, policy):
                until = _rest_until(members[member.name], policy, now)
                turn = Turn(serve=False, rest_until=until, exhausted=exhausted)
            else:
                turn = Turn(serve=True, waits=True, exhausted=exhausted)
        turns[member.name] = turn
    return turns


def spokesman(sessions: Iterable[WorkerSession], policy: PoolPolicy, now: datetime) -> str:
    """The session that shall tell that the pool cannot have its least; "" while it can."""
    members = [_member(session, policy, now) for session in sessions]
    return _spokesman(members) if _exhausted(members, policy) else ""


def due_at(session: WorkerSession, policy: PoolPolicy) -> datetime | None:
    """When a session has served its time; earlier by a jitter that is its own, so that a pool does not move at once."""
    seconds = session.spec.rotation.max_active_seconds or policy.max_active_seconds
    since = session.status.active_since
    if not seconds or since is None:
        return None
    jitter = policy.jitter_percent / 100 * share(f"{session.metadata.name}/{int(since.timestamp())}")
    return since + timedelta(seconds=seconds * (1 - jitter))


def standing(session: WorkerSession, now: datetime) -> Standing:
    """What a session is to its pool, by its written status."""
    spec, status = session.spec, session.status
    if session.metadata.deleting or spec.desired_state is not DesiredState.ACTIVE:
        return Standing.OUT
    if status.phase is SessionPhase.BANNED and (status.secret_revision or "") == spec.session_secret_ref.revision:
        return Standing.OUT
    if spec.suspend:
        return Standing.FIXED if status.pod_name else Standing.OUT
    if status.resting_until is not None and status.resting_until > now:
        return Standing.BOUND
    if status.phase is SessionPhase.COOLING:
        return Standing.COOLING
    if status.cooling_until is not None and status.cooling_until > now and not status.pod_name:
        return Standing.BOUND
    if status.phase is SessionPhase.DRAINING:
        return Standing.LEAVING
    if status.phase is SessionPhase.RESTING or not status.pod_name:
        return Standing.SPARE
    return _running(session, now)


def _running(session: WorkerSession, now: datetime) -> Standing:
    conditions = session.status.conditions
    ready, stalled = find(conditions, "Ready"), find(conditions, "Stalled")
    if session.status.phase is SessionPhase.ACTIVE and ready is not None and ready.status is Truth.TRUE:
        return Standing.SERVING
    if stalled is not None and stalled.status is Truth.TRUE and stalled.reason in POD_FAULTS:
        return Standing.BROKEN
    if ready is None or ready.last_transition_time is None:
        return Standing.STARTING
    waited = (now - ready.last_transition_time).total_seconds()
    return Standing.STARTING if waited < SETTLING_SECONDS else Standing.BROKEN


def drains(session: WorkerSession) -> bool:
    """Whether viewers still finish what they read from this session."""
    drained = find(session.status.conditions, "Drained")
    done = drained is not None and drained.status is Truth.TRUE
    return session.status.phase is SessionPhase.DRAINING and not done


def _member(session: WorkerSession, policy: PoolPolicy, now: datetime) -> Member:
    return Member(
        session.metadata.name,
        session.spec.priority,
        standing(session, now),
        session.status.active_since,
        due_at(session, policy),
        session.status.resting_until,
        drains(session),
    )


def _due(members: list[Member], now: datetime) -> Member | None:
    """The session that shall rest next: the longest overdue one, while no other is on its way out."""
    if any(member.drains for member in members):
        return None
    overdue = [member for member in members if member.overdue(now)]
    return min(overdue, key=lambda member: (_seconds(member.due_at), member.name), default=None)


def _chosen(members: list[Member], leaving: Member | None, places: int) -> set[str]:
    """Who holds a place: the one that shall rest comes after everybody who could replace it."""

    def rank(member: Member) -> tuple[bool, int, int, float, str]:
        longest = _seconds(member.rested_until) if member.standing is Standing.SPARE else -_seconds(member.since)
        return member is leaving, member.standing, -member.priority, longest, member.name

    candidates = [member for member in members if member.standing <= Standing.SPARE]
    return {member.name for member in sorted(candidates, key=rank)[:places]}


def _replaced(members: list[Member], chosen: set[str], leaving: Member, policy: PoolPolicy) -> bool:
    """Whether the others that hold a place all serve, and are enough."""
    others = [member for member in members if member.name in chosen and member.name != leaving.name]
    return all(member.standing is Standing.SERVING for member in others) and len(others) >= policy.min_active


def _exhausted(members: list[Member], policy: PoolPolicy) -> bool:
    """Whether fewer than `min_active` serve or are about to, and nobody is left who could."""
    able = [member for member in members if member.standing <= Standing.SPARE]
    return len(able) < policy.min_active


def _spokesman(members: list[Member]) -> str:
    """Who tells of the pool: always the same session, because each that did would cost a write of its status."""
    members_of_pool = (member.name for member in members if member.standing not in {Standing.OUT, Standing.FIXED})
    return min(members_of_pool, default="")


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _rest_until(session: WorkerSession, policy: PoolPolicy, now: datetime) -> datetime:
    own = session.spec.rotation
    seconds = own.rest_seconds if own.max_active_seconds else policy.rest_seconds
    jitter = policy.jitter_percent / 100 * share(f"{session.metadata.name}/rest/{session.status.active_since}")
    return (now + timedelta(seconds=seconds * (1 + jitter))).replace(microsecond=0) + timedelta(seconds=1)
