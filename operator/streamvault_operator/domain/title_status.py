"""The status of a Title: conditions, phase and what became of its files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from streamvault_common.models import TitlePhase, TitleState

from .conditions import Condition, Truth, find, merge
from .errors import Retry
from .resources import StatusFile, TakedownStatus, Title
from .takedown import manifest

WARNINGS = frozenset({"SourceUnreachable", "Invalid", "WrongSize", "Denied"})


@dataclass(frozen=True)
class Outcome:
    """What a reconciliation found; `retry` is why it must run again, `owed` are the conditions of a takedown."""

    phase: TitlePhase
    ready: tuple[Truth, str, str]
    files: tuple[StatusFile, ...] = field(default=())
    retry: Retry | None = None
    takedown: TakedownStatus = field(default_factory=TakedownStatus)
    owed: tuple[Condition, ...] = ()


def published(title: Title, files: Sequence[StatusFile]) -> Outcome:
    """Every file was read once."""
    unlisted = title.spec.state is TitleState.UNLISTED
    phase = TitlePhase.UNLISTED if unlisted else TitlePhase.PUBLISHED
    return Outcome(phase, (Truth.TRUE, phase.value, ""), tuple(files))


def waiting(title: Title, files: Sequence[StatusFile], retry: Retry) -> Outcome:
    """Some file could not be read yet; a title that runs keeps its phase."""
    running = title.status.phase in {TitlePhase.PUBLISHED, TitlePhase.UNLISTED}
    running = running and any(file.verified for file in files)
    unlisted = title.spec.state is TitleState.UNLISTED
    shown = TitlePhase.UNLISTED if unlisted else TitlePhase.PUBLISHED
    phase = shown if running else TitlePhase.PENDING
    return Outcome(phase, (Truth.FALSE, retry.reason, retry.message), tuple(files), retry)


def unusable(title: Title, reason: str, message: str) -> Outcome:
    """Nothing can be done before somebody edits the object."""
    return Outcome(title.status.phase, (Truth.FALSE, reason, message), title.status.files)


def refused(title: Title, files: Sequence[StatusFile], message: str) -> Outcome:
    """The deny list knows the title or one of its files; a title that runs keeps its phase, and what it showed."""
    running = title.status.phase in {TitlePhase.PUBLISHED, TitlePhase.UNLISTED} and any(one.verified for one in files)
    phase = title.status.phase if running else TitlePhase.FAILED
    return Outcome(phase, (Truth.FALSE, "Denied", message), tuple(files))


def taking_down(title: Title, status: TakedownStatus, owed: Sequence[Condition]) -> Outcome:
    """A takedown is under way, or over when `status.completed_at` is set; `owed` are its conditions."""
    over = status.completed_at is not None
    phase = TitlePhase.TAKEN_DOWN if over else TitlePhase.TAKING_DOWN
    message = "the title was taken down" if over else "the title is being taken down"
    ready = (Truth.FALSE, phase.value, message)
    return Outcome(phase, ready, title.status.files, takedown=status, owed=tuple(owed))


def render_status(title: Title, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The whole `status`; equal input gives equal output, so that an unchanged one is not written."""
    truth, reason, message = outcome.ready
    conditions = [Condition(type="Ready", status=truth, reason=reason, message=message)]
    conditions.append(Condition(type="Ingested", status=Truth.UNKNOWN, reason="NotStarted"))
    conditions += outcome.owed or _not_requested()
    merged = merge(title.status.conditions, conditions, generation=title.metadata.generation, now=now)
    verified = sum(file.verified for file in outcome.files)
    status: dict[str, Any] = {
        "observedGeneration": title.metadata.generation,
        "phase": outcome.phase.value,
        "conditions": [condition.manifest() for condition in merged],
        "files": [file.model_dump(by_alias=True) for file in outcome.files],
        "filesReady": f"{verified}/{len(title.spec.files)}",
    }
    if outcome.takedown.started_at is not None:
        status["takedown"] = manifest(outcome.takedown)
    return status


def transition(title: Title, outcome: Outcome) -> tuple[str, str, bool] | None:
    """The Event (reason, message, warning) that the step from the written status is worth, or None.

    The steps of a takedown tell their own, with what goes into the audit trail.
    """
    if outcome.owed:
        stalled, before = find(outcome.owed, "Stalled"), find(title.status.conditions, "Stalled")
        if stalled and stalled.status is Truth.TRUE and not (before and before.status is Truth.TRUE):
            return stalled.reason, stalled.message, True
        return None
    before = find(title.status.conditions, "Ready")
    if before is not None and before.reason == outcome.ready[1]:
        return None
    return outcome.ready[1], outcome.ready[2], outcome.ready[1] in WARNINGS


def _not_requested() -> list[Condition]:
    return [
        Condition(type="TakedownComplete", status=Truth.FALSE, reason="NotRequested"),
        Condition(type="Stalled", status=Truth.FALSE, reason="Progressing"),
    ]
