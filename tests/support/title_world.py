"""Titles and everything around them for tests of their reconciliation, without a cluster.

Redis is a real one, MongoDB is spoken over the wire; the API server, the edges, the workers and the moderators are
tables. Everything can be taken away and brought back.
"""

import asyncio
import copy
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mongo_documents import Document, MongoDocuments
from motor.motor_asyncio import AsyncIOMotorClient
from operator_config import config
from purges import Channels
from redis_server import RedisServer
from titles import CHANNEL, NOW, declared

from streamvault_common import keys
from streamvault_common.documents import AUDIT, FILES, PURGES, TITLES, file_id
from streamvault_operator.deps import Deps
from streamvault_operator.io.agents import AgentUnavailable, Swept
from streamvault_operator.io.kube import POD, TITLE, WORKER_SESSION, Conflict, Kind, Manifest, NotFound
from streamvault_operator.io.reports import Reports
from streamvault_operator.io.store import Store
from streamvault_operator.io.workers import Reading
from streamvault_operator.reconcile.title import reconcile_title

NAME = "blue-tape"
SELECTION_MILLISECONDS = 3000
EDGE = "10.0.0.1"
WORKER = "10.0.1.1"


@dataclass
class ApiTable:
    """The API server: objects by kind and name; `events` are (name, reason, warning)."""

    objects: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    events: list[tuple[str, str, bool]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=lambda: {"titles", "workersessions"})
    status_writes: int = 0
    frozen: set[str] = field(default_factory=set)
    """Objects that refuse every change but of their status."""

    async def served(self, _: str) -> set[str]:
        return self.kinds

    async def find(self, kind: Kind, name: str) -> Manifest | None:
        return copy.deepcopy(self.objects.get((kind.plural, name)))

    async def get(self, kind: Kind, name: str) -> Manifest:
        found = await self.find(kind, name)
        if found is None:
            raise NotFound(f"{kind.plural} {name}")
        return found

    async def select(self, kind: Kind, *, labels: Mapping[str, str] | None = None, fields: str = "") -> list[Manifest]:
        wanted = (labels or {}).items()
        found = [entry for (plural, _), entry in self.objects.items() if plural == kind.plural]
        return [copy.deepcopy(one) for one in found if wanted <= one["metadata"].get("labels", {}).items()]

    async def set_finalizer(self, kind: Kind, current: Manifest, finalizer: str, *, present: bool) -> None:
        if current["metadata"]["name"] in self.frozen:
            raise Conflict(f"{kind.plural} {current['metadata']['name']}: 422")
        metadata = self.objects[kind.plural, current["metadata"]["name"]]["metadata"]
        others = [one for one in metadata.get("finalizers", []) if one != finalizer]
        metadata["finalizers"] = [*others, finalizer] if present else others
        self._let_go(kind, metadata)

    async def apply_status(self, kind: Kind, current: Manifest, status: Manifest) -> bool:
        if current.get("status", {}) == status:
            return False
        self.status_writes += 1
        self.objects[kind.plural, current["metadata"]["name"]]["status"] = copy.deepcopy(status)
        return True

    async def delete(self, kind: Kind, name: str, *, uid: str) -> None:
        metadata = self.objects[kind.plural, name]["metadata"]
        if metadata["uid"] == uid:
            metadata["deletionTimestamp"] = "2026-11-22T13:00:00Z"
            self._let_go(kind, metadata)

    async def post_event(self, regarding: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
        self.events.append((regarding["metadata"]["name"], reason, warning))

    def put(self, kind: Kind, name: str, manifest: Manifest) -> None:
        """Make or replace an object."""
        self.objects[kind.plural, name] = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}

    def _let_go(self, kind: Kind, metadata: Manifest) -> None:
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            del self.objects[kind.plural, metadata["name"]]


