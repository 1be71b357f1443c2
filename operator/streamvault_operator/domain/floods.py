"""What ordered waits mean for a session: how many there were in a row, and when it may serve or run again.

Every figure follows from the worker's report and the written status; nothing depends on when the operator looks, so a
restart of the operator changes nothing.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from streamvault_common.cooling import Cooldown
from streamvault_common.models import SessionReport

from .resources import WorkerSession

QUIET_SECONDS = 3600.0
"""After so long without a wait, the next one counts as the first."""


@dataclass(frozen=True)
class Floods:
    """`status.floodWaits`, and the two moments that follow from it; None = nothing to wait for was ever ordered."""

    consecutive: int = 0
    total: int = 0
    last_seconds: int = 0
    last_time: datetime | None = None
    cooling_until: datetime | None = None
    resting_until: datetime | None = None


def reckon(
    session: WorkerSession, report: SessionReport | None, now: datetime, worker_ahead_seconds: float = 0.0
) -> Floods:
    """The figures after the report; a moment that was written once never comes earlier.

    `last_time` is by the worker's clock, because it tells one wait from the next; when a wait ends is by ours.
    """
    status, written = session.status, session.status.flood_waits
    known = Floods(
        written.consecutive,
        written.total,
        written.last_seconds,
        written.last_time,
        status.cooling_until,
        status.resting_until,
    )
    began = datetime.fromtimestamp(int(report.flood_began_at), UTC) if report and report.flood_began_at else None
    if report is None or began is None or (known.last_time is not None and began < known.last_time):
        return replace(known, consecutive=0) if _quiet(known, now) else known
    if began == known.last_time:
        if report.flood_seconds > known.last_seconds:
            return _longer(session, report, known, worker_ahead_seconds)
        return replace(known, consecutive=0) if _quiet(known, now) else known
    first = known.last_time is None or _quiet(known, began)
    counted = replace(
        known,
        consecutive=1 if first else known.consecutive + 1,
        total=known.total + 1,
        last_seconds=report.flood_seconds,
        last_time=began,
    )
    return _longer(session, report, counted, worker_ahead_seconds)


def _longer(session: WorkerSession, report: SessionReport, floods: Floods, ahead_seconds: float) -> Floods:
    cooldown = session.spec.cooldown
    margin = Cooldown(session.metadata.name, cooldown.min_seconds, cooldown.jitter_percent)
    began_at, seconds = report.flood_began_at, report.flood_seconds
    ends_at = max(margin.ends_at(began_at, seconds), report.flood_until) - ahead_seconds
    cooling_until = _latest(floods.cooling_until, ends_at)
    resting_until = floods.resting_until
    if floods.consecutive >= cooldown.max_consecutive:
        resting_until = _latest(
            resting_until, max(began_at - ahead_seconds + cooldown.escalate_rest_seconds, cooling_until.timestamp())
        )
    return replace(floods, last_seconds=seconds, cooling_until=cooling_until, resting_until=resting_until)


def _latest(known: datetime | None, moment: float) -> datetime:
    reckoned = datetime.fromtimestamp(math.ceil(moment), UTC)
    return reckoned if known is None else max(known, reckoned)


def _quiet(floods: Floods, moment: datetime) -> bool:
    if floods.last_time is None:
        return False
    return (moment - floods.last_time).total_seconds() > floods.last_seconds + QUIET_SECONDS
