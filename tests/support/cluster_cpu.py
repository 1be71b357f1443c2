"""What the kubelets say of the installation's pods: CPU and memory, so that figures hold on any cluster."""

import json
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from site_under_test import eventually

from demo.cluster import NAMESPACE, kubectl
from streamvault_common.keys import COMPONENT_EDGE, COMPONENT_WORKER, LABEL_COMPONENT

SUMMED = (COMPONENT_WORKER, COMPONENT_EDGE)
MEASURES_WITHIN_SECONDS = 90


@dataclass(frozen=True)
class Usage:
    """CPU seconds of all pods of a component since they started; bytes that the largest of them keeps."""

    cpu_seconds: float = 0.0
    largest_bytes: int = 0


def usage() -> dict[str, Usage]:
    """Workers and edge, by component, measured after this call began. AssertionError when the kubelets do not."""
    since, components = time.time(), _components()

    def measured_since() -> dict[str, dict[str, Any]] | None:
        pods = _statistics(components)
        fresh = [_measured(container) > since for pod in pods.values() for container in pod["containers"]]
        return pods if fresh and all(fresh) else None

    pods = eventually(measured_since, MEASURES_WITHIN_SECONDS, "the kubelets have measured every pod")
    return {component: _sum([pods[name] for name in pods if components[name] == component]) for component in SUMMED}


def _components() -> dict[str, str]:
    """Component of each pod of SUMMED, by the pod's name."""
    wanted = f"{LABEL_COMPONENT} in ({', '.join(SUMMED)})"
    pods = json.loads(kubectl("get", "pods", "-l", wanted, "-o", "json"))["items"]
    return {pod["metadata"]["name"]: pod["metadata"]["labels"][LABEL_COMPONENT] for pod in pods}


def _statistics(names: Container[str]) -> dict[str, dict[str, Any]]:
    """What the kubelets know of these pods, by name."""
    found = {}
    for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]:
        summary = kubectl("get", "--raw", f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary")
        for pod in json.loads(summary)["pods"]:
            reference = pod["podRef"]
            if reference["namespace"] == NAMESPACE and reference["name"] in names:
                found[reference["name"]] = pod
    return found


def _sum(pods: list[dict[str, Any]]) -> Usage:
    containers = [container for pod in pods for container in pod["containers"]]
    cpu = sum(container["cpu"]["usageCoreNanoSeconds"] for container in containers) / 1e9
    kept = [sum(container["memory"]["workingSetBytes"] for container in pod["containers"]) for pod in pods]
    return Usage(cpu, max(kept, default=0))


def _measured(container: dict[str, Any]) -> float:
    return datetime.fromisoformat(container["cpu"]["time"]).timestamp()
