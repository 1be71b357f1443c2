"""Tells the operator, every few seconds, how this worker is; Redis being away changes nothing for the streams."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Protocol

from streamvault_common.keys import HEARTBEAT_SECONDS, HEARTBEAT_TTL_SECONDS
from streamvault_common.models import SessionReport, Verdict, WorkerState

from .stream.admission import Admission
from .telegram.account import AccountState
from .waiting import first_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What a beat finds out: whether this pod may use the session, and whether it shall take no new reads."""

    holder: bool
    drain: bool = False


class ReportStore(Protocol):
    """Where reports go."""

    async def beat(self, report: SessionReport, verdict: Verdict | None) -> Standing:
        """Write the report and the verdict, if any, unless another pod holds the session."""

    async def last_words(self, report: SessionReport) -> None:
        """Write the last report and give the session back."""


class Heartbeat:
    """Writes a report every HEARTBEAT_SECONDS, and at once when the account's state changes."""

    def __init__(
        self, store: ReportStore, account: AccountState, admission: Admission, revision: str, pod_uid: str = ""
    ) -> None:
        self._store = store
        self._account = account
        self._admission = admission
        self._revision = revision
        self._pod_uid = pod_uid
        self._died_at: float | None = None
        self._heard_at = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Beat until `stop` is set."""
        while not stop.is_set():
            self._account.changed.clear()
            before = self._admission.drain_flag
            try:
                standing = await self._store.beat(self.report(), self.verdict())
                self._admission.drain_flag, self._heard_at = standing.drain, time.monotonic()
                self._account.lease(held=standing.holder)
            except Exception as error:  # noqa: BLE001 - the top of a loop that must go on
                log.warning("heartbeat not written", extra={"error": repr(error)})
                self._presume_lease()
            if self._admission.drain_flag != before:
                continue  # tell the new state at once
            cooling_seconds = self._account.cooling_seconds
            pause = cooling_seconds if 0 < cooling_seconds < HEARTBEAT_SECONDS else HEARTBEAT_SECONDS
            await first_of(pause, self._account.changed, stop)

    async def last_words(self) -> None:
        """Tell that the session is free; call it when nothing uses the account any more."""
        try:
            await self._store.last_words(self.report().model_copy(update={"state": WorkerState.STOPPED}))
        except Exception as error:  # noqa: BLE001 - whoever waits for this waits for the lease's end instead
            log.warning("the end was not reported", extra={"error": repr(error)})

    def _presume_lease(self) -> None:
        """Without Redis, an earlier pod's lease is over once its time is; one's own goes on: films must not stop."""
        if time.monotonic() - self._heard_at > HEARTBEAT_TTL_SECONDS:
            self._account.lease(held=True)

    def report(self) -> SessionReport:
        """The state of this moment."""
        return SessionReport(
            state=self._state(),
            at=time.time(),
            revision=self._revision,
            pod_uid=self._pod_uid,
            account=self._account.account_hash,
            in_flight=self._admission.in_flight,
            flood_at=self._account.flood_at,
            flood_until=self._account.flood_until,
            flood_seconds=self._account.flood_seconds,
            flood_total=self._account.flood_total,
        )

    def verdict(self) -> Verdict | None:
        """Why the session is dead; None while it is not."""
        death = self._account.death
        if death is None:
            return None
        self._died_at = self._died_at or time.time()
        return Verdict(reason=death.verdict, message=str(death), at=self._died_at, revision=self._revision)

    def _state(self) -> WorkerState:
        if self._account.death is not None:
            return WorkerState.UNAUTHORIZED
        if self._admission.draining:
            return WorkerState.DRAINING
        if self._account.cooling:
            return WorkerState.COOLING
        return WorkerState.SERVING if self._account.authorized else WorkerState.STARTING
