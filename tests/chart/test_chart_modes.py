"""What the switches of the values do."""

from typing import Any

import pytest
import yaml
from chart import (
    ACCOUNT,
    BOARD,
    CHART,
    EVERYTHING,
    EXTERNAL,
    K3S,
    NAMESPACE,
    SANDBOX,
    Manifest,
    find,
    helm,
    names,
    render,
)
from custom_resources import definition

from streamvault_common.keys import EDGE_SERVICE
from streamvault_common.settings import parse_dc_map
from streamvault_manager.settings import Settings as ManagerSettings
from streamvault_operator.config import OperatorConfig
from streamvault_operator.render.edge import edge
from telegram_sandbox.settings import Settings as SandboxSettings


def environment(manifests: list[Manifest], deployment: str) -> dict[str, Any]:
    """Environment of a Deployment's first container: a text, or where it comes from."""
    container = find(manifests, "Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def images(manifests: list[Manifest], stateful_set: str) -> list[str]:
    pod = find(manifests, "StatefulSet", stateful_set)["spec"]["template"]["spec"]
    return [container["image"].rpartition(":")[0].rpartition("/")[2] for container in pod["containers"]]


def stores(manifests: list[Manifest]) -> dict[str, str]:
    data: dict[str, str] = find(manifests, "Secret", "streamvault-stores")["stringData"]
    return data


def test_mongodb_runs_its_own_image_by_default() -> None:
    manifests = render(BOARD)
    password = stores(manifests)["MONGODB_PASSWORD"]
    assert images(manifests, "mongodb") == ["mongo"]
    assert stores(manifests)["MONGODB_URI"] == f"mongodb://streamvault:{password}@mongodb:27017/?authSource=admin"


def test_ferretdb_reaches_postgresql_inside_its_pod_only() -> None:
    manifests = render(BOARD.plus("mongodb.mode=ferretdb"))
    password = stores(manifests)["MONGODB_PASSWORD"]
    assert images(manifests, "mongodb") == ["ferretdb", "postgres-documentdb"]
    assert stores(manifests)["MONGODB_URI"] == f"mongodb://streamvault:{password}@mongodb:27017/"
    postgres = find(manifests, "StatefulSet", "mongodb")["spec"]["template"]["spec"]["containers"][1]
    assert "-clisten_addresses=127.0.0.1" in postgres["args"]
    assert [port["port"] for port in find(manifests, "Service", "mongodb")["spec"]["ports"]] == [27017]


def test_redis_keeps_its_data_and_wants_its_password_by_default() -> None:
    manifests = render(BOARD.plus("redis.maxMemory=300mb"))
    password = stores(manifests)["REDIS_PASSWORD"]
    assert images(manifests, "redis") == ["redis"]
    assert stores(manifests)["REDIS_URL"] == f"redis://:{password}@redis:6379/0"
    (container,) = find(manifests, "StatefulSet", "redis")["spec"]["template"]["spec"]["containers"]
    assert container["args"][1:] == ["--requirepass", "$(REDIS_PASSWORD)"]
    settings = find(manifests, "ConfigMap", "redis")["data"]["redis.conf"].splitlines()
    assert {"appendonly yes", "maxmemory 300mb", "maxmemory-policy noeviction"} <= set(settings)


MONGODB_ELSEWHERE = ("mongodb.mode=external", "mongodb.uri=mongodb://db.example/")
REDIS_ELSEWHERE = ("redis.mode=external", "redis.url=redis://cache.example/")


@pytest.mark.parametrize(
    ("settings", "kept", "key", "address"),
    [
        (MONGODB_ELSEWHERE, "redis", "MONGODB_URI", "mongodb://db.example/"),
        (REDIS_ELSEWHERE, "mongodb", "REDIS_URL", "redis://cache.example/"),
        (("mongodb.mode=ferretdb", *REDIS_ELSEWHERE), "mongodb", "REDIS_URL", "redis://cache.example/"),
    ],
)
def test_one_store_may_be_external_alone(settings: tuple[str, ...], kept: str, key: str, address: str) -> None:
    manifests = render(BOARD.plus(*settings))
    assert names(manifests, "StatefulSet") == {kept}
    assert {"mongodb", "redis"} & names(manifests, "Service") == {kept}
    assert stores(manifests)[key] == address


def test_external_stores_leave_nothing_but_their_addresses() -> None:
    manifests = render(EXTERNAL)
    assert names(manifests, "StatefulSet") == set()
    assert not {"mongodb", "redis"} & names(manifests, "Service")
    assert stores(manifests)["MONGODB_URI"] == "mongodb://u:p@db.example:27017/"
    assert stores(manifests)["REDIS_URL"] == "redis://:p@cache.example:6379/0"


def test_own_secrets_are_used_and_none_are_made() -> None:
    own = EXTERNAL.plus(
        "mongodb.uri=",
        "redis.url=",
        "stores.existingSecret=my-stores",
        "telegram.existingSecret=my-telegram",
        "manager.existingSecret=my-manager",
        "edge.existingLinkKeysSecret=my-keys",
        "edge.existingAgentSecret=my-agent",
    )
    manifests = render(own)
    assert names(manifests, "Secret") == set()
    text = str(manifests)
    for name in ("my-stores", "my-telegram", "my-manager", "my-keys", "my-agent"):
        assert f"'name': '{name}'" in text
        assert f"'name': 'streamvault-{name.removeprefix('my-')}', 'key'" not in text


def test_production_talks_to_telegram_itself() -> None:
    manifests = render(BOARD)
    assert find(manifests, "ConfigMap", "streamvault-telegram")["data"] == {"TG_DC_MAP": "", "TG_RSA_PUBLIC_KEY": ""}
    assert "telegram-sandbox" not in names(manifests, "Deployment") | names(manifests, "Service")


def test_sandbox_is_the_telegram_of_every_part() -> None:
    manifests = render(SANDBOX)
    telegram = find(manifests, "ConfigMap", "streamvault-telegram")["data"]
    addresses = parse_dc_map(telegram["TG_DC_MAP"])
    assert {dc: (address.host, address.port) for dc, address in addresses.items()} == {
        dc: ("telegram-sandbox", 4430 + dc) for dc in range(1, 6)
    }
    assert "BEGIN PUBLIC KEY" in telegram["TG_RSA_PUBLIC_KEY"]
    ports = find(manifests, "Service", "telegram-sandbox")["spec"]["ports"]
    node_ports = {port["port"]: port["nodePort"] for port in ports}
    assert node_ports == {8090: 30081} | {4430 + dc: 30430 + dc for dc in range(1, 6)}


def test_sandbox_world_is_the_built_in_one_unless_given() -> None:
    assert environment(render(SANDBOX), "telegram-sandbox")["TG_SANDBOX_WORLD_FILE"] == ""
    manifests = render(SANDBOX.plus("sandbox.world=accounts: []"))
    assert environment(manifests, "telegram-sandbox")["TG_SANDBOX_WORLD_FILE"] == "/etc/sandbox/world.yaml"
    assert find(manifests, "ConfigMap", "telegram-sandbox")["data"] == {"world.yaml": "accounts: []"}


def test_manager_is_told_who_its_admins_are() -> None:
    manager = environment(render(SANDBOX), "manager")
    assert (manager["ADMIN_USER_IDS"], manager["ADMIN_CHANNEL_ID"]) == ("5000000001", "-1002400000125")
    assert manager["PUBLIC_URL"] == "http://127.0.0.1:30080"
    assert manager["LINK_KEYS"] == {"secretKeyRef": {"name": "streamvault-link-keys", "key": "LINK_KEYS"}}


def test_how_takedowns_are_answered_reaches_manager_and_edge() -> None:
    for values, expected in (
        (BOARD, ("410", "")),
        (
            BOARD.plus("takedown.status=451", "takedown.blockedBy=https://court.example"),
            ("451", "https://court.example"),
        ),
    ):
        manifests = render(values)
        manager = environment(manifests, "manager")
        assert (manager["TAKEDOWN_STATUS"], manager["TAKEDOWN_BLOCKED_BY"]) == expected
        text = find(manifests, "ConfigMap", "streamvault-operator")["data"]["config.yaml"]
        config = OperatorConfig.model_validate(yaml.safe_load(text))
        assert config.edge is not None
        settings = edge(config, config.edge, None)[0]["data"]
        assert (settings["TAKEDOWN_STATUS"], settings["TAKEDOWN_BLOCKED_BY"]) == expected


def test_manager_warms_films_at_the_edge_unless_told_not_to() -> None:
    assert environment(render(BOARD), "manager")["EDGE_URL"] == f"http://{EDGE_SERVICE}"
    assert environment(render(BOARD.plus("manager.warming=false")), "manager")["EDGE_URL"] == ""


def test_manager_without_an_admin_channel_is_told_of_none() -> None:
    assert environment(render(BOARD), "manager")["ADMIN_CHANNEL_ID"] == ""


def test_manager_reads_what_the_chart_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in (BOARD, SANDBOX):
        manifests = render(values)
        given = {name: text for name, text in environment(manifests, "manager").items() if isinstance(text, str)}
        given |= find(manifests, "ConfigMap", "streamvault-telegram")["data"]
        for secret in ("stores", "manager", "telegram", "link-keys"):
            given |= find(manifests, "Secret", f"streamvault-{secret}")["stringData"]
        for name, text in given.items():
            monkeypatch.setenv(name, text)
        assert ManagerSettings().public_url == "http://127.0.0.1:30080"


def test_long_api_id_keeps_its_digits() -> None:
    assert find(render(BOARD), "Secret", "streamvault-telegram")["stringData"]["TG_API_ID"] == "12345678"


def test_environment_of_the_values_reaches_the_parts() -> None:
    manifests = render(BOARD.plus("manager.env.GRANT_TTL_SECONDS=60", "frontend.env.SITE_NOINDEX=1"))
    assert environment(manifests, "manager")["GRANT_TTL_SECONDS"] == "60"
    assert environment(manifests, "frontend")["SITE_NOINDEX"] == "1"


def test_workers_are_found_without_a_cluster_address_and_only_when_ready() -> None:
    spec = find(render(BOARD), "Service", "workers")["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", False)
    assert spec["selector"]["app.kubernetes.io/component"] == "worker"


def test_optional_objects_are_off_unless_asked_for() -> None:
    manifests = render(BOARD)
    assert not [entry for entry in manifests if entry["kind"] in {"Ingress", "NetworkPolicy", "PodDisruptionBudget"}]
    switched_on = render(EVERYTHING)
    assert names(switched_on, "PodDisruptionBudget") == {"edge", "frontend", "manager"}
    (rule,) = find(switched_on, "Ingress", "streamvault")["spec"]["rules"]
    assert rule["host"] == "films.example"
    assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "edge", "port": {"number": 80}}}


