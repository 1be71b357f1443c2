"""The worker pods and sessions of the running installation."""

import json
import subprocess
from collections import defaultdict
from typing import Any

from installed_edge import CachedFile
from prometheus_client.parser import text_string_to_metric_families

from demo.cluster import NAMESPACE, kubectl
from streamvault_common.keys import COMPONENT_WORKER, HTTP_PORT, LABEL_COMPONENT, LABEL_SESSION, pod_name

STREAMS = "streamvault_worker_streams_in_flight"


def worker_pods() -> list[dict[str, Any]]:
    """The worker pods that the API server knows."""
    listed = kubectl("get", "pods", "-l", f"{LABEL_COMPONENT}={COMPONENT_WORKER}", "-o", "json")
    pods: list[dict[str, Any]] = json.loads(listed)["items"]
    return pods


def session_of(pod: dict[str, Any]) -> str:
    """Name of the WorkerSession that a pod serves."""
    name: str = pod["metadata"]["labels"][LABEL_SESSION]
    return name


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether viewers are sent to a pod."""
    conditions = pod["status"].get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def metrics(pod: dict[str, Any]) -> dict[str, float]:
    """What a worker counts, by the metric's name; labels are summed up."""
    name = pod["metadata"]["name"]
    text = kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}:{HTTP_PORT}/proxy/metrics")
    counted: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            counted[sample.name] += sample.value
    return dict(counted)  # what a worker does not tell is a KeyError, not 0


def swarm_metrics() -> dict[str, float]:
    """What all workers that serve have counted together."""
    counted: dict[str, float] = defaultdict(float)
    for pod in filter(is_ready, worker_pods()):
        for name, value in metrics(pod).items():
            counted[name] += value
    return dict(counted)


def streams_in_flight(pod: dict[str, Any]) -> int:
    """How many reads a worker is answering, by its own metrics."""
    return int(metrics(pod)[STREAMS])


def reads(session: str, file: CachedFile) -> bool:
    """Whether the worker of a session, asked itself, delivers a file."""
    path = f"{pod_name(session)}:{HTTP_PORT}/proxy/files/{file.fid}/{file.gen}"
    command = ["kubectl", "get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{path}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def busy_pod() -> dict[str, Any] | None:
    """A worker pod that is answering a read; None when there is none at this moment."""
    return next((pod for pod in worker_pods() if is_ready(pod) and streams_in_flight(pod) > 0), None)


def unready_sessions() -> dict[str, str]:
    """What the sessions say that should serve and do not, by name."""
    sessions = json.loads(kubectl("get", "workersessions", "-o", "json"))["items"]
    shown = {session["metadata"]["name"]: _ready(session) for session in sessions if _wanted(session)}
    return {name: reason for name, reason in shown.items() if reason != "Serving"}


def _wanted(session: dict[str, Any]) -> bool:
    return bool(session["spec"].get("desiredState", "Active") == "Active")


def _ready(session: dict[str, Any]) -> str:
    conditions = session.get("status", {}).get("conditions", [])
    ready = next((one for one in conditions if one["type"] == "Ready"), {"status": "Unknown", "reason": "NotShown"})
    return "Serving" if ready["status"] == "True" else str(ready["reason"])


def pod_uids(without: str = "") -> dict[str, str]:
    """The uid of every pod that stays in the namespace and whose component is another one than `without`, by name."""
    pods = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in pods
        if pod["metadata"]["labels"].get(LABEL_COMPONENT) != without and "deletionTimestamp" not in pod["metadata"]
    }
