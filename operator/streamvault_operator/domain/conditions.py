"""Conditions as metav1.Condition defines them; times change only with the status."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

MAX_MESSAGE_LENGTH = 1024


class Truth(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(BaseModel):
    """One entry of `status.conditions`."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    type: str
    status: Truth
    reason: str
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int = 0

    def manifest(self) -> dict[str, Any]:
        """The entry as the API server wants it; needs a transition time."""
        if self.last_transition_time is None:
            raise ValueError(f"condition {self.type} has no transition time: pass it through `merge` first")
        return {
            "type": self.type,
            "status": self.status.value,
            "reason": self.reason,
            "message": self.message[:MAX_MESSAGE_LENGTH],
            "lastTransitionTime": timestamp(self.last_transition_time),
            "observedGeneration": self.observed_generation,
        }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as metav1.Time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of one type, or None."""
    return next((condition for condition in conditions if condition.type == kind), None)


def merge(
    old: Iterable[Condition], new: Iterable[Condition], *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Give each new condition its transition time: the old one while the status stays, else `now`."""
    before = {condition.type: condition for condition in old}
    merged = []
    for condition in new:
        previous = before.get(condition.type)
        kept = previous.last_transition_time if previous and previous.status == condition.status else None
        merged.append(
            condition.model_copy(
                update={"last_transition_time": kept or now.replace(microsecond=0), "observed_generation": generation}
            )
        )
    return tuple(merged)
