"""Faults to order: which calls they hit and what happens to those calls."""

import itertools
import random
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FaultKind(StrEnum):
    """What a fault does to a call."""

    LATENCY = "latency"
    BANDWIDTH = "bandwidth"
    ERROR = "error"
    SHORT = "short"
    RESET = "reset"
    SILENCE = "silence"
    TRANSPORT = "transport"


class Fault(BaseModel):
    """One rule. Of the conditions, those that are given must all hold; the first ``skip`` such calls are spared, then
    ``count`` calls are hit, then the rule is spent.

    ``error`` is a name such as FLOOD_WAIT_5, FLOOD_PREMIUM_WAIT_5, FILE_REFERENCE_EXPIRED, FILE_MIGRATE_4,
    AUTH_KEY_UNREGISTERED, AUTH_KEY_DUPLICATED, USER_DEACTIVATED or INTERNAL; its code follows from the name unless
    given.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    account: int | str | None = None
    method: str | None = None
    offset_from: int | None = None
    offset_below: int | None = None
    dc: int | None = None
    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=None, gt=0)
    probability: float = Field(default=1.0, gt=0, le=1)

    seconds: float = Field(default=0, ge=0)
    jitter_seconds: float = Field(default=0, ge=0)
    bytes_per_second: float | None = Field(default=None, gt=0)
    error: str | None = None
    code: int | None = None
    keep_bytes: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "Fault":
        if self.kind is FaultKind.ERROR and not self.error:
            raise ValueError("a fault of kind error needs error, e.g. FLOOD_WAIT_5")
        if self.kind is FaultKind.BANDWIDTH and self.bytes_per_second is None:
            raise ValueError("a fault of kind bandwidth needs bytes_per_second")
        if self.kind is FaultKind.TRANSPORT and self.code is None:
            raise ValueError("a fault of kind transport needs code, e.g. -429")
        return self

    def matches(self, account_id: int, method: str, request: Any, dc_id: int) -> bool:
        """Whether the conditions hold for a call."""
        offset = getattr(request, "offset", None)
        wants_offset = self.offset_from is not None or self.offset_below is not None
        return (
            self.account in (None, account_id)
            and self.method in (None, "*", method)
            and self.dc in (None, dc_id)
            and not (wants_offset and not isinstance(offset, int))
            and not (self.offset_from is not None and isinstance(offset, int) and offset < self.offset_from)
            and not (self.offset_below is not None and isinstance(offset, int) and offset >= self.offset_below)
        )


class ActiveFault(BaseModel):
    """A rule in force, how many calls it has spared, and how many it has hit."""

    id: int
    rule: Fault
    spared: int = 0
    hits: int = 0

    def strikes(self) -> bool:
        """Whether a call for which the conditions hold is hit; counts it."""
        if self.rule.count is not None and self.hits >= self.rule.count:
            return False
        if self.spared < self.rule.skip:
            self.spared += 1
            return False
        if random.random() >= self.rule.probability:
            return False
        self.hits += 1
        return True


class Faults:
    """The rules in force, in the order in which they were given."""

    def __init__(self) -> None:
        self._active: dict[int, ActiveFault] = {}
        self._ids = itertools.count(1)

    def add(self, rule: Fault) -> ActiveFault:
        """Put a rule in force."""
        active = ActiveFault(id=next(self._ids), rule=rule)
        self._active[active.id] = active
        return active

    def all(self) -> list[ActiveFault]:
        """Rules in force, spent ones included until they are removed."""
        return list(self._active.values())

    def remove(self, fault_id: int) -> bool:
        """Lift one rule; False when there is none."""
        return self._active.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Lift all rules."""
        self._active.clear()

    def hitting(self, account_id: int, method: str, request: Any, dc_id: int) -> list[Fault]:
        """The rules that hit this call; each is counted as used."""
        return [
            active.rule
            for active in self._active.values()
            if active.rule.matches(account_id, method, request, dc_id) and active.strikes()
        ]
