"""A pod as decisions see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamvault_common.keys import ANNOTATION_SPEC_HASH

SECRET_WAITING = frozenset({"CreateContainerConfigError", "FailedMount"})
IMAGE_WAITING = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
CRASH_WAITING = frozenset({"CrashLoopBackOff", "RunContainerError", "CreateContainerError"})


@dataclass(frozen=True)
class PodView:
    """What matters of one pod; `waiting` is why its container does not run, `ip` is empty until it has one.

    `deletion_at` is when a terminating pod's grace period ends.
    """

    name: str
    uid: str
    owner_uid: str
    spec_hash: str
    phase: str
    ready: bool
    terminating: bool
    waiting: str = ""
    waiting_message: str = ""
    ip: str = ""
    deletion_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether the pod will never run again (evicted, node shut down)."""
        return self.phase in {"Failed", "Succeeded"}

    @classmethod
    def of(cls, pod: dict[str, Any]) -> "PodView":
        """Read a pod of the API server."""
        metadata, status = pod["metadata"], pod.get("status", {})
        owners = [owner["uid"] for owner in metadata.get("ownerReferences", []) if owner.get("controller")]
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions", []))
        waiting = _waiting(status)
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            owner_uid=owners[0] if owners else "",
            spec_hash=metadata.get("annotations", {}).get(ANNOTATION_SPEC_HASH, ""),
            phase=status.get("phase", "Pending"),
            ready=ready,
            terminating="deletionTimestamp" in metadata,
            waiting=waiting.get("reason", ""),
            waiting_message=waiting.get("message", ""),
            ip=status.get("podIP", ""),
            deletion_at=_moment(metadata.get("deletionTimestamp")),
        )


@dataclass(frozen=True)
class Drift:
    """What somebody changed of a pod that this operator made: its labels or annotations, or its image."""

    labels: bool = False
    image: bool = False


def drift(pod: dict[str, Any], rendered: dict[str, Any]) -> Drift:
    """Compare what can be changed of a running pod; one of another template is replaced anyway."""
    made, wanted = pod["metadata"], rendered["metadata"]
    known = {field: made.get(field, {}) for field in ("labels", "annotations")}
    same_template = known["annotations"].get(ANNOTATION_SPEC_HASH) == wanted["annotations"][ANNOTATION_SPEC_HASH]
    marks = all(known[field].items() >= wanted[field].items() for field in known)
    return Drift(labels=same_template and not marks, image=same_template and _images(pod) != _images(rendered))


def _images(pod: dict[str, Any]) -> dict[str, str]:
    return {container["name"]: container["image"] for container in pod["spec"]["containers"]}


def secrets_of(pod: dict[str, Any]) -> frozenset[str]:
    """Names of the Secrets that the pod mounts."""
    volumes = pod.get("spec", {}).get("volumes", [])
    return frozenset(volume["secret"]["secretName"] for volume in volumes if "secret" in volume)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _waiting(status: dict[str, Any]) -> dict[str, str]:
    for container in status.get("containerStatuses", []):
        waiting: dict[str, str] | None = container.get("state", {}).get("waiting")
        if waiting:
            return waiting
    unscheduled = [
        item
        for item in status.get("conditions", [])
        if item["type"] == "PodScheduled" and item["status"] == "False" and item.get("reason")
    ]
    return {"reason": unscheduled[0]["reason"], "message": unscheduled[0].get("message", "")} if unscheduled else {}
