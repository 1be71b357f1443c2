"""The Kubernetes API: dictionaries in and out, four errors, one connection pool, ten seconds per call.

Raw paths over `ApiClient` instead of the generated classes: those would build pydantic models that refuse fields they
do not know, and cost 25 MiB for what are nine verbs here.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration

from streamvault_common.keys import API_VERSION, FIELD_MANAGER, TITLES, WORKER_SESSIONS

from .refusals import Conflict, Expired, Forbidden, Invalid, KubeError, NotFound, Unavailable, Untyped, refusal

__all__ = ["Conflict", "Expired", "Forbidden", "Invalid", "Kind", "Kube", "KubeError", "NotFound", "Unavailable"]

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10
PAGE_LENGTH = 500
LIST_ATTEMPTS = 3
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A namespaced kind."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The path of the collection, an object or its subresource."""
        root = "/api" if "/" not in self.api_version else "/apis"
        parts = [root, self.api_version, "namespaces", namespace, self.plural, name, subresource]
        return "/".join(filter(None, parts))


WORKER_SESSION = Kind(API_VERSION, "WorkerSession", WORKER_SESSIONS)
TITLE = Kind(API_VERSION, "Title", TITLES)
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
EVENT = Kind("v1", "Event", "events")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
KINDS = {kind.kind: kind for kind in (WORKER_SESSION, TITLE, POD, SERVICE, CONFIG_MAP, EVENT, STATEFUL_SET, DEPLOYMENT)}


def nobody(*_: object) -> None:
    """Listens to nothing."""


