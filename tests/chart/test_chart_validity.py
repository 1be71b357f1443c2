"""Everything that the chart can render is valid Kubernetes, and fits a namespace that enforces pod security."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import api_server
import pytest
import yaml
from api_server import ApiServer, Refused
from chart import ALL_VALUES, BOARD, CHART, EVERYTHING, REPOSITORY, Values, helm, render, rendered_text, workloads
from custom_resources import movie
from kube_schemas import kubeconform, write_crd_schemas, write_kubernetes_schemas

CLAIMS = {"mongodb", "redis"}
"""StatefulSets whose volume `data` is a claim, which a bare pod lacks."""
SAMPLES = ["movie.yaml", "season.yaml", "workersession.yaml"]


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with api_server.connect(api_server.kubeconfig_path()) as server:
        yield server


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory, api: ApiServer) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    write_kubernetes_schemas(folder, api.get("/openapi/v2"))
    write_crd_schemas(folder)
    return folder


@pytest.fixture(scope="module")
def restricted_namespace(api: ApiServer) -> Iterator[str]:
    name = f"chart-test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    api.create("/api/v1/namespaces", namespace)
    _until_default_account(api, name)
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("values", ALL_VALUES, ids=str)
def test_helm_lint_finds_nothing(values: Values) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), *values.arguments())


@pytest.mark.cluster
@pytest.mark.parametrize("values", [*ALL_VALUES, BOARD.plus("mongodb.mode=ferretdb")], ids=str)
def test_kubeconform_finds_nothing(schemas: Path, values: Values) -> None:
    assert kubeconform(schemas, rendered_text(values)) == []


@pytest.mark.cluster
def test_kubeconform_would_find_a_misspelt_field(schemas: Path) -> None:
    text = rendered_text(BOARD).replace("containerPort:", "containrPort:", 1)
    assert "containrPort" in str(kubeconform(schemas, text))


@pytest.mark.cluster
@pytest.mark.parametrize("values", [BOARD, EVERYTHING], ids=str)
def test_every_pod_is_admitted_by_a_restricted_namespace(
    api: ApiServer, restricted_namespace: str, values: Values
) -> None:
    for name, template in workloads(render(values)):
        spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName"}
        spec["volumes"] = (
            [*spec.get("volumes", []), {"name": "data", "emptyDir": {}}] if name in CLAIMS else spec["volumes"]
        )
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        api.create(f"/api/v1/namespaces/{restricted_namespace}/pods", pod, dryRun="All")


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fit_the_schemas(tmp_path: Path, name: str) -> None:
    write_crd_schemas(tmp_path)
    assert kubeconform(tmp_path, (REPOSITORY / "manifests/samples" / name).read_text(encoding="utf-8")) == []


def test_a_wrong_sample_would_be_found(tmp_path: Path) -> None:
    write_crd_schemas(tmp_path)
    assert kubeconform(tmp_path, yaml.safe_dump(movie() | {"spec": {"kind": "Movie", "name": "x"}}))


def test_takedown_sample_is_a_patch_of_the_film(tmp_path: Path) -> None:
    write_crd_schemas(tmp_path)
    folder = REPOSITORY / "manifests/samples"
    film = yaml.safe_load((folder / "movie.yaml").read_text(encoding="utf-8"))
    film["spec"] |= yaml.safe_load((folder / "takedown.yaml").read_text(encoding="utf-8"))["spec"]
    assert kubeconform(tmp_path, yaml.safe_dump(film)) == []


def _until_default_account(api: ApiServer, namespace: str) -> None:
    """Pods are refused until the namespace has its default ServiceAccount."""
    deadline = time.monotonic() + 120
    while True:
        try:
            api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        except Refused:
            assert time.monotonic() < deadline, f"no default ServiceAccount in {namespace} within 120 s"
            time.sleep(0.1)  # the pause between two looks
        else:
            return