def test_volumes_use_the_storage_class_of_the_values_or_the_default() -> None:
    (claim,) = find(render(BOARD), "StatefulSet", "redis")["spec"]["volumeClaimTemplates"]
    assert "storageClassName" not in claim["spec"]
    (claim,) = find(render(K3S), "StatefulSet", "redis")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "local-path"


@pytest.mark.parametrize("plural", ["workersessions", "titles"])
def test_definitions_are_installed_as_written_and_kept_on_uninstall(plural: str) -> None:
    crd = find(render(BOARD), "CustomResourceDefinition", f"{plural}.streamvault.io")
    assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert crd == definition(plural)
    without = render(BOARD.plus("crds.install=false"))
    assert names(without, "CustomResourceDefinition") == set()


def test_what_must_survive_an_uninstall_is_kept() -> None:
    kept = {
        (entry["kind"], entry["metadata"]["name"])
        for entry in render(SANDBOX)
        if entry["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    assert ("Secret", "streamvault-stores") in kept
    assert ("PersistentVolumeClaim", "telegram-sandbox") in kept


def test_namespace_of_the_release_is_never_rendered() -> None:
    """A chart that owns its namespace deletes it, with everything in it, on uninstall."""
    for entry in render(EVERYTHING):
        assert entry["kind"] != "Namespace"
        assert entry["metadata"].get("namespace", NAMESPACE) == NAMESPACE


def test_notes_name_the_next_command() -> None:
    dry_run = ("install", "streamvault", str(CHART), "-n", NAMESPACE, "--dry-run=client")
    notes = helm(*dry_run, *BOARD.arguments()).partition("NOTES:")[2]
    assert "kubectl -n streamvault wait deployment --all" in notes
    assert "create secret generic s01" in notes
    assert "kubectl -n streamvault get streamvault" in notes
    assert ACCOUNT[1].partition("=")[2] not in notes


def test_sandbox_knows_every_variable_that_the_chart_sets() -> None:
    prefix = str(SandboxSettings.model_config["env_prefix"])
    given = {name.removeprefix(prefix).lower() for name in environment(render(SANDBOX), "telegram-sandbox")}
    assert given <= set(SandboxSettings.model_fields)
