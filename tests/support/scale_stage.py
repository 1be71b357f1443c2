"""An operator among thousands of objects: nothing stands between it and what it talks to, its figures are read outside.

What it writes is counted by the API server, its memory by the kernel. The stores are real, the edge is a real purge
agent over a real cache; who plays the workers is the benchmark's choice.
"""

import asyncio
import os
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import api_server
from api_server import Manifest
from control_plane import LOOPBACK, ControlPlane, running_control_plane
from fault_stage import EdgeAgent, running_edge
from operator_config import CONFIG
from operator_forks import OperatorForks
from ports import free_port
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient
from pymongo.database import Database
from scratch_operator import ScratchOperator, Surroundings
from stores import database, installation_uri

from streamvault_common.keys import COMPONENT_EDGE, FIELD_MANAGER
from streamvault_operator.render.common import labels

READING_VERBS = frozenset({"GET", "LIST", "WATCH", "CONNECT"})
WRITES = "apiserver_request"
OWNERSHIP = {"fieldManager": FIELD_MANAGER, "force": "true"}
MEDIA_TYPES = {
    "POST": "application/json",
    "PATCH": "application/merge-patch+json",
    "APPLY": "application/apply-patch+yaml",
}
AT_ONCE = 16
PAUSE_SECONDS = 0.25
T = TypeVar("T")
Samples = Counter[tuple[str, ...]]


@dataclass
class ScaleStage:
    """Everything but a running operator; `forks` is made anew for each start, so that a start includes its imports."""

    plane: ControlPlane
    operator: ScratchOperator
    agent: EdgeAgent
    records: "Database[dict[str, Any]]"
    http: aiohttp.ClientSession
    """To the API server, as its administrator."""

    worker_port: int = 0
    """Where workers answer, all at one address."""

    async def start(self, **config: Any) -> None:
        """Start the operator from nothing; sections of its configuration may be replaced."""
        self.operator.surroundings = replace(
            self.operator.surroundings, forks=OperatorForks(), port=free_port(), worker_port=self.worker_port
        )
        await self.operator.start(**({"edge": CONFIG["edge"]} | config))

    async def kill(self) -> None:
        """End the operator at once."""
        forks = self.operator.surroundings.forks
        if forks is not None:
            await self.operator.kill()
            forks.close()
        self.operator.surroundings = replace(self.operator.surroundings, forks=None)

    # ---- figures -----------------------------------------------------------------------------------------------------

    async def writes(self, *resources: str) -> int:
        """How often objects of these resources, such as `titles/status`, were written since the API server started."""
        counted: Samples = Counter()
        for labelled, value in await self._samples(f"https://{LOOPBACK}:{self.plane.port}/metrics", WRITES):
            resource = "/".join(filter(None, (labelled["resource"], labelled["subresource"])))
            if labelled["verb"] not in READING_VERBS and labelled["code"].startswith("2"):
                counted[(resource,)] += int(value)
        return sum(counted[(resource,)] for resource in resources)

    async def known(self, resource: str) -> tuple[int, int]:
        """How many objects the running operator knows the phase of, and how many are due now; (0, 0) before it runs."""
        counted = await self._own_samples(f"streamvault_operator_{resource}s_count")
        due = await self._own_samples("streamvault_operator_due_objects")
        waiting = sum(value for labelled, value in due if labelled["resource"] == resource)
        return int(sum(value for _, value in counted)), int(waiting)

    async def looks(self, resource: str) -> int:
        """How many reconciliations the running operator has finished."""
        done = await self._own_samples("streamvault_operator_reconciles")
        return int(sum(value for labelled, value in done if labelled["resource"] == resource))

    async def _own_samples(self, family: str) -> list[tuple[dict[str, str], float]]:
        try:
            return await self._samples(f"http://{LOOPBACK}:{self.operator.surroundings.port}/metrics", family)
        except aiohttp.ClientError:
            return []

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Memory of the operator now (VmRSS) or at its highest (VmHWM)."""
        lines = Path(f"/proc/{self.operator.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))

    def cpu_seconds(self) -> float:
        """User and system time of the operator since its start."""
        fields = Path(f"/proc/{self.operator.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def _samples(self, address: str, family: str) -> list[tuple[dict[str, str], float]]:
        async with self.http.get(address) as answer:
            text = await answer.text()
        found = (one for one in text_string_to_metric_families(text) if one.name == family)
        return [
            (sample.labels, sample.value)
            for one in found
            for sample in one.samples
            if not sample.name.endswith("_created")
        ]

    # ---- objects -----------------------------------------------------------------------------------------------------

    async def create(self, plural: str, manifests: Iterable[Manifest]) -> None:
        """Make many objects, some at once; raises aiohttp.ClientResponseError."""

        async def one(manifest: Manifest) -> None:
            await self.send("POST", plural, "", manifest)

        await at_once(one, manifests)

    async def objects(self, plural: str) -> list[Manifest]:
        """All objects of the namespace."""
        url = f"https://{LOOPBACK}:{self.plane.port}{self.operator.path(plural)}"
        async with self.http.get(url, raise_for_status=True) as answer:
            items: list[Manifest] = (await answer.json())["items"]
            return items

    async def send(self, method: str, plural: str, name: str, body: Manifest) -> Manifest:
        """POST, merge PATCH, or APPLY in the operator's name; raises aiohttp.ClientResponseError."""
        url = f"https://{LOOPBACK}:{self.plane.port}{self.operator.path(plural, name)}"
        verb, query = ("PATCH", OWNERSHIP) if method == "APPLY" else (method, {})
        headers = {"Content-Type": MEDIA_TYPES[method]}
        async with self.http.request(
            verb, url, params=query, json=body, headers=headers, raise_for_status=True
        ) as answer:
            made: Manifest = await answer.json()
            return made


