"""WorkerSessions as the operator sees them, for tests of its decisions."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from streamvault_common.models import AuthVerdict, SessionReport, Verdict, WorkerState
from streamvault_operator.domain.observation import NO_DRIFT, Observed
from streamvault_operator.domain.pods import Drift, PodView
from streamvault_operator.domain.resources import WorkerSession
from streamvault_operator.domain.rotation import ANY_TIME, Turn

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
UID, HASH = "session-uid", "0123456789abcdef"
RUNNING = PodView("ws-s01", "pod-uid", UID, HASH, "Running", ready=True, terminating=False, ip="10.0.0.9")
STARTING = replace(RUNNING, phase="Pending", ready=False, ip="")
LONG_AGO = NOW.timestamp() - 3600


def seconds_ago(seconds: float) -> str:
    """RFC 3339."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def report(state: WorkerState = WorkerState.SERVING, age: float = 2.0, **fields: Any) -> SessionReport:
    """A heartbeat that is `age` seconds old."""
    return SessionReport(state=state, at=NOW.timestamp() - age, **fields)


def flooded(seconds: int, ago: float = 2.0, state: WorkerState = WorkerState.COOLING, **fields: Any) -> SessionReport:
    """A heartbeat of a worker that was ordered, `ago` seconds back, to wait `seconds`."""
    began = NOW.timestamp() - ago
    return report(state, flood_at=began, flood_until=began + seconds, flood_seconds=seconds, **fields)


def verdict(revision: str = "") -> Verdict:
    """Telegram refused the session string of this revision."""
    return Verdict(
        reason=AuthVerdict.SESSION_REVOKED, message="SESSION_REVOKED", at=NOW.timestamp() - 9, revision=revision
    )


def condition(kind: str, status: str, reason: str, age: float = 0.0) -> dict[str, Any]:
    """An entry of `status.conditions` whose status is `age` seconds old."""
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": seconds_ago(age)}


HEALTHY = report()


@dataclass(frozen=True)
class Case:
    """A situation; everything not named is a healthy serving session."""

    phase: str | None = "Active"
    desired: str = "Active"
    pod: PodView | None = RUNNING
    report: SessionReport | None = HEALTHY
    verdict: Verdict | None = None
    redis_since: float | None = LONG_AGO
    conditions: tuple[dict[str, Any], ...] = ()
    revision: str = ""
    judged_revision: str | None = None
    deleting: bool = False
    suspend: bool = False
    may_roll: bool = True
    extra_status: dict[str, Any] | None = None
    turn: Turn = ANY_TIME
    podless_seconds: float = 3600.0
    secret_user: str = ""
    heard_seconds: float | None = None
    """How long ago the worker spoke, when its report tells another time."""
    drift: Drift = NO_DRIFT
    spec: dict[str, Any] | None = None

    def observed(self) -> Observed:
        """What a decision gets."""
        status: dict[str, Any] = {"conditions": list(self.conditions), **(self.extra_status or {})}
        if self.phase is not None:
            status["phase"] = self.phase
        if self.judged_revision is not None:
            status["secretRevision"] = self.judged_revision
        metadata: dict[str, Any] = {"name": "s01", "namespace": "streamvault", "uid": UID, "generation": 3}
        if self.deleting:
            metadata["deletionTimestamp"] = seconds_ago(5)
        spec = {
            "sessionSecretRef": {"name": "s01", "revision": self.revision},
            "desiredState": self.desired,
            "suspend": self.suspend,
            "drain": {"timeoutSeconds": 120},
            **(self.spec or {}),
        }
        session = WorkerSession.parse({"metadata": metadata, "spec": spec, "status": status})
        return Observed(
            session,
            self.pod,
            self.report,
            self.verdict,
            self.redis_since,
            HASH,
            may_roll=self.may_roll,
            now=NOW,
            turn=self.turn,
            no_pod_since=NOW.timestamp() - self.podless_seconds,
            secret_user=self.secret_user,
            drift=self.drift,
            heard_at=None if self.heard_seconds is None else NOW.timestamp() - self.heard_seconds,
        )
