"""The live API server with this tree's CRDs, and a namespace of its own that no operator watches."""

import secrets
import time
from collections.abc import Iterator

import api_server
import pytest
from api_server import ApiServer, Refused
from custom_resources import definition

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="session")
def api() -> Iterator[ApiServer]:
    """The API server of the kubeconfig."""
    with api_server.connect(api_server.kubeconfig_path()) as server:
        yield server


@pytest.fixture(scope="session")
def crds(api: ApiServer) -> None:
    """Both CRDs as they stand in this tree, marked so that the chart takes them over."""
    for plural in ("workersessions", "titles"):
        manifest = definition(plural)
        path = f"{CRDS}/{manifest['metadata']['name']}"
        manifest["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        manifest["metadata"]["annotations"] = {
            "helm.sh/resource-policy": "keep",
            "meta.helm.sh/release-name": "streamvault",
            "meta.helm.sh/release-namespace": "streamvault",
        }
        api.apply(path, manifest, manager="helm")
        _until_served(api, path)


@pytest.fixture(scope="session")
def namespace(api: ApiServer, crds: None) -> Iterator[str]:
    """A namespace that is gone afterwards, with everything in it."""
    name = f"crd-test-{secrets.token_hex(4)}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


def _until_served(api: ApiServer, path: str) -> None:
    """Wait until the CRD is established and its stored schema is the one in use."""
    deadline = time.monotonic() + 120
    while True:
        crd = api.get(path)
        conditions = {entry["type"]: entry["status"] for entry in crd.get("status", {}).get("conditions", [])}
        if conditions.get("Established") == "True" and _is_listed(api, crd):
            return
        assert time.monotonic() < deadline, f"not served within 120 s: {path}: {conditions}"
        time.sleep(0.1)  # the pause between two looks


def _is_listed(api: ApiServer, crd: dict[str, object]) -> bool:
    spec = crd["spec"]
    assert isinstance(spec, dict)
    try:
        api.get(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}", limit="1")
    except Refused:
        return False
    return True