async def at_once(act: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    """Do something with all things, a few at a time."""
    waiting = iter(things)

    async def lane() -> None:
        for thing in waiting:
            await act(thing)

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


@asynccontextmanager
async def scale_stage(folder: Path) -> AsyncIterator[ScaleStage]:
    """A control plane, stores, an edge and workers of one's own."""
    namespace = f"scale-{secrets.token_hex(4)}"
    mongodb = installation_uri()
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb)
    cache = folder / "cache"
    cache.mkdir()
    with (
        running_control_plane() as plane,
        running_edge(cache) as agent,
        api_server.connect(plane.kubeconfig) as api,
        client,
    ):
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        trust = ssl.create_default_context(cafile=str(plane.pki / "ca.crt"))
        trust.load_cert_chain(plane.pki / "admin.crt", plane.pki / "admin.key")
        connector = aiohttp.TCPConnector(ssl=trust, limit=AT_ONCE)
        async with database(mongodb) as name, aiohttp.ClientSession(connector=connector) as http:
            around = Surroundings(
                kubeconfig=plane.kubeconfig,
                mongodb_uri=mongodb,
                mongodb_database=name,
                agent_port=agent.port,
            )
            operator = ScratchOperator(api, namespace, folder, around)
            await operator.redis.start()
            _run_edge_pod(operator)
            stage = ScaleStage(plane, operator, agent, client[name], http)
            try:
                yield stage
            finally:
                await stage.kill()
                await operator.redis.stop()


def _run_edge_pod(operator: ScratchOperator) -> None:
    """Play the StatefulSet's controller and the kubelet: the edge's one pod runs."""
    marks = labels(CONFIG["instance"], COMPONENT_EDGE)
    spec = {"containers": [{"name": "edge", "image": "edge"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "edge-0", "labels": marks}, "spec": spec}
    operator.api.create(operator.path("pods"), pod)
    status = {"phase": "Running", "podIP": LOOPBACK, "conditions": [{"type": "Ready", "status": "True"}]}
    operator.api.patch(operator.path("pods", "edge-0", "status"), {"status": status})
