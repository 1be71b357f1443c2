"""Keys and passwords that the chart draws: strong, consistent within one rendering, kept by the next."""

import secrets
from collections.abc import Iterator

import api_server
import pytest
import yaml
from api_server import ApiServer
from chart import BOARD, CHART, Manifest, find, helm, render

from streamvault_common.signing import MIN_SECRET_BYTES, LinkKeys


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with api_server.connect(api_server.kubeconfig_path()) as server:
        yield server


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[str]:
    name = f"chart-secrets-{secrets.token_hex(4)}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # Objects only: no pod of this release may start beside the real one.
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    api.create(f"/api/v1/namespaces/{name}/resourcequotas", quota)
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


def in_cluster(*command: str) -> str:
    """A helm command against the live cluster."""
    return helm(*command, "--kubeconfig", str(api_server.kubeconfig_path()))


def drawn(manifests: list[Manifest], name: str, key: str) -> str:
    value: str = find(manifests, "Secret", f"streamvault-{name}")["stringData"][key]
    return value


def test_drawn_link_keys_are_what_signing_reads() -> None:
    keys = LinkKeys.parse(drawn(render(BOARD), "link-keys", "LINK_KEYS"))
    assert keys.signing_id == "k1"
    assert len(keys.secrets["k1"]) >= MIN_SECRET_BYTES


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("manager", "ADMIN_API_TOKEN"),
        ("edge-agent", "EDGE_AGENT_TOKEN"),
        ("stores", "MONGODB_PASSWORD"),
        ("stores", "REDIS_PASSWORD"),
    ],
)
def test_drawn_secrets_are_long_fit_into_addresses_and_differ_each_time(name: str, key: str) -> None:
    one = drawn(render(BOARD), name, key)
    other = drawn(render(BOARD.plus("logLevel=DEBUG")), name, key)
    assert one != other
    assert one.isalnum()
    assert len(one) >= 32


def test_one_rendering_uses_one_draw() -> None:
    manifests = render(BOARD)
    assert drawn(manifests, "stores", "REDIS_PASSWORD") in drawn(manifests, "stores", "REDIS_URL")
    assert drawn(manifests, "stores", "MONGODB_PASSWORD") in drawn(manifests, "stores", "MONGODB_URI")


def test_new_link_keys_restart_those_who_read_them() -> None:
    def annotations_and_checksum(keys: str) -> tuple[str, str]:
        manifests = render(BOARD.plus(f"edge.linkKeys={keys}"))
        config = yaml.safe_load(find(manifests, "ConfigMap", "streamvault-operator")["data"]["config.yaml"])
        manager = find(manifests, "Deployment", "manager")["spec"]["template"]["metadata"]["annotations"]
        return manager["checksum/secrets"], config["edge"]["secretsChecksum"]

    before, after = annotations_and_checksum(f"a:{'A' * 43}"), annotations_and_checksum(f"b:{'B' * 43}")
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.cluster
def test_what_was_drawn_survives_an_upgrade_and_a_new_installation(api: ApiServer, namespace: str) -> None:
    release = ("streamvault", str(CHART), "-n", namespace, *BOARD.plus("crds.install=false").arguments())
    path = f"/api/v1/namespaces/{namespace}/secrets/streamvault-stores"
    in_cluster("install", *release)
    first = api.get(path)["data"]
    in_cluster("upgrade", *release)
    assert api.get(path)["data"] == first
    in_cluster("uninstall", "streamvault", "-n", namespace)
    in_cluster("install", *release)
    assert api.get(path)["data"] == first
    in_cluster("uninstall", "streamvault", "-n", namespace)
