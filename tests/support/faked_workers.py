"""Hundreds of worker pods without a node: the kubelet is played, and the workers' reports to a real Redis are too."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from api_server import Manifest
from control_plane import LOOPBACK
from redis.asyncio import Redis
from scale_stage import ScaleStage, at_once

from streamvault_common import keys
from streamvault_common.models import SessionReport, WorkerState

BEAT_SECONDS = 2.0
PAUSE_SECONDS = 0.5
WAIT_SECONDS = 3600


@dataclass
class FakedWorkers:
    """Every worker pod of the namespace runs and is ready, and its worker reports that it serves until `flood`."""

    stage: ScaleStage
    uids: dict[str, str] = field(default_factory=dict)
    """The pod of each session that has one."""
    floods: dict[str, float] = field(default_factory=dict)
    """Since when (Unix time) a session waits by Telegram's order."""

    async def __aenter__(self) -> Self:
        self._redis = Redis.from_url(self.stage.operator.redis.url, decode_responses=True)
        self._tasks = [asyncio.create_task(self._run_pods()), asyncio.create_task(self._report())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def flood(self, sessions: list[str]) -> None:
        """Telegram orders these sessions to wait; their workers say so at once."""
        now = time.time()
        self.floods |= dict.fromkeys(sessions, now)
        await self._say(sessions)

    async def _run_pods(self) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                pods = [
                    pod for pod in await self.stage.objects("pods") if keys.LABEL_SESSION in pod["metadata"]["labels"]
                ]
                await at_once(self._run_pod, [pod for pod in pods if "podIP" not in pod["status"]])
                self.uids = {pod["metadata"]["labels"][keys.LABEL_SESSION]: pod["metadata"]["uid"] for pod in pods}
            await asyncio.sleep(PAUSE_SECONDS)

    async def _run_pod(self, pod: Manifest) -> None:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": pod["metadata"]["creationTimestamp"]}
        status = {"phase": "Running", "podIP": LOOPBACK, "conditions": [ready]}
        await self.stage.send("PATCH", "pods", f"{pod['metadata']['name']}/status", {"status": status})

    async def _report(self) -> None:
        while True:
            await self._say(list(self.uids))
            await asyncio.sleep(BEAT_SECONDS)

    async def _say(self, sessions: list[str]) -> None:
        """Heartbeats of these sessions' workers."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for session in sessions:
                report: Any = self._heartbeat(session).to_redis()
                pipeline.hset(keys.session_key(session), mapping=report)
            await pipeline.execute()

    def _heartbeat(self, session: str) -> SessionReport:
        flood_at = self.floods.get(session, 0.0)
        state = WorkerState.COOLING if flood_at else WorkerState.SERVING
        waits = {"flood_at": flood_at, "flood_until": flood_at + WAIT_SECONDS, "flood_seconds": WAIT_SECONDS}
        own = {"state": state, "at": time.time(), "pod_uid": self.uids[session]}
        return SessionReport.model_validate(own | (waits if flood_at else {}))
