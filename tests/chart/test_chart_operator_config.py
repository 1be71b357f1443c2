"""The config.yaml that the chart writes is the one that the operator reads."""

from pathlib import Path

import pytest
from chart import ALL_VALUES, BOARD, EVERYTHING, SANDBOX, Manifest, Values, find, render

from streamvault_operator.config import OperatorConfig, Streaming, load


def config(values: Values, folder: Path) -> OperatorConfig:
    path = folder / "config.yaml"
    text = find(render(values), "ConfigMap", "streamvault-operator")["data"]["config.yaml"]
    path.write_text(text, encoding="utf-8")
    return load(path)


def pod_of_operator(values: Values) -> Manifest:
    template: Manifest = find(render(values), "Deployment", "streamvault-operator")["spec"]["template"]
    return template


@pytest.mark.parametrize("values", ALL_VALUES, ids=str)
def test_operator_reads_what_the_chart_writes(values: Values, tmp_path: Path) -> None:
    read = config(values, tmp_path)
    assert read.instance == "streamvault"
    assert read.edge is not None
    names = {manifest["metadata"]["name"] for manifest in render(values)}
    assert {read.owner_deployment, read.stores.secret, read.telegram.secret, read.telegram.config_map} <= names
    assert {read.edge.link_keys_secret, read.edge.agent_token_secret} <= names


def test_values_of_workers_and_edge_arrive(tmp_path: Path) -> None:
    read = config(
        BOARD.plus(
            "images.worker=localhost/w:7",
            "workers.pools.night.minActive=2",
            "workers.pools.night.maxActive=3",
            "workers.pools.night.maxActiveSeconds=86400",
            "workers.env.PIECES_IN_FLIGHT=6",
            "workers.streaming.window=12",
            "workers.streaming.hedge=true",
            "edge.cache.size=300Gi",
            "edge.tiers.guest.rate=2m",
        ),
        tmp_path,
    )
    assert read.workers.image == "localhost/w:7"
    night = read.workers.pools["night"]
    assert (night.min_active, night.max_active, night.max_active_seconds, night.rest_seconds) == (2, 3, 86_400, 3600)
    assert read.workers.streaming == Streaming(window=12, media_sessions=2, read_ahead=True, hedge=True)
    assert read.workers.env == {"LOG_LEVEL": "INFO", "PIECES_IN_FLIGHT": "6"}
    assert read.edge is not None
    assert (read.edge.cache.size, read.edge.tiers.guest.rate) == ("300Gi", "2m")


def test_numbers_of_a_person_become_quantities(tmp_path: Path) -> None:
    read = config(BOARD.plus("workers.resources.requests.cpu=1"), tmp_path)
    assert read.workers.resources.requests["cpu"] == "1"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (("edge.service.type=NodePort",), ("NodePort", 30080)),
        (("edge.service.nodePort=0",), ("NodePort", None)),
        (("edge.service.type=ClusterIP",), ("ClusterIP", None)),
    ],
)
def test_edge_service_is_reachable_as_asked(service: tuple[str, ...], expected: object, tmp_path: Path) -> None:
    read = config(BOARD.plus(*service), tmp_path)
    assert read.edge is not None
    assert (read.edge.service.type, read.edge.service.node_port) == expected


def test_a_changed_setting_restarts_the_operator() -> None:
    def annotation(level: str) -> str:
        # Own keys: drawn ones differ in every rendering.
        fixed = BOARD.plus(f"logLevel={level}", "edge.linkKeys=a:" + "A" * 43)
        checksum: str = pod_of_operator(fixed)["metadata"]["annotations"]["checksum/config"]
        return checksum

    assert annotation("INFO") != annotation("DEBUG")


def test_operator_finds_its_file_and_itself() -> None:
    pod = pod_of_operator(EVERYTHING)["spec"]
    (container,) = pod["containers"]
    variables = {entry["name"] for entry in container["env"]}
    assert {
        "STREAMVAULT_CONFIG",
        "POD_NAMESPACE",
        "POD_NAME",
        "MONGODB_URI",
        "REDIS_URL",
        "EDGE_AGENT_TOKEN",
    } <= variables
    (path,) = [entry["value"] for entry in container["env"] if entry["name"] == "STREAMVAULT_CONFIG"]
    assert Path(path).parent.as_posix() in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_another_telegram_rolls_the_workers(tmp_path: Path) -> None:
    assert config(BOARD, tmp_path).telegram.checksum != config(SANDBOX, tmp_path).telegram.checksum
