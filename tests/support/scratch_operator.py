"""The operator of this tree as a process of its own, over a namespace of its own on a real API server.

Its worker pods ask for a node that does not exist, so no kubelet interferes: a test plays the kubelet (pod status) and
the worker (heartbeats in a real Redis), or lets `played_swarm` do that.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from api_server import REPOSITORY, ApiServer, Manifest, Refused, kubeconfig_path
from conditions import until_true
from edge_agent import TOKEN
from operator_config import CONFIG
from operator_forks import OperatorForks, Order
from redis_server import RedisServer

from streamvault_common import keys
from streamvault_common.keys import API_VERSION
from streamvault_common.models import SessionReport, Verdict, WorkerState

NOWHERE = {"streamvault.io/node": "none"}
SLOW = 180.0


@dataclass(frozen=True)
class Surroundings:
    """Where the operator finds things; what is left out does not answer, or is the test's own.

    `forks` starts the operator faster, and is needed for another clock and for ports of pods that are not the usual.
    """

    kubeconfig: Path = field(default_factory=kubeconfig_path)
    mongodb_uri: str = "mongodb://127.0.0.1:9"
    mongodb_database: str = "streamvault"
    redis_url: str = ""
    agent_port: int = 0
    worker_port: int = 0
    port: int = 0
    """Of the operator's own HTTP server; 0 is any."""
    forks: OperatorForks | None = None


@asynccontextmanager
async def scratch_operator(api: ApiServer, forks: OperatorForks, **config: Any) -> AsyncIterator["ScratchOperator"]:
    """An operator over an empty namespace of the cluster; `config` as for `start`. Everything goes with it."""
    namespace = f"operator-test-{secrets.token_hex(4)}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    with TemporaryDirectory() as folder:
        operator = ScratchOperator(api, namespace, Path(folder), Surroundings(forks=forks))
        await operator.redis.start()
        await operator.start(**config)
        try:
            yield operator
        finally:
            await operator.kill()
            await operator.redis.stop()
            operator.sweep()


