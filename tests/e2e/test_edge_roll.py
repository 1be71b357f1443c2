"""A changed value of the chart reaches the running edge by a new pod over the same volume: its slices are there."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import api_server
import httpx
import pytest
import yaml
from chart import NAMESPACE, find, helm
from site_under_test import Site, eventually

from demo.cluster import get, kubectl
from streamvault_common.keys import ANNOTATION_SPEC_HASH

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

RELEASE, OPERATOR = "streamvault", "streamvault-operator"
POD, CLAIM = "edge-0", "cache-edge-0"
FILM, HEAD = "aurora-drift", "bytes=0-1048575"
SECONDS = 300
Manifest = dict[str, Any]


def as_released() -> list[Manifest]:
    """The ConfigMap and the Deployment of the operator as the release holds them, marked as its own."""
    text = helm("get", "manifest", RELEASE, "-n", NAMESPACE, "--kubeconfig", str(api_server.kubeconfig_path()))
    manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    chosen = [find(manifests, kind, OPERATOR) for kind in ("ConfigMap", "Deployment")]
    for manifest in chosen:
        live = get(manifest["kind"], OPERATOR) or {}
        owner = {name: value for name, value in live["metadata"]["annotations"].items() if name.startswith("meta.helm")}
        manifest["metadata"]["annotations"] = manifest["metadata"].get("annotations", {}) | owner
    return chosen


def with_more_connections(manifests: list[Manifest]) -> tuple[list[Manifest], int]:
    """The same with one more connection for a guest, as an upgrade with another edge.tiers would render it."""
    changed: list[Manifest] = json.loads(json.dumps(manifests))
    settings, deployment = changed
    config = yaml.safe_load(settings["data"]["config.yaml"])
    config["edge"]["tiers"]["guest"]["connections"] += 1
    settings["data"]["config.yaml"] = yaml.safe_dump(config)
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    annotations["checksum/config"] = hashlib.sha256(settings["data"]["config.yaml"].encode()).hexdigest()
    return changed, config["edge"]["tiers"]["guest"]["connections"]


def apply_as_helm(manifests: list[Manifest]) -> None:
    """In helm's name: another one would own the fields from then on, and the next upgrade would be refused."""
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    kubectl("apply", "--server-side", "--field-manager=helm", "--filename=-", stdin=listing)
    kubectl("rollout", "status", f"deployment/{OPERATOR}", f"--timeout={SECONDS}s")


def uid(kind: str, name: str) -> str:
    """Identity of an object; empty while there is none."""
    return str((get(kind, name) or {}).get("metadata", {}).get("uid", ""))


def ready_form() -> str:
    """By which settings the edge's pod was made, once it is ready; else empty."""
    pod = get("pod", POD) or {}
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return str(pod["metadata"]["annotations"][ANNOTATION_SPEC_HASH]) if ready else ""


@contextmanager
def rolled() -> Iterator[int]:
    """The edge with another setting, whose value is given, while the context is open; then as it was."""
    released, before = as_released(), eventually(ready_form, SECONDS, "the edge is ready")
    changed, connections = with_more_connections(released)
    try:
        apply_as_helm(changed)
        eventually(lambda: ready_form() not in {"", before}, SECONDS, "a new pod of the edge is ready")
        yield connections
    finally:
        apply_as_helm(released)
        eventually(lambda: ready_form() == before, SECONDS, "the edge is as it was")


def head(site: Site, link: str) -> httpx.Response | None:
    """The beginning of a film; None while the edge, or whoever stands behind it, does not answer."""
    try:
        answer = site.read(link, HEAD)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == 206 else None


def test_a_changed_value_rolls_the_edge_and_its_slices_stay(site: Site) -> None:
    link = site.source(FILM, "720p")["url"]
    content = eventually(lambda: head(site, link), SECONDS, "the film plays").content
    claim, volume, workers = uid("persistentvolumeclaim", CLAIM), volume_of_the_claim(), worker_pods()
    with rolled() as connections:
        assert f"limit_conn guests {connections};" in running_settings()
        first = eventually(lambda: head(site, link), SECONDS, "the film plays on the new pod")
        assert (first.headers["x-cache"], first.content) == ("HIT", content)
        assert (uid("persistentvolumeclaim", CLAIM), volume_of_the_claim()) == (claim, volume)
    assert f"limit_conn guests {connections - 1};" in running_settings()
    last = eventually(lambda: head(site, link), SECONDS, "the film plays on the last pod")
    assert (last.headers["x-cache"], last.content) == ("HIT", content)
    assert (uid("persistentvolumeclaim", CLAIM), volume_of_the_claim()) == (claim, volume)
    assert workers <= worker_pods(), "a setting of the edge restarts no worker"


def running_settings() -> str:
    """What nginx of the edge was started with."""
    return kubectl("exec", POD, "--container=nginx", "--", "cat", "/tmp/edge/film.conf")


def volume_of_the_claim() -> str:
    """Name of the volume that holds the slices."""
    return str((get("persistentvolumeclaim", CLAIM) or {})["spec"]["volumeName"])


def worker_pods() -> set[str]:
    """Identities of the worker pods that are not on their way out, as that of an account a test has just removed is."""
    listed = json.loads(kubectl("get", "pods", "-l", "app.kubernetes.io/component=worker", "-o", "json"))["items"]
    return {pod["metadata"]["uid"] for pod in listed if "deletionTimestamp" not in pod["metadata"]}
