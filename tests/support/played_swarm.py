"""A node and its workers, played: every worker pod of a namespace runs, beats, drains and ends as a real one would.

What it keeps is the truth that a test judges the operator by: which processes used a session at the same time, and how
many served viewers at every moment. It talks to the API server directly, not through what a test breaks.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web
from control_plane import LOOPBACK, ControlPlane
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streamvault_common import keys
from streamvault_common.models import SessionReport, WorkerState
from streamvault_common.requests import REQUEST_FIELD, MessagesReply, MessagesRequest, ReplyOutcome, RequestKind

BEAT_SECONDS = 0.3
RETRY_SECONDS = 0.2
Manifest = dict[str, Any]


@dataclass
class PlayedWorker:
    """One pod and the process in it; the process may outlive the pod, as on a node that is cut off."""

    session: str
    uid: str
    born_at: float
    """When its pod was made (Unix time)."""
    ready: bool = False
    stopping: bool = False
    ended: bool = False
    in_flight: int = 0


@dataclass
class Flood:
    """An ordered wait: when it began (Unix time), and for how long."""

    at: float
    seconds: int
    cooling_seconds: float
    """How long the worker itself keeps still."""


@dataclass
class Swarm:
    """Plays every worker pod of `namespace`; Redis is reached by `redis_url`."""

    plane: ControlPlane
    namespace: str
    redis_url: str
    workers: list[PlayedWorker] = field(default_factory=list)
    """Every process there ever was."""
    clashes: list[str] = field(default_factory=list)
    """Sessions that two processes used at the same time: what must never happen."""
    fewest_serving: int = 10**6
    """The least number of workers that served at once since it was last set."""
    held: set[str] = field(default_factory=set)
    """Sessions whose pod stays Terminating: its process has ended, its node does not say so."""
    lost: set[str] = field(default_factory=set)
    """Sessions whose process ends without a word when its pod is removed."""
    deaf: set[str] = field(default_factory=set)
    """Sessions that leave what they are asked where it is: by somebody else's hand, or by nobody's."""
    silent: set[str] = field(default_factory=set)
    """Sessions whose process does not beat: a real one does, or it hangs."""
    floods: dict[str, Flood] = field(default_factory=dict)
    messages: dict[int, set[int]] = field(default_factory=dict)
    """What is in each channel."""
    refusals: dict[str, MessagesReply] = field(default_factory=dict)
    """What a session answers instead of doing what it is asked."""
    requests: list[tuple[float, str, RequestKind]] = field(default_factory=list)
    """What sessions were asked to do with messages, and when (monotonic time)."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Size of each stored file that workers can read, by fid."""
    copies: dict[str, str] = field(default_factory=dict)
    """Files that hold the bytes of another one."""
    clock_offset_seconds: float = 0.0
    """How far the workers' clocks are off."""
    port: int = 0

    async def __aenter__(self) -> Self:
        pki = self.plane.pki
        trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._http = aiohttp.ClientSession(
            f"https://{LOOPBACK}:{self.plane.port}", connector=aiohttp.TCPConnector(ssl=trust, limit=0)
        )
        self._redis = Redis.from_url(self.redis_url, decode_responses=True)
        app = web.Application()
        app.router.add_get("/files/{fid}/{gen}", self._read_file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.port = self._runner.addresses[0][1]
        self._tasks: set[asyncio.Task[None]] = {asyncio.create_task(self._watch(), name="swarm")}
        return self

    async def __aexit__(self, *_: object) -> None:
        pending: set[asyncio.Task[None]] = self._tasks
        while pending:  # a cancellation that meets the end of a bounded wait is lost (python/cpython#86296)
            for task in pending:
                task.cancel()
            pending = (await asyncio.wait(pending, timeout=1))[1]
        await self._runner.cleanup()
        await self._redis.aclose()
        await self._http.close()

    def running(self, session: str) -> PlayedWorker | None:
        """The process that uses a session now."""
        return next((one for one in self.workers if one.session == session and not one.ended), None)

    def made(self, session: str) -> int:
        """How many pods a session has had."""
        return len({one.uid for one in self.workers if one.session == session})

    def serving(self) -> int:
        """How many workers serve viewers now."""
        return sum(one.ready and not one.ended for one in self.workers)

    def now(self) -> float:
        """The workers' clock (Unix time)."""
        return time.time() + self.clock_offset_seconds

    # ---- pods --------------------------------------------------------------------------------------------------------

    def _path(self, name: str = "", subresource: str = "") -> str:
        return "/".join(filter(None, [f"/api/v1/namespaces/{self.namespace}/pods", name, subresource]))

    async def _watch(self) -> None:
        chosen = {"labelSelector": f"{keys.LABEL_COMPONENT}={keys.COMPONENT_WORKER}"}
        while True:
            with suppress(aiohttp.ClientError, OSError, ValueError):
                async with self._http.get(self._path(), params=chosen, raise_for_status=True) as answer:
                    found = await answer.json()
                self._catch_up(found["items"])
                query = {**chosen, "watch": "true", "resourceVersion": found["metadata"]["resourceVersion"]}
                async with self._http.get(self._path(), params=query, timeout=aiohttp.ClientTimeout()) as events:
                    async for line in events.content:
                        event = json.loads(line)
                        if event["type"] in {"ADDED", "MODIFIED", "DELETED"}:
                            self._seen(event["object"], gone=event["type"] == "DELETED")
            await asyncio.sleep(RETRY_SECONDS)

    def _catch_up(self, pods: list[Manifest]) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for worker in self.workers:
            if worker.uid not in there and not worker.ended:
                self._removed(worker)
        for pod in pods:
            self._seen(pod, gone=False)

    def _seen(self, pod: Manifest, *, gone: bool) -> None:
        metadata = pod["metadata"]
        session = metadata["labels"][keys.LABEL_SESSION]
        worker = next((one for one in self.workers if one.uid == metadata["uid"]), None)
        if worker is None and not gone:
            others = [one.uid for one in self.workers if one.session == session and not one.ended]
            if others:
                self.clashes.append(f"{session}: {metadata['uid']} was made while {others} still ran")
            worker = PlayedWorker(session, metadata["uid"], time.time())
            self.workers.append(worker)
            self._begin(self._live(worker, metadata["name"]))
        elif worker is not None and gone:
            self._removed(worker)
        elif worker is not None and "deletionTimestamp" in metadata:
            worker.stopping = True

    def _removed(self, worker: PlayedWorker) -> None:
        worker.stopping = True
        if worker.session in self.lost:
            worker.ended = True
            self._judge()

    def _begin(self, life: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(life)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _live(self, worker: PlayedWorker, pod: str) -> None:
        """A process from its start to its end, and what the kubelet says of it."""
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}}
        await self._do("POST", self._path(pod, "binding"), {**binding, "target": {"kind": "Node", "name": "played"}})
        beating = self._begin(self._beats(worker))
        while not worker.stopping:
            drains = await self._drains(worker.session)
            state = self._state(worker.session, drains=drains)
            await self._show(worker, pod, ready=state is WorkerState.SERVING)
            if worker.session not in self.deaf:
                await self._answer(worker.session)
            await asyncio.sleep(BEAT_SECONDS)
        await beating
        if worker.ended:
            return
        worker.ready = False
        self._judge()
        if worker.session not in self.lost:
            await self._beat(worker, WorkerState.STOPPED)
        worker.ended = True
        while worker.session in self.held:  # noqa: ASYNC110 - a set that the test changes
            await asyncio.sleep(BEAT_SECONDS)
        await self._do("DELETE", self._path(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": worker.uid}})

    async def _beats(self, worker: PlayedWorker) -> None:
        """Apart from what the kubelet says: a slow API server makes no worker silent."""
        while not worker.stopping:
            drains = await self._drains(worker.session)
            await self._beat(worker, self._state(worker.session, drains=drains))
            await asyncio.sleep(BEAT_SECONDS)

    async def _show(self, worker: PlayedWorker, pod: str, *, ready: bool) -> None:
        if worker.ready == ready and worker.ready:
            return
        moment = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-11-22T13:00:00Z"}
        status = {"phase": "Running", "podIP": LOOPBACK, "conditions": [moment]}
        if await self._do("PATCH", self._path(pod, "status"), {"metadata": {"uid": worker.uid}, "status": status}):
            worker.ready = ready
            self._judge()

    async def _do(self, method: str, path: str, body: Manifest) -> bool:
        """Until the API server has an opinion; whether that was a yes."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with self._http.request(
                    method, path, json=body, headers={"Content-Type": kind}, timeout=aiohttp.ClientTimeout(total=10)
                ) as answer:
                    if answer.status < 500 and answer.status != 429:
                        return answer.status < 300
            await asyncio.sleep(RETRY_SECONDS)

    def _judge(self) -> None:
        self.fewest_serving = min(self.fewest_serving, self.serving())

    # ---- workers -----------------------------------------------------------------------------------------------------

    async def _drains(self, session: str) -> bool:
        with suppress(RedisError, OSError):
            return bool(await self._redis.exists(keys.drain_key(session)))
        return False

    def _state(self, session: str, *, drains: bool) -> WorkerState:
        flood = self.floods.get(session)
        if drains:
            return WorkerState.DRAINING
        if flood is not None and self.now() < flood.at + flood.cooling_seconds:
            return WorkerState.COOLING
        return WorkerState.SERVING

    async def _beat(self, worker: PlayedWorker, state: WorkerState) -> None:
        if worker.session in self.silent:
            return
        flood = self.floods.get(worker.session)
        waits = {}
        if flood is not None:
            waits = {"flood_at": flood.at, "flood_until": flood.at + flood.seconds, "flood_seconds": flood.seconds}
        report: Any = SessionReport(
            state=state, at=self.now(), pod_uid=worker.uid, in_flight=worker.in_flight, **waits
        ).to_redis()
        with suppress(RedisError, OSError):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(keys.session_key(worker.session), mapping=report)
                pipe.expire(keys.session_key(worker.session), keys.HEARTBEAT_TTL_SECONDS)
                await pipe.execute()

    async def _answer(self, session: str) -> None:
        with suppress(RedisError, OSError):
            entries: Any = await self._redis.xrange(keys.requests_key(session))
            for number, entry in entries:
                request = MessagesRequest.model_validate_json(entry[REQUEST_FIELD])
                await self._redis.xdel(keys.requests_key(session), number)
                self.requests.append((time.monotonic(), session, request.kind))
                reply = self.refusals.get(session) or self._moderate(request)
                await self._redis.rpush(keys.reply_key(request.id), reply.model_dump_json())
                await self._redis.expire(keys.reply_key(request.id), keys.REPLY_SECONDS)

    def _moderate(self, request: MessagesRequest) -> MessagesReply:
        known = self.messages.setdefault(request.channel_id, set())
        if request.kind is RequestKind.DELETE_MESSAGES:
            known -= set(request.message_ids)
        return MessagesReply(outcome=ReplyOutcome.DONE, present=tuple(sorted(known & set(request.message_ids))))

    async def _read_file(self, request: web.Request) -> web.Response:
        fid = request.match_info["fid"]
        size = self.sizes.get(fid)
        if size is None:
            return web.Response(status=404)
        length = int(request.headers["Range"].rpartition("-")[2]) + 1
        content = self.copies.get(fid, fid).encode() * (1 + length // len(fid))  # no two other files begin alike
        headers = {"Content-Range": f"bytes 0-{length - 1}/{size}"}
        return web.Response(status=206, body=content[:length], headers=headers)