class ScratchOperator:
    """One namespace, one Redis, and an operator that can be killed and started again.

    Whatever waits asks the API server in another thread: what the operator talks to may live in this one, and an
    answer that is slow must not hold that up.
    """

    def __init__(self, api: ApiServer, namespace: str, folder: Path, surroundings: Surroundings | None = None) -> None:
        self.api = api
        self.namespace = namespace
        self.redis = RedisServer(folder)
        self.surroundings = surroundings or Surroundings()
        self._config = folder / "config.yaml"
        self._log = folder / "operator.log"
        self._process: asyncio.subprocess.Process | None = None
        self._fork = 0

    async def start(self, clock_offset_seconds: float = 0.0, **config: Any) -> None:
        """Start the operator; `config` replaces sections of its configuration."""
        around = self.surroundings
        sections = CONFIG | {"ownerDeployment": None, "edge": None} | config
        self._config.write_text(yaml.safe_dump(sections), encoding="utf-8")
        environment = os.environ | {
            "KUBECONFIG": str(around.kubeconfig),
            "PYTHONPATH": f"{REPOSITORY / 'operator'}:{REPOSITORY / 'images/common'}",
            "STREAMVAULT_CONFIG": str(self._config),
            "POD_NAMESPACE": self.namespace,
            "MONGODB_URI": around.mongodb_uri,
            "MONGODB_DATABASE": around.mongodb_database,
            "REDIS_URL": around.redis_url or self.redis.url,
            "EDGE_AGENT_TOKEN": TOKEN,
            "PORT": str(around.port),
        }
        if around.forks is not None:
            ports = (around.agent_port, around.worker_port)
            self._fork = around.forks.start(Order(environment, str(self._log), clock_offset_seconds, *ports))
            return
        assert clock_offset_seconds == 0, "another clock needs forks"
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "streamvault_operator", env=environment, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Of the running operator; 0 when there is none."""
        return self._process.pid if self._process is not None else self._fork

    async def kill(self) -> None:
        """End it at once, as a node that fails would."""
        self.kill_fork()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def kill_fork(self) -> None:
        """The same for an operator that was forked, without a pause in which anything else could happen."""
        if self._fork and self.surroundings.forks is not None:
            self.surroundings.forks.kill(self._fork)
            self._fork = 0

    def log(self) -> str:
        """What it logged so far."""
        return self._log.read_text(encoding="utf-8")

    def path(self, plural: str, name: str = "", subresource: str = "") -> str:
        """Path of an object in the namespace."""
        roots = {"workersessions": f"/apis/{API_VERSION}", "titles": f"/apis/{API_VERSION}"}
        root = roots.get(plural, "/apis/apps/v1" if plural == "statefulsets" else "/api/v1")
        return "/".join(filter(None, [root, "namespaces", self.namespace, plural, name, subresource]))

    def find(self, plural: str, name: str) -> Manifest | None:
        """An object, or None."""
        try:
            return self.api.get(self.path(plural, name))
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    def declare(self, name: str, **spec: Any) -> None:
        """Make a WorkerSession."""
        spec = {"sessionSecretRef": {"name": name}, "nodeSelector": NOWHERE, **spec}
        manifest = {"apiVersion": API_VERSION, "kind": "WorkerSession", "metadata": {"name": name}, "spec": spec}
        self.api.create(self.path("workersessions"), manifest)

    def edit(self, name: str, **spec: Any) -> None:
        """Change a WorkerSession."""
        self.api.patch(self.path("workersessions", name), {"spec": spec})

    def shown(self, name: str) -> str:
        """Phase and Ready as `kubectl get ws` prints them; empty when the session is gone."""
        session = self.find("workersessions", name)
        if session is None:
            return ""
        status = session.get("status", {})
        ready: Manifest = next((item for item in status.get("conditions", []) if item["type"] == "Ready"), {})
        return f"{status.get('phase')} {ready.get('status')}/{ready.get('reason')}"

    async def until_shown(self, name: str, wanted: str) -> None:
        """Wait until the session is shown as `wanted`."""

        async def matches() -> bool:
            return await asyncio.to_thread(self.shown, name) == wanted

        try:
            await until_true(matches, SLOW)
        except TimeoutError:
            raise AssertionError(f"{name} is {self.shown(name)!r}, not {wanted!r}\n{self.log()[-2000:]}") from None

    async def pod(self, name: str, *, other_than: str = "") -> Manifest:
        """The worker pod of a session, as soon as there is one (with another uid than `other_than`)."""

        async def found() -> Manifest | None:
            pod = await asyncio.to_thread(self.find, "pods", keys.pod_name(name))
            return pod if pod is not None and pod["metadata"]["uid"] != other_than else None

        pod = await until_true(found, SLOW)
        assert pod is not None
        return pod

    async def until_no_pod(self, name: str) -> None:
        """Wait until the session has no worker pod."""

        async def gone() -> bool:
            return await asyncio.to_thread(self.find, "pods", keys.pod_name(name)) is None

        await until_true(gone, SLOW)

    def run_pod(self, name: str, *, ready: bool = True) -> None:
        """Play the kubelet: the worker's container runs, and is ready or not."""
        conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-11-22T13:00:00Z"}]
        status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": conditions}
        self.api.patch(self.path("pods", keys.pod_name(name), "status"), {"status": status})

    async def beat(self, name: str, state: WorkerState = WorkerState.SERVING, **fields: Any) -> None:
        """Play the worker: write a heartbeat."""
        report: Any = SessionReport(state=state, at=time.time(), **fields).to_redis()
        async with self.redis.client() as client:
            await client.hset(keys.session_key(name), mapping=report)

    async def condemn(self, name: str, verdict: Verdict) -> None:
        """Play the worker: Telegram refused the session string."""
        fields: Any = verdict.to_redis()
        async with self.redis.client() as client:
            await client.hset(keys.verdict_key(name), mapping=fields)

    async def flags(self, name: str) -> set[str]:
        """What Redis holds for a session."""
        async with self.redis.client() as client:
            return {str(key) for key in await client.keys(f"sv:session:{name}*")}

    async def serve(self, name: str) -> str:
        """Bring a declared session to Active; returns the uid of its pod."""
        pod = await self.pod(name)
        self.run_pod(name)
        await self.beat(name)
        await self.until_shown(name, "Active True/Serving")
        await self.until_told(name, "SessionActivated")
        return str(pod["metadata"]["uid"])

    def events(self, name: str) -> list[str]:
        """Reasons of the events on an object, oldest first."""
        found = self.api.get(self.path("events"), fieldSelector=f"involvedObject.name={name}")["items"]
        return [event["reason"] for event in sorted(found, key=lambda event: str(event["firstTimestamp"]))]

    async def until_told(self, name: str, *reasons: str) -> None:
        """Wait until there are Events for all these reasons: each is written after the status that it tells of."""

        async def told() -> bool:
            return set(reasons) <= set(await asyncio.to_thread(self.events, name))

        try:
            await until_true(told, SLOW)
        except TimeoutError:
            raise AssertionError(f"of {name} is told {self.events(name)}, not {reasons}") from None

    def sweep(self) -> None:
        """Let everything of the namespace go, also what waits for an operator, then the namespace."""
        for plural in ("workersessions", "titles"):
            for item in self.api.get(self.path(plural))["items"]:
                name = item["metadata"]["name"]
                self.api.patch(self.path(plural, name), {"metadata": {"finalizers": None}})
        self.api.delete(f"/api/v1/namespaces/{self.namespace}")