class Kube:
    """Calls within one namespace; close it once, at the end.

    `on_call` hears of every call: verb, resource, status code (0 = no answer) and seconds; `on_write` of every object
    written: resource and the new resource version.
    """

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        *,
        on_call: Callable[[str, str, int, float], None] = nobody,
        on_write: Callable[[str, str], None] = nobody,
    ) -> None:
        self._client = client
        self.namespace = namespace
        self._on_call = on_call
        self._on_write = on_write

    @classmethod
    async def connect(
        cls,
        namespace: str,
        *,
        on_call: Callable[[str, str, int, float], None] = nobody,
        on_write: Callable[[str, str], None] = nobody,
    ) -> Self:
        """In a pod by its service account, elsewhere by KUBECONFIG."""
        configuration = Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            kube_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await kube_config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(ApiClient(configuration=configuration), namespace, on_call=on_call, on_write=on_write)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def served(self, api_version: str) -> set[str]:
        """Plural names that an API group version serves; empty when the group is not known."""
        try:
            answer = await self._call("GET", f"/apis/{api_version}")
        except NotFound:
            return set()
        return {resource["name"] for resource in answer["resources"]}

    async def get(self, kind: Kind, name: str) -> Manifest:
        """One object; raises NotFound."""
        return await self._call("GET", kind.path(self.namespace, name))

    async def find(self, kind: Kind, name: str) -> Manifest | None:
        """One object, or None."""
        try:
            return await self.get(kind, name)
        except NotFound:
            return None

    async def select(self, kind: Kind, *, labels: Mapping[str, str] | None = None, fields: str = "") -> list[Manifest]:
        """Objects with all these labels, as they were at one moment."""
        query = {"limit": str(PAGE_LENGTH)}
        if labels:
            query["labelSelector"] = ",".join(f"{name}={value}" for name, value in labels.items())
        if fields:
            query["fieldSelector"] = fields
        for _ in range(LIST_ATTEMPTS - 1):
            try:
                return await self._pages(kind, query)
            except Expired:
                log.info("the list took too long, beginning anew", extra={"kind": kind.kind})
        return await self._pages(kind, query)

    async def _pages(self, kind: Kind, query: Mapping[str, str]) -> list[Manifest]:
        found: list[Manifest] = []
        more = ""
        while True:
            after = {"continue": more} if more else {}
            page = await self._call("GET", kind.path(self.namespace), query={**query, **after})
            found += page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return found

    async def create(self, manifest: Manifest) -> Manifest:
        """Make an object that must not exist yet; raises Conflict."""
        kind = KINDS[manifest["kind"]]
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call("POST", kind.path(self.namespace), query=query, body=manifest)

    async def apply(self, manifest: Manifest, subresource: str = "") -> Manifest:
        """Server-side apply: own the given fields, take them from whoever changed them."""
        kind = KINDS[manifest["kind"]]
        return await self._call(
            "PATCH",
            kind.path(self.namespace, manifest["metadata"]["name"], subresource),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    async def apply_status(self, kind: Kind, current: Manifest, status: Manifest) -> bool:
        """Write `status` unless it equals what `current` holds; says whether it wrote."""
        if current.get("status", {}) == status:
            return False
        metadata = {"name": current["metadata"]["name"], "uid": current["metadata"]["uid"]}
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "status": status}
        try:
            await self.apply(body, "status")
        except Untyped:
            await self._replace_status(kind, metadata, status)
        return True

    async def _replace_status(self, kind: Kind, metadata: Manifest, status: Manifest) -> None:
        """For an object that is older than its schema: it must be told what is wrong with it, and be taken down."""
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        await self._json_patch(kind, metadata["name"], patch, "status")

    async def _json_patch(self, kind: Kind, name: str, patch: list[Manifest], subresource: str = "") -> None:
        """Raises Conflict when a `test` of the patch fails."""
        try:
            await self._call(
                "PATCH",
                kind.path(self.namespace, name, subresource),
                query={"fieldManager": FIELD_MANAGER},
                body=patch,
                content_type="application/json-patch+json",
            )
        except Forbidden:
            raise
        except Invalid as error:
            raise Conflict(str(error)) from error

    async def delete(self, kind: Kind, name: str, *, uid: str, propagation: str = "Background") -> None:
        """Delete exactly the object with this uid, with its own grace period; one that is gone is fine."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": propagation}
        try:
            await self._call("DELETE", kind.path(self.namespace, name), body=body)
        except NotFound:
            log.debug("already gone", extra={"kind": kind.kind, "object": name})

    async def set_finalizer(self, kind: Kind, current: Manifest, finalizer: str, *, present: bool) -> None:
        """Put a finalizer on or take it off; raises Conflict when the object changed since it was read."""
        metadata = current["metadata"]
        before: list[str] = metadata.get("finalizers", [])
        if (finalizer in before) == present:
            return
        after = [*before, finalizer] if present else [item for item in before if item != finalizer]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            *([{"op": "test", "path": "/metadata/finalizers", "value": before}] if before else []),
            {"op": "add", "path": "/metadata/finalizers", "value": after},
        ]
        await self._json_patch(kind, metadata["name"], patch)

    async def post_event(self, regarding: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
        """Post an Event on an object; a report must never stop the work it reports on, so a failure is only logged."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        metadata = regarding["metadata"]
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{uuid4().hex[:12]}", "namespace": self.namespace},
            "involvedObject": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "name": metadata["name"],
                "namespace": self.namespace,
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message[:1024],
            "type": "Warning" if warning else "Normal",
            "source": {"component": FIELD_MANAGER},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self.create(event)
        except KubeError as error:
            log.warning("event not posted", extra={"object": metadata["name"], "error": str(error)})

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> Manifest:
        request = await self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        began = time.monotonic()
        status = 0
        try:
            response = await self._client.call_api(
                *request, _request_timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            )
            content = await response.read()  # type: ignore[no-untyped-call]
            status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {path}: {type(error).__name__} {error}") from error
        finally:
            self._on_call(method, _resource(path), status, time.monotonic() - began)
        if status >= 300:
            raise refusal(status, method, path, content, response.headers.get("Retry-After", ""))
        answer = dict(json.loads(content))
        if method in {"POST", "PATCH"}:
            self._on_write(_resource(path).partition("/")[0], answer["metadata"].get("resourceVersion", ""))
        return answer


def _resource(path: str) -> str:
    """The plural name and the subresource that a path is about, such as `titles/status`."""
    _, namespaced, rest = path.partition("/namespaces/")
    if not namespaced:
        return "kinds"
    _, plural, *more = rest.split("/")
    return "/".join([plural, *more[1:]])