@dataclass
class EdgeTable:
    """What each edge holds, by address; those in `away` do not answer."""

    slices: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    buried: dict[str, set[str]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    sweeping: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, it holds every sweep up."""

    def __post_init__(self) -> None:
        self.sweeping.set()

    async def bury(self, address: str, fids: Iterable[str]) -> None:
        self._ask(address)
        self.buried.setdefault(address, set()).update(fids)

    async def unbury(self, address: str, fids: Iterable[str]) -> None:
        self._ask(address)
        self.buried.setdefault(address, set()).difference_update(fids)

    async def purge(self, address: str, files: Iterable[Any]) -> Swept:
        self._ask(address)
        await self.sweeping.wait()
        held, wanted = self.slices.setdefault(address, set()), {(file.fid, file.gen) for file in files}
        removed = len(held & wanted)
        held -= wanted
        return Swept(removed, 0)

    def _ask(self, address: str) -> None:
        if address in self.away:
            raise AgentUnavailable(f"edge agent at {address}: ClientConnectorError")


@dataclass
class WorkerTable:
    """Workers that read what `content` holds for a fid, else zeros; with `hanging` they answer nobody."""

    content: dict[str, bytes] = field(default_factory=dict)
    size_bytes: int = 1_000_000
    hanging: bool = False
    asked: list[str] = field(default_factory=list)

    async def first_bytes(self, address: str, fid: str, gen: int, length: int) -> Reading:
        self.asked.append(fid)
        if self.hanging:
            await asyncio.Event().wait()
        head = self.content.get(fid, fid.encode()).ljust(length, b"\0")[:length]
        return Reading(206, self.size_bytes, length, hashlib.sha256(head).hexdigest())


class TitleWorld:
    """One operator's view; `look` is one reconciliation."""

    def __init__(self, folder: Path) -> None:
        self.api = ApiTable()
        self.edges = EdgeTable()
        self.workers = WorkerTable()
        self.channels = Channels()
        self.mongo = MongoDocuments()
        self.redis = RedisServer(folder)
        self.now: datetime = NOW
        self.deps: Deps

    async def start(self) -> None:
        """Start the stores; one edge, one worker and one moderator serve."""
        await asyncio.gather(self.mongo.start(), self.redis.start())
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            self.mongo.uri, serverSelectionTimeoutMS=SELECTION_MILLISECONDS
        )
        gateways: dict[str, Any] = {"kube": self.api, "workers": self.workers, "agents": self.edges}
        self.deps = Deps(
            config=config(),
            store=Store(client, "streamvault"),
            reports=Reports.connect(self.redis.url),
            requests=self.channels,  # type: ignore[arg-type]
            now=lambda: self.now,
            **gateways,
        )
        self.add_pod("edge-0", keys.COMPONENT_EDGE, EDGE)
        self.add_pod("ws-one", keys.COMPONENT_WORKER, WORKER)
        moderator = {"spec": {"roles": ["Moderate"]}, "status": {"phase": "Active"}}
        self.api.put(WORKER_SESSION, "four", {"metadata": {"name": "four"}, **moderator})

    async def stop(self) -> None:
        """End everything."""
        self.deps.store.close()
        await self.deps.reports.close()
        await self.mongo.stop()
        await self.redis.stop()

    def add_pod(self, name: str, component: str, address: str) -> None:
        """A pod that is ready."""
        labels = {keys.LABEL_INSTANCE: "streamvault", keys.LABEL_COMPONENT: component}
        status = {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}
        self.api.put(POD, name, {"metadata": {"name": name, "uid": name, "labels": labels}, "status": status})

    def declare(self, *files: Document, name: str = NAME, uid: str = "u1", **spec: Any) -> Manifest:
        """Make a Title, and its messages in the channel."""
        listed = list(files) or [declared()]
        for file in listed:
            parts = file["parts"] if isinstance(file.get("parts"), list) else []
            self.channels.present.setdefault(CHANNEL, set()).update(one["messageID"] for one in parts)
        metadata = {"name": name, "namespace": "streamvault", "uid": uid, "generation": 1}
        body = {"kind": "Movie", "displayName": "Blue Tape", "files": listed, **spec}
        self.api.put(TITLE, name, {"metadata": metadata, "spec": body})
        return self.api.objects["titles", name]

    def edit(self, name: str = NAME, **spec: Any) -> None:
        """Change the spec of a Title."""
        found = self.api.objects["titles", name]
        found["spec"] |= spec
        found["metadata"]["generation"] += 1

    def take_down(self, name: str = NAME, **takedown: Any) -> None:
        """Declare a takedown."""
        self.edit(name, state="TakenDown", takedown={"reason": "CopyrightClaim", "reference": "CASE-88", **takedown})

    async def delete(self, name: str = NAME) -> None:
        """kubectl delete."""
        await self.api.delete(TITLE, name, uid=self.api.objects["titles", name]["metadata"]["uid"])

    async def look(self, name: str = NAME) -> float | None:
        """One reconciliation."""
        return await reconcile_title(self.deps, name)

    async def settle(self, name: str = NAME, hours: float = 1) -> None:
        """Look again whenever it is due, until nothing is for so long; the clock goes along."""
        end = self.now + timedelta(hours=hours)
        for _ in range(1000):
            wait = await self.look(name)
            if wait is None or self.now + timedelta(seconds=wait) > end:
                return
            self.now += timedelta(seconds=wait)
        raise AssertionError(f"{name} does not settle: {self.conditions(name)}")

    def status(self, name: str = NAME) -> Document:
        """Of a Title; {} when it is gone."""
        status: Document = self.api.objects.get(("titles", name), {}).get("status", {})
        return status

    def conditions(self, name: str = NAME) -> dict[str, str]:
        """Status and reason by type."""
        return {one["type"]: f"{one['status']}/{one['reason']}" for one in self.status(name).get("conditions", [])}

    def message(self, kind: str, name: str = NAME) -> str:
        """Of a condition."""
        return next((str(one["message"]) for one in self.status(name)["conditions"] if one["type"] == kind), "")

    def shown(self, name: str = NAME) -> str:
        """State of the title as the site sees it; empty when it knows none."""
        return str(self.mongo.collections.get(TITLES, {}).get(name, {}).get("state", ""))

    def stored(self) -> dict[str, Document]:
        """Entries of `files` by the name of the file."""
        return {entry["name"]: entry for entry in self.mongo.documents(FILES)}

    def owed(self) -> list[Document]:
        """Purge debts that are not paid."""
        return [entry for entry in self.mongo.documents(PURGES) if not entry["settled_at"]]

    def facts(self) -> list[tuple[str, str, str]]:
        """The audit trail: kind, step and outcome."""
        return [(entry["kind"], entry["step"], entry["outcome"]) for entry in self.mongo.documents(AUDIT)]

    async def blocked(self) -> set[str]:
        """Files that the workers refuse."""
        async with self.redis.client() as client:
            found = await client.keys(keys.blocked_key("*"))
        return {str(key).removeprefix(keys.blocked_key("")) for key in found}


def fid(file_name: str = "1080p", title: str = NAME) -> str:
    """Id of a declared file."""
    return file_id(title, file_name)


@asynccontextmanager
async def title_world() -> AsyncIterator[TitleWorld]:
    """A world with nothing declared."""
    with TemporaryDirectory() as folder:
        world = TitleWorld(Path(folder))
        await world.start()
        try:
            yield world
        finally:
            await world.stop()
