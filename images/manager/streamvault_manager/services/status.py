"""What `/status` tells: the system as the stores and the workers' heartbeats show it."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from streamvault_common.models import SessionReport, Verdict
from streamvault_manager.stores.errors import StoreUnavailable
from streamvault_manager.stores.mongo import MongoCatalogue
from streamvault_manager.stores.redis import WorkerReports

_TITLE_ORDER = ("Published", "Unlisted", "Pending", "TakenDown")


@dataclass(frozen=True)
class StoreHealth:
    """Whether a store answers; milliseconds of one round trip, None when it does not."""

    name: str
    milliseconds: float | None


@dataclass(frozen=True)
class SystemStatus:
    """One look at the system; a part is None when its store did not answer."""

    version: str
    stores: tuple[StoreHealth, ...]
    titles: dict[str, int] | None
    sessions: dict[str, SessionReport] | None
    verdicts: dict[str, Verdict] | None


class StatusReader:
    """Looks at the whole system; never raises for a store that is down."""

    def __init__(self, catalogue: MongoCatalogue, workers: WorkerReports, version: str) -> None:
        self._catalogue = catalogue
        self._workers = workers
        self._version = version

    async def read(self) -> SystemStatus:
        """Ask everything at once; takes as long as the slowest store, a few seconds at most."""
        stores, titles, sessions, verdicts = await asyncio.gather(
            self._stores(), self._titles(), self._sessions(), self._verdicts()
        )
        return SystemStatus(self._version, stores, titles, sessions, verdicts)

    async def _stores(self) -> tuple[StoreHealth, ...]:
        found = []
        for name, ping in (("MongoDB", self._catalogue.ping), ("Redis", self._workers.ping)):
            started_at = time.monotonic()
            try:
                await ping()
            except StoreUnavailable:
                found.append(StoreHealth(name, None))
            else:
                found.append(StoreHealth(name, (time.monotonic() - started_at) * 1000))
        return tuple(found)

    async def _titles(self) -> dict[str, int] | None:
        try:
            return await self._catalogue.count_by_state()
        except StoreUnavailable:
            return None

    async def _sessions(self) -> dict[str, SessionReport] | None:
        try:
            return await self._workers.sessions()
        except StoreUnavailable:
            return None

    async def _verdicts(self) -> dict[str, Verdict] | None:
        try:
            return await self._workers.verdicts()
        except StoreUnavailable:
            return None


def describe(status: SystemStatus, now: float) -> str:
    """The status as people read it; `now` in Unix seconds."""
    lines = [f"StreamVault {status.version}", "", f"Titles: {_titles(status.titles)}", *_workers(status, now)]
    for store in status.stores:
        state = "does not answer" if store.milliseconds is None else f"ok, {store.milliseconds:.0f} ms"
        lines.append(f"{store.name}: {state}")
    return "\n".join(lines)


def _titles(counts: dict[str, int] | None) -> str:
    if counts is None:
        return "unknown"
    known = [state for state in _TITLE_ORDER if state in counts]
    states = known + sorted(counts.keys() - set(known))
    return ", ".join(f"{counts[state]} {state}" for state in states) or "none"


def _workers(status: SystemStatus, now: float) -> list[str]:
    if status.sessions is None or status.verdicts is None:
        return ["Workers: unknown"]
    states = Counter(report.state.value for report in status.sessions.values())
    in_flight = sum(report.in_flight for report in status.sessions.values())
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    lines = [f"Workers: {summary}; {in_flight} streams"]
    for name, report in status.sessions.items():
        if report.flood_until > now:
            lines.append(f"  {name}: told to wait {report.flood_until - now:.0f} s more")
    lines += [f"  {name}: {verdict.reason.value}" for name, verdict in status.verdicts.items()]
    return lines
