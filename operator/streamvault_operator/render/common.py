"""What every rendered object shares: labels, the owner, the `restricted` pod security settings and the spec hash."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from streamvault_common.keys import (
    APP_NAME,
    FIELD_MANAGER,
    LABEL_COMPONENT,
    LABEL_INSTANCE,
    LABEL_MANAGED_BY,
    LABEL_NAME,
)

Manifest = dict[str, Any]

USER_ID = 1000

POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


@dataclass(frozen=True)
class Owner:
    """The object whose deletion takes the rendered one along."""

    api_version: str
    kind: str
    name: str
    uid: str

    def references(self) -> list[Manifest]:
        """`metadata.ownerReferences`."""
        reference = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid}
        return [{**reference, "controller": True, "blockOwnerDeletion": True}]


def labels(instance: str, component: str) -> dict[str, str]:
    """Labels of an object that the operator renders."""
    return {
        LABEL_NAME: APP_NAME,
        LABEL_INSTANCE: instance,
        LABEL_COMPONENT: component,
        LABEL_MANAGED_BY: FIELD_MANAGER,
    }


def selector(instance: str, component: str) -> dict[str, str]:
    """Labels by which Services and StatefulSets find pods."""
    return {LABEL_INSTANCE: instance, LABEL_COMPONENT: component}


def env(values: dict[str, str]) -> list[Manifest]:
    """Plain environment variables."""
    return [{"name": name, "value": value} for name, value in values.items()]


def secret_env(name: str, secret: str) -> Manifest:
    """An environment variable from the key of the same name in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}


def own_field(name: str, path: str) -> Manifest:
    """An environment variable from a field of the pod itself."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def probe(path: str, port: str, *, period: int, failures: int, timeout: int = 3) -> Manifest:
    """An HTTP probe; times in seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def filled(**fields: object) -> Manifest:
    """The fields that have a value; empty ones are left to the API server."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, ())}


def digest(manifest: object) -> str:
    """16 hex digits that change with the content."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:16]
