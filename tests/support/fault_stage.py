"""An operator with everything it needs, each connection of it in the test's hand: API server, stores, edge, workers."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import api_server
import edge_agent
from api_server import Manifest
from conditions import until_true
from control_plane import LOOPBACK, ControlPlane
from kube_proxy import KubeProxy
from operator_config import CONFIG
from operator_forks import OperatorForks
from played_swarm import Swarm
from pymongo import MongoClient
from pymongo.database import Database
from scratch_operator import SLOW, ScratchOperator, Surroundings
from stores import database, far_end, through
from wire import Wire

from streamvault_common import documents, keys
from streamvault_common.documents import file_id
from streamvault_common.keys import API_VERSION, COMPONENT_EDGE, SLICE_BYTES
from streamvault_edge.slices import Film, film_paths
from streamvault_operator.render.common import labels

CHANNEL, MIRROR = -1002400000123, -1002400000456
PART_BYTES = SLICE_BYTES + 1
MODERATOR = "moderator"
TAKEDOWN = {"reason": "CopyrightClaim", "reference": "CASE-88", "requestedBy": "legal"}
LATE_WRITERS_SECONDS = 60
"""How long the cache step waits for slices that were under way; a clock set forward is as good as waiting."""
EDGE = CONFIG["edge"] | {"service": {"type": "ClusterIP"}}
"""A port of the node could be had by one namespace only."""
STEPS = ("Withdrawn", "CachePurged", "SourcePurged", "MirrorsPurged", "DatabasePurged")


@dataclass(frozen=True)
class EdgeAgent:
    """A running purge agent and its cache."""

    port: int
    cache: Path


@contextmanager
def running_edge(cache: Path) -> Iterator[EdgeAgent]:
    """An agent over an empty cache."""
    with edge_agent.running_agent(cache) as client:
        assert client.base_url.port is not None
        yield EdgeAgent(client.base_url.port, cache)


@dataclass
class Stage:
    """`edge`, `mongo` and `redis` are the operator's only ways there, `proxy` its only way to the API server."""

    operator: ScratchOperator
    proxy: KubeProxy
    swarm: Swarm
    mongo: Wire
    redis: Wire
    edge: Wire
    agent: EdgeAgent
    records: "Database[dict[str, Any]]"

    async def start(self, clock_offset_seconds: float = 0.0, **config: Any) -> None:
        """Start the operator over an edge; other sections of its configuration may be replaced."""
        await self.operator.start(clock_offset_seconds, **({"edge": EDGE} | config))

    async def restart(self, *, minutes_later: int = 0) -> None:
        """Kill the operator and start it again, at once or as if it had been down for so many minutes.

        Every clock is set forward: nobody has to wait until slices that were under way may be looked for again.
        """
        await self.operator.kill()
        self.swarm.clock_offset_seconds += minutes_later * (LATE_WRITERS_SECONDS + 2.0)
        await self.start(self.swarm.clock_offset_seconds)

    async def moderator(self) -> None:
        """Bring a session with the role Moderate to Active."""
        self.operator.declare(MODERATOR, roles=["Stream", "Moderate"])
        await self.operator.until_shown(MODERATOR, "Active True/Serving")

    # ---- titles ------------------------------------------------------------------------------------------------------

    def declare_title(self, name: str, *messages: int, **spec: Any) -> None:
        """Declare a film of one file in these messages of CHANNEL, with its mirror; the messages and slices exist."""
        files = self._files(name, *messages)
        mirrors = [{"name": "copy", "channelID": MIRROR, "messageIDs": list(messages)}]
        spec = {"kind": "Movie", "displayName": name, "files": files, "mirrors": mirrors, **spec}
        manifest = {"apiVersion": API_VERSION, "kind": "Title", "metadata": {"name": name}, "spec": spec}
        self.operator.api.create(self.operator.path("titles"), manifest)

    def edit_files(self, name: str, *messages: int) -> None:
        """Let a film's only file be in other messages."""
        self.operator.api.patch(self.operator.path("titles", name), {"spec": {"files": self._files(name, *messages)}})

    def _files(self, name: str, *messages: int) -> list[Manifest]:
        self.swarm.messages.setdefault(CHANNEL, set()).update(messages)
        self.swarm.messages.setdefault(MIRROR, set()).update(messages)
        self.swarm.sizes[self.fid(name)] = PART_BYTES * len(messages)
        parts = [{"channelID": CHANNEL, "messageID": one, "sizeBytes": PART_BYTES} for one in messages]
        return [{"name": "1080p", "quality": "1080p", "parts": parts}]

    async def publish(self, name: str, *messages: int, **spec: Any) -> None:
        """Declare a film, wait until it is on the site, and let the edge cache its slices."""
        self.declare_title(name, *messages, **spec)
        await self.until_title(name, "Published")
        for path in self.slices(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"slice")

    def take_down(self, name: str, **changes: Any) -> None:
        """Ask for a takedown, as somebody with kubectl does."""
        spec = {"state": "TakenDown", "takedown": TAKEDOWN | changes}
        self.operator.api.patch(self.operator.path("titles", name), {"spec": spec})

    def title(self, name: str) -> Manifest:
        """The Title; {} when it is gone."""
        return self.operator.find("titles", name) or {}

    def phase(self, name: str) -> str:
        """`status.phase`; empty when the Title is gone or new."""
        return str(self.title(name).get("status", {}).get("phase", ""))

    def reason(self, name: str, condition: str) -> str:
        """Status and reason of a condition, for example `False/Unreachable`."""
        return reason_of(self.title(name), condition)

    async def until_title(self, name: str, phase: str, seconds: float = SLOW) -> None:
        """Wait for a phase."""
        await self.until(name, lambda title: title.get("status", {}).get("phase") == phase, seconds, phase)

    async def until_reason(self, name: str, condition: str, *reasons: str, seconds: float = SLOW) -> None:
        """Wait until a condition of a Title has one of these statuses and reasons."""
        wanted = f"{condition} {' or '.join(reasons)}"
        await self.until(name, lambda title: reason_of(title, condition) in reasons, seconds, wanted)

    async def until(
        self, name: str, holds: Callable[[Manifest], bool], seconds: float = SLOW, wanted: str = "as it should be"
    ) -> None:
        """Wait until something holds of a Title; it is {} when it is gone."""

        async def looks() -> bool:
            return holds(await asyncio.to_thread(self.title, name))

        try:
            await until_true(looks, seconds)
        except TimeoutError:
            status = self.title(name).get("status")
            raise AssertionError(f"{name} is not {wanted}: {status}\n{self.operator.log()[-3000:]}") from None

    # ---- what is left of a title -------------------------------------------------------------------------------------

    @staticmethod
    def fid(name: str) -> str:
        """Of the only file of a film."""
        return file_id(name, "1080p")

    def slices(self, name: str) -> Sequence[Path]:
        """Where the edge keeps the slices of a film."""
        film = Film(self.fid(name), 1, self.swarm.sizes[self.fid(name)], SLICE_BYTES)
        return list(film_paths(self.agent.cache, film))

    def audit(self, name: str) -> list[str]:
        """What is on record of a title's purge: kind, step and outcome, sorted."""
        found = self.records[documents.AUDIT].find({"title": name})
        return sorted(" ".join(filter(None, (one["kind"], one["step"], one["outcome"]))) for one in found)

    def unhindered(self, name: str) -> list[str]:
        """The same without what was just too slow to answer for a moment, which is on record as well."""
        return [line for line in self.audit(name) if not line.endswith(" Unreachable")]

    async def traces(self, name: str, *messages: int) -> list[str]:
        """Everything that a finished takedown must have removed or put up, but did not."""
        title, fid = self.title(name), self.fid(name)
        conditions = {one["type"]: one["status"] for one in title["status"]["conditions"]}
        catalogue = self.records[documents.TITLES].find_one({"_id": name}) or {}
        async with self.operator.redis.client() as client:
            blocked = await client.exists(keys.blocked_key(fid))
        found = {
            "conditions": any(conditions.get(kind) != "True" for kind in (*STEPS, "TakedownComplete")),
            "slices": any(path.exists() for path in self.slices(name)),
            "tombstone": not (self.agent.cache / "tombstones" / fid).exists(),
            "messages": bool(self.swarm.messages[CHANNEL] & set(messages)),
            "mirrors": bool(self.swarm.messages[MIRROR] & set(messages)),
            "files": self.records[documents.FILES].count_documents({"title": name}) > 0,
            "name": catalogue.get("display_name") != "" or catalogue.get("state") != "TakenDown",
            "denial": self.records[documents.DENIALS].count_documents({"title": name}) != 1,
            "block": not blocked,
            "audit": not set(COMPLETE) <= set(self.audit(name)),
        }
        return [what for what, left in found.items() if left]


