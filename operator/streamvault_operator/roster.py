"""Every WorkerSession as of a moment ago, with what this process has decided since: the ground for choices over a pool.

Between a decision and its status being readable other sessions are looked at. A choice must know of the decision
already, or two sessions would leave at once; so it is noted here, without a pause between choosing and noting.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .domain.errors import InvalidResource
from .domain.resources import WorkerSession

MAX_AGE_SECONDS = 2.0


class Roster:
    """`fetch` lists the manifests of all sessions."""

    def __init__(
        self, fetch: Callable[[], Awaitable[list[dict[str, Any]]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._sessions: dict[str, WorkerSession] = {}
        self._noted: dict[str, tuple[float, WorkerSession | None]] = {}

    async def refresh(self) -> None:
        """Read the sessions again unless that was just done; raises what `fetch` raises."""
        async with self._lock:
            began = self._clock()
            if began - self._read_at < MAX_AGE_SECONDS:
                return
            found = [session for item in await self._fetch() if (session := _readable(item)) is not None]
            self._sessions = {session.metadata.name: session for session in found}
            self._noted = {name: note for name, note in self._noted.items() if note[0] >= began}
            for name, (_, session) in self._noted.items():
                self._put(name, session)
            self._read_at = began

    def note(self, name: str, session: WorkerSession | None) -> None:
        """A session as it is about to be written; None for one that is gone."""
        self._noted[name] = (self._clock(), session)
        self._put(name, session)

    def pool(self, name: str) -> list[WorkerSession]:
        """The sessions of one pool."""
        return [session for session in self._sessions.values() if session.spec.pool == name]

    def names(self) -> list[str]:
        """Of every session."""
        return sorted(self._sessions)

    def _put(self, name: str, session: WorkerSession | None) -> None:
        if session is None:
            self._sessions.pop(name, None)
        else:
            self._sessions[name] = session


def _readable(manifest: dict[str, Any]) -> WorkerSession | None:
    try:
        return WorkerSession.parse(manifest)
    except InvalidResource:
        return None
