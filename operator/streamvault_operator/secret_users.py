"""Which worker pods mount which Secret, as of a moment ago: a session string in two pods is destroyed by Telegram.

Only this process makes worker pods, and it notes each before it makes it; so a list that is two seconds old is as good
as one that is read anew, and two hundred sessions that start at once cost one list, not four hundred.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .domain.pods import secrets_of

MAX_AGE_SECONDS = 2.0


class SecretUsers:
    """`fetch` lists the manifests of all worker pods, also of terminating ones."""

    def __init__(
        self, fetch: Callable[[], Awaitable[list[dict[str, Any]]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._pods: dict[str, frozenset[str]] = {}
        self._noted: dict[str, tuple[float, frozenset[str]]] = {}

    async def refresh(self) -> None:
        """Read the pods again unless that was just done; raises what `fetch` raises."""
        async with self._lock:
            began = self._clock()
            if began - self._read_at < MAX_AGE_SECONDS:
                return
            self._pods = {str(pod["metadata"]["name"]): secrets_of(pod) for pod in await self._fetch()}
            self._noted = {name: note for name, note in self._noted.items() if note[0] >= began}
            self._read_at = began

    def other(self, secret: str, own: str) -> str:
        """A pod besides `own` that mounts the Secret, or may do so in a moment; "" for none."""
        noted = ((name, secrets) for name, (_, secrets) in self._noted.items())
        users = (name for name, secrets in [*self._pods.items(), *noted] if secret in secrets)
        return min((name for name in users if name != own), default="")

    @contextmanager
    def making(self, pod: dict[str, Any]) -> Iterator[None]:
        """While a pod is made, and until a list that began later can hold it: it counts as there."""
        name, secrets = str(pod["metadata"]["name"]), secrets_of(pod)
        self._noted[name] = float("inf"), secrets
        try:
            yield
        finally:
            self._noted[name] = self._clock(), secrets