def reason_of(title: Manifest, condition: str) -> str:
    """Status and reason of a condition; empty when there is none."""
    conditions = title.get("status", {}).get("conditions", [])
    return next((f"{one['status']}/{one['reason']}" for one in conditions if one["type"] == condition), "")


COMPLETE = sorted(
    [
        "Requested TakenDown",
        *(f"Step {step} Verified" for step in ("withdraw", "cache", "source", "mirrors", "database")),
        "Completed AllStepsVerified",
    ]
)
"""The audit of a takedown that nothing hindered."""


@asynccontextmanager
async def fault_stage(
    plane: ControlPlane, forks: OperatorForks, agent: EdgeAgent, mongodb: str, folder: Path
) -> AsyncIterator[Stage]:
    """Everything but a running operator, in a namespace and a database (of the server `mongodb`) of its own."""
    namespace = f"faults-{secrets.token_hex(4)}"
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb)
    with api_server.connect(plane.kubeconfig) as api, client:
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        async with (
            database(mongodb) as name,
            Wire(*far_end(mongodb)) as mongo,
            Wire.to_socket(folder / "redis.sock") as redis,
            Wire(LOOPBACK, agent.port) as edge,
            KubeProxy(plane, folder / "kubeconfig") as proxy,
        ):
            around = Surroundings(
                kubeconfig=proxy.kubeconfig,
                mongodb_uri=through(mongodb, mongo.port),
                mongodb_database=name,
                redis_url=f"redis://{LOOPBACK}:{redis.port}",
                agent_port=edge.port,
                forks=forks,
            )
            operator = ScratchOperator(api, namespace, folder, around)
            await operator.redis.start()
            async with Swarm(plane, namespace, operator.redis.url) as swarm:
                operator.surroundings = replace(around, worker_port=swarm.port)
                _edge_pod(operator)
                try:
                    yield Stage(operator, proxy, swarm, mongo, redis, edge, agent, client[name])
                finally:
                    operator.kill_fork()
            await operator.redis.stop()


def _edge_pod(operator: ScratchOperator) -> None:
    """Play the StatefulSet's controller and the kubelet: one pod of the edge runs."""
    marks = labels(CONFIG["instance"], COMPONENT_EDGE)
    spec = {"containers": [{"name": "edge", "image": "edge"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "edge-0", "labels": marks}, "spec": spec}
    operator.api.create(operator.path("pods"), pod)
    operator.api.patch(operator.path("pods", "edge-0", "status"), {"status": {"phase": "Running", "podIP": LOOPBACK}})
