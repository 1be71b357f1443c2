"""NetworkPolicies: each part reaches what it needs, and nothing else."""

import pytest
from chart import BOARD, EVERYTHING, EXTERNAL, Values, render
from policies import Manifest, Peer, permitted

from streamvault_common.keys import COMPONENT_EDGE, COMPONENT_WORKER
from streamvault_operator.render.common import labels

ON = BOARD.plus("networkPolicy.enabled=true")
INTERNET, ROUTER, API_SERVER = Peer(address="149.154.167.51"), Peer(address="192.168.1.1"), Peer(address="192.168.1.10")
VIEWER = Peer(address="203.0.113.9")
DNS = Peer({"k8s-app": "kube-dns"}, namespace="kube-system")
COLLECTOR = Peer({"app": "prometheus"}, namespace="monitoring")
STRANGER = Peer({"app": "other"}, namespace="other")


def pod(component: str) -> Peer:
    return Peer(labels("streamvault", component))


def policies(values: Values) -> list[Manifest]:
    return [manifest for manifest in render(values) if manifest["kind"] == "NetworkPolicy"]


EDGE, WORKER, MANAGER, FRONTEND = pod(COMPONENT_EDGE), pod(COMPONENT_WORKER), pod("manager"), pod("frontend")
OPERATOR, MONGODB, REDIS, SANDBOX = pod("operator"), pod("mongodb"), pod("redis"), pod("telegram-sandbox")

NEEDED = [
    (VIEWER, EDGE, 8080),
    (EDGE, WORKER, 8080),
    (EDGE, MANAGER, 8080),
    (EDGE, FRONTEND, 3000),
    (FRONTEND, MANAGER, 8080),
    (MANAGER, MONGODB, 27017),
    (MANAGER, REDIS, 6379),
    (MANAGER, EDGE, 8080),
    (MANAGER, INTERNET, 443),
    (WORKER, MONGODB, 27017),
    (WORKER, REDIS, 6379),
    (WORKER, INTERNET, 443),
    (WORKER, INTERNET, 5222),
    (WORKER, WORKER, 8080),
    (OPERATOR, API_SERVER, 6443),
    (OPERATOR, MONGODB, 27017),
    (OPERATOR, REDIS, 6379),
    (OPERATOR, WORKER, 8080),
    (OPERATOR, EDGE, 8081),
]
FORBIDDEN = [
    (VIEWER, EDGE, 8081),
    (VIEWER, WORKER, 8080),
    (VIEWER, MANAGER, 8080),
    (VIEWER, MONGODB, 27017),
    (STRANGER, REDIS, 6379),
    (STRANGER, MANAGER, 8080),
    (STRANGER, OPERATOR, 8080),
    (EDGE, MONGODB, 27017),
    (EDGE, INTERNET, 443),
    (FRONTEND, REDIS, 6379),
    (FRONTEND, WORKER, 8080),
    (FRONTEND, INTERNET, 443),
    (FRONTEND, EDGE, 8081),
    (WORKER, API_SERVER, 6443),
    (WORKER, ROUTER, 80),
    (WORKER, EDGE, 8081),
    (WORKER, MANAGER, 8080),
    (MANAGER, EDGE, 8081),
    (MONGODB, INTERNET, 443),
    (REDIS, INTERNET, 443),
    (COLLECTOR, WORKER, 8080),
]


def named(value: object) -> str:
    if isinstance(value, Peer):
        return value.address or value.labels.get("app.kubernetes.io/component", value.namespace)
    return str(value)


@pytest.mark.parametrize(("source", "target", "port"), NEEDED, ids=named)
def test_needed_connection_is_let_through(source: Peer, target: Peer, port: int) -> None:
    assert permitted(policies(ON), source, target, port)


@pytest.mark.parametrize(("source", "target", "port"), FORBIDDEN, ids=named)
def test_other_connections_are_refused(source: Peer, target: Peer, port: int) -> None:
    assert not permitted(policies(ON), source, target, port)


@pytest.mark.parametrize("source", [EDGE, WORKER, MANAGER, FRONTEND, OPERATOR, MONGODB, REDIS, SANDBOX], ids=named)
def test_everybody_can_resolve_names(source: Peer) -> None:
    assert permitted(policies(ON), source, DNS, 53, "UDP")


def test_without_policies_everything_goes() -> None:
    assert permitted(policies(BOARD), STRANGER, REDIS, 6379)


@pytest.mark.parametrize("source", [WORKER, MANAGER], ids=named)
def test_with_the_sandbox_nothing_leaves_the_cluster(source: Peer) -> None:
    assert permitted(policies(EVERYTHING), source, SANDBOX, 4433)
    assert permitted(policies(EVERYTHING), VIEWER, SANDBOX, 8090)
    assert not permitted(policies(EVERYTHING), source, INTERNET, 443)


@pytest.mark.parametrize(
    ("target", "port"), [(WORKER, 8080), (MANAGER, 8080), (OPERATOR, 8080), (EDGE, 8081), (FRONTEND, 3000)], ids=named
)
def test_metrics_are_read_from_the_named_namespace_only(target: Peer, port: int) -> None:
    assert permitted(policies(EVERYTHING), COLLECTOR, target, port)
    assert not permitted(policies(EVERYTHING), STRANGER, target, port)


def test_external_stores_are_reached_at_their_addresses() -> None:
    on = EXTERNAL.plus("networkPolicy.enabled=true", "networkPolicy.externalStores.cidrs[0]=198.51.100.0/24")
    assert permitted(policies(on), WORKER, Peer(address="198.51.100.7"), 27017)
    assert not permitted(policies(on), FRONTEND, Peer(address="198.51.100.7"), 27017)
