"""What the operator puts into the cluster, as files that people can read, and rules that every pod of it keeps."""

from collections.abc import Callable
from typing import Any

import pytest
from operator_config import config

from streamvault_operator.config import OperatorConfig
from streamvault_operator.domain.resources import WorkerSession
from streamvault_operator.render.common import Owner
from streamvault_operator.render.edge import edge
from streamvault_operator.render.worker_pod import spec_hash, worker_pod

Golden = Callable[[str, list[dict[str, Any]]], None]
OWNER = Owner("apps/v1", "Deployment", "streamvault-operator", "11111111-2222-3333-4444-555555555555")


def session(**spec: Any) -> WorkerSession:
    metadata = {"name": "s01", "namespace": "streamvault", "uid": "66666666-7777-8888-9999-000000000000"}
    return WorkerSession.parse({"metadata": metadata, "spec": {"sessionSecretRef": {"name": "s01"}, **spec}})


def edge_manifests(settings: OperatorConfig) -> list[dict[str, Any]]:
    assert settings.edge is not None
    return edge(settings, settings.edge, OWNER)


def test_the_pod_of_a_plain_session(golden: Golden) -> None:
    golden("operator/worker-pod", [worker_pod(session(), config())])


def test_the_pod_of_a_session_with_every_setting(golden: Golden) -> None:
    full = session(
        sessionSecretRef={"name": "swarm", "key": "account-7", "revision": "2026-11"},
        pool="night",
        limits={"maxConcurrentStreams": 3},
        drain={"timeoutSeconds": 600},
        resources={"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}},
        nodeSelector={"kubernetes.io/arch": "arm64"},
        tolerations=[{"key": "board", "operator": "Exists", "effect": "NoSchedule"}],
        priorityClassName="streaming",
    )
    golden("operator/worker-pod-full", [worker_pod(full, config())])


def test_the_edge(golden: Golden) -> None:
    golden("operator/edge", edge_manifests(config()))


@pytest.mark.parametrize(
    ("change", "rolls"),
    [
        ({"pool": "night"}, True),
        ({"sessionSecretRef": {"name": "s01", "revision": "2"}}, True),
        ({"limits": {"maxConcurrentStreams": 9}}, True),
        ({"priority": 7}, False),
        ({"desiredState": "Resting"}, False),
        ({"roles": ["Stream", "Moderate"]}, False),
        ({"suspend": True}, False),
    ],
)
def test_only_what_a_pod_is_made_of_rolls_it(change: dict[str, Any], rolls: bool) -> None:
    before, after = (worker_pod(session(**spec), config()) for spec in ({}, change))
    assert (spec_hash(before) != spec_hash(after)) is rolls


def test_a_changed_telegram_setting_rolls_the_workers() -> None:
    telegram = {"configMap": "streamvault-telegram", "secret": "streamvault-telegram", "checksum": "other"}
    assert spec_hash(worker_pod(session(), config())) != spec_hash(worker_pod(session(), config(telegram=telegram)))


@pytest.mark.parametrize(
    ("setting", "variable", "value"),
    [
        ({"window": 12}, "STREAM_WINDOW", "12"),
        ({"mediaSessions": 4}, "MEDIA_SESSIONS", "4"),
        ({"readAhead": False}, "READ_AHEAD", "false"),
        ({"hedge": True}, "HEDGE", "true"),
    ],
)
def test_a_changed_streaming_setting_reaches_the_workers_by_new_pods(
    setting: dict[str, Any], variable: str, value: str
) -> None:
    workers = config().model_dump(by_alias=True)["workers"]
    changed = worker_pod(session(), config(workers=workers | {"streaming": setting}))
    variables = {entry["name"]: entry.get("value") for entry in changed["spec"]["containers"][0]["env"]}
    assert variables[variable] == value
    assert spec_hash(changed) != spec_hash(worker_pod(session(), config()))


def test_a_worker_is_told_where_it_and_the_others_are() -> None:
    (container,) = worker_pod(session(), config())["spec"]["containers"]
    variables = {entry["name"]: entry for entry in container["env"]}
    assert variables["WORKERS_ADDRESS"]["value"] == "workers.streamvault.svc:8080"
    assert variables["POD_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


@pytest.mark.parametrize("change", [{"secretsChecksum": "other"}, {"env": {"WORKER_PROCESSES": "2"}}])
def test_a_changed_key_or_setting_rolls_the_edge(change: dict[str, Any]) -> None:
    before = edge_manifests(config())[-1]["spec"]["template"]
    after = edge_manifests(config(edge=config().model_dump(by_alias=True)["edge"] | change))[-1]["spec"]["template"]
    assert before != after


def test_every_rendered_pod_passes_the_restricted_pod_security_level() -> None:
    pods = [worker_pod(session(), config())["spec"], edge_manifests(config())[-1]["spec"]["template"]["spec"]]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
            assert {"livenessProbe", "readinessProbe"} <= container.keys()
