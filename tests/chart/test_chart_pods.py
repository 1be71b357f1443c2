"""Every pod of the chart: pod security, probes, resources, images; and how much of a machine they ask for."""

import re
from typing import Any

import pytest
import yaml
from chart import ALL_VALUES, BOARD, EVERYTHING, K3S, SANDBOX, Manifest, Values, find, render, workloads

TEMPLATES = [
    pytest.param(name, template, id=f"{values}: {name}")
    for values in ALL_VALUES
    for name, template in workloads(render(values))
]
UNITS = {"m": 1e-3, "": 1.0, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
COREDNS_CPU = 0.1
BOARD_CPU, BOARD_MEMORY = 4.0, 24 * 10**9
K3S_CPU, K3S_MEMORY = 0.5, 1.5 * 2**30
"""k3s itself with Traefik, and the system."""
EDGE_PARTS = ("resources", "agentResources")


def amount(quantity: str) -> float:
    """A Kubernetes quantity as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)(m|Ki|Mi|Gi|)", quantity).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def resources(values: Values, workers: int) -> list[dict[str, dict[str, str]]]:
    """Requests and limits of every container, with the edge and so many workers."""
    manifests = render(values)
    config = operator_config(manifests)
    found = [
        container["resources"]
        for name, pod in workloads(manifests)
        for container in containers(pod) * find_replicas(manifests, name)
    ]
    found += [config["workers"]["resources"]] * workers
    found += [config["edge"][part] for part in EDGE_PARTS] * config["edge"]["replicas"]
    return found


def requested(values: Values, workers: int) -> dict[str, float]:
    """CPU cores and bytes that everything asks for."""
    asked = [entry["requests"] for entry in resources(values, workers)]
    return {name: sum(amount(requests[name]) for requests in asked) for name in ("cpu", "memory")}


def most_memory(values: Values, workers: int) -> float:
    """Bytes that everything together may take before something is killed."""
    return sum(amount(entry["limits"]["memory"]) for entry in resources(values, workers))


def find_replicas(manifests: list[Manifest], name: str) -> int:
    (replicas,) = [
        manifest["spec"]["replicas"]
        for manifest in manifests
        if manifest["kind"] in {"Deployment", "StatefulSet"} and manifest["metadata"]["name"] == name
    ]
    return int(replicas)


def operator_config(manifests: list[Manifest]) -> Manifest:
    config: Manifest = yaml.safe_load(find(manifests, "ConfigMap", "streamvault-operator")["data"]["config.yaml"])
    return config


def containers(template: Manifest) -> list[dict[str, Any]]:
    """Containers of a pod template."""
    found: list[dict[str, Any]] = template["spec"]["containers"]
    return found


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_pod_fits_restricted_pod_security(name: str, template: Manifest) -> None:
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    for container in containers(template):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_pod_can_write_to_tmp_only_and_sees_no_service_variables(name: str, template: Manifest) -> None:
    assert template["spec"]["enableServiceLinks"] is False
    for container in containers(template):
        assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_pod_asks_for_resources_and_bounds_its_memory(name: str, template: Manifest) -> None:
    for container in containers(template):
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        # No limit on CPU: a throttled part stutters although cores are idle.
        assert set(container["resources"]["limits"]) == {"memory"}


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_pod_is_probed_and_its_images_are_pinned(name: str, template: Manifest) -> None:
    for container in containers(template):
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), container["name"]
        assert re.search(r":(?!latest$)[A-Za-z0-9_.-]+$", container["image"]), container["image"]


def test_only_the_operator_gets_a_service_account_token() -> None:
    mounted = {name: pod["spec"]["automountServiceAccountToken"] for name, pod in workloads(render(EVERYTHING))}
    assert {name for name, token in mounted.items() if token} == {"streamvault-operator"}
    accounts = [manifest for manifest in render(EVERYTHING) if manifest["kind"] == "ServiceAccount"]
    assert not [account for account in accounts if account["automountServiceAccountToken"]]


def test_parts_that_must_be_alone_are_replaced_not_doubled() -> None:
    manifests = render(SANDBOX)
    for name in ("streamvault-operator", "manager", "telegram-sandbox"):
        spec = find(manifests, "Deployment", name)["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_image_and_pull_policy_come_from_the_values() -> None:
    manifests = render(BOARD.plus("images.manager=registry.example/manager:1.2", "imagePullPolicy=Always"))
    container = containers(find(manifests, "Deployment", "manager")["spec"]["template"])[0]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example/manager:1.2", "Always")


def test_sandbox_with_four_workers_fits_two_cores() -> None:
    asked = requested(SANDBOX, workers=4)
    assert asked["cpu"] + COREDNS_CPU <= 1.5
    assert asked["memory"] <= 4 * 2**30


@pytest.mark.parametrize("values", [BOARD, K3S], ids=str)
def test_a_board_of_four_cores_and_24_gb_holds_a_swarm(values: Values) -> None:
    asked = requested(values, workers=16)
    assert asked["cpu"] + COREDNS_CPU + K3S_CPU <= BOARD_CPU
    assert asked["memory"] + K3S_MEMORY <= BOARD_MEMORY / 2, "the other half is for bursts and the page cache"
    # Even when every part of a swarm of twelve takes all that it may, nothing of the node itself is driven out.
    assert most_memory(values, workers=12) + K3S_MEMORY <= BOARD_MEMORY


def test_a_board_with_8_gb_holds_what_four_workers_ask_for() -> None:
    assert requested(K3S, workers=4)["memory"] + K3S_MEMORY <= 8 * 10**9 / 2
