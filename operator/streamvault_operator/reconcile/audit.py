"""The audit trail: every fact is inserted once into MongoDB, and then told once, as a log line and as an Event."""

import logging
from dataclasses import dataclass
from typing import Literal

from streamvault_common.documents import AuditRecord
from streamvault_operator.deps import Deps
from streamvault_operator.domain.conditions import timestamp
from streamvault_operator.domain.doomed import Order, managers_of_state
from streamvault_operator.domain.resources import StepStatus
from streamvault_operator.domain.takedown import IN_PROGRESS, evidence
from streamvault_operator.io.kube import Manifest
from streamvault_operator.steps.registry import Step

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fact:
    """One thing that happened; `event` is the reason of its Event."""

    kind: Literal["Requested", "Step", "Completed", "Released", "Files"]
    outcome: str
    message: str
    event: str
    step: str = ""
    counts: tuple[int, int, int] = (0, 0, 0)
    """Found, removed, remaining."""
    warning: bool = False
    key: str = ""
    """Tells facts of one kind, step and outcome apart."""


@dataclass(frozen=True)
class Trail:
    """The trail of one title's purge; every method raises StoreUnavailable when the fact could not be recorded."""

    deps: Deps
    current: Manifest
    audit_id: str
    order: Order
    ids_sha256: str
    """Of the messages that are known now; at the end those are erased, and what was asked for stands in their place."""

    async def requested(self) -> None:
        """Somebody declared the takedown, or deleted the title."""
        by = self.order.requested_by or ", ".join(self._managers()) or "unknown"
        message = f"{self.order.reason} {self.order.reference}".strip() + f", requested by {by}"
        await self.add(Fact("Requested", self.order.cause, message, "TakedownRequested"))

    async def attempted(self, step: Step, known: StepStatus) -> None:
        """A step was verified, or was hindered in a way that is not on record yet."""
        counts = (known.found, known.removed, known.remaining)
        if known.completed_at is not None:
            shown = evidence(step, known)
            await self.add(Fact("Step", known.reason, shown, step.condition, step.name, counts, key=self.order.cause))
        elif known.reason != IN_PROGRESS:
            event = f"{step.condition.removesuffix('d').removesuffix('n')}Delayed"
            message = f"{known.reason}: {known.last_error}"
            await self.add(Fact("Step", known.reason, message, event, step.name, counts, warning=True))

    async def completed(self) -> None:
        """Every step is verified."""
        told = "every step is verified"
        await self.add(Fact("Completed", "AllStepsVerified", told, "TakedownComplete", key=self.order.cause))

    async def released(self) -> None:
        """The finalizer is about to go, and the resource with it."""
        await self.add(Fact("Released", self.order.cause, "the resource is released", "Released"))

    async def orphaned(self) -> None:
        """A title without a resource was withdrawn."""
        told = "no resource declares the title any more: withdrawn, its messages are still there"
        await self.add(Fact("Released", "WithoutPurge", told, "WithdrawnWithoutPurge", warning=True))

    async def add(self, fact: Fact) -> None:
        """Record a fact and tell it, unless it is on record already."""
        name = "-".join(filter(None, (self.audit_id, fact.kind, fact.step, fact.outcome, fact.key)))
        metadata = self.current["metadata"]
        found, removed, remaining = fact.counts
        ids = await self.deps.store.ids_asked_for(self.audit_id) if fact.kind in {"Completed", "Released"} else ""
        entry = AuditRecord(
            id=name,
            audit_id=self.audit_id,
            kind=fact.kind,
            uid=metadata["uid"],
            title=metadata["name"],
            requested_by=self.order.requested_by,
            managers=self._managers(),
            reason=self.order.reason,
            reference=self.order.reference,
            step=fact.step,
            outcome=fact.outcome,
            message=fact.message,
            found=found,
            removed=removed,
            remaining=remaining,
            ids_sha256=ids or self.ids_sha256,
            at=timestamp(self.deps.now()),
            operator_version=self.deps.version,
        )
        if await self.deps.store.record(entry):
            log.info("audit", extra={"audit": entry.model_dump(mode="json", by_alias=True)})
            await self.deps.kube.post_event(self.current, fact.event, fact.message, warning=fact.warning)

    def _managers(self) -> tuple[str, ...]:
        return managers_of_state(self.current["metadata"].get("managedFields", []))
