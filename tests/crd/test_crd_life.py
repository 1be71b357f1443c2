"""The definitions over the life of releases: they upgrade with the chart, outlive it, and keep what is declared.

They belong to a whole cluster, so this runs helm on a control plane of the test's own.
"""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import api_server
import pytest
import yaml
from api_server import ApiServer, Manifest, Refused
from chart import BOARD, CHART, helm
from control_plane import ControlPlane
from custom_resources import changed, definition, movie, session
from site_under_test import eventually

from streamvault_common.keys import API_VERSION

NAMESPACE = "films"
RESOURCES = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLURALS = ("titles", "workersessions")
NEWER = {"titles": "cache", "workersessions": "suspend"}
"""Fields that the older chart's definitions lack."""
SETTLED_SECONDS = 120.0


class Cluster:
    """An API server, and helm as its owner uses it."""

    def __init__(self, api: ApiServer, kubeconfig: Path) -> None:
        self.api = api
        self._where = ("--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE)

    def install(self, chart: Path) -> None:
        """Install or upgrade."""
        helm("upgrade", "--install", "streamvault", str(chart), *BOARD.arguments(), *self._where)

    def uninstall(self) -> None:
        helm("uninstall", "streamvault", *self._where)

    def identities(self) -> dict[str, tuple[str, int, object]]:
        """Uid, generation and spec of everything declared; a newer definition adds its defaults to what is read."""
        lists = [in_time(partial(self.api.get, f"{RESOURCES}/{plural}")) for plural in PLURALS]
        found = [item for listed in lists for item in listed["items"]]
        assert not [item for item in found if "deletionTimestamp" in item["metadata"]]
        return {
            item["metadata"]["name"]: (
                item["metadata"]["uid"],
                item["metadata"]["generation"],
                {field: value for field, value in item["spec"].items() if field not in NEWER.values()},
            )
            for item in found
        }

    def definitions(self) -> dict[str, str]:
        """Uid of each definition."""
        return {plural: self.api.get(f"{CRDS}/{plural}.streamvault.io")["metadata"]["uid"] for plural in PLURALS}


def in_time(request: Callable[[], Manifest]) -> Manifest:
    """The answer, once the API server has taken in a new or changed definition."""

    def attempt() -> Manifest | None:
        try:
            return request()
        except Refused as refusal:
            refusals.append(str(refusal))
            return None

    refusals: list[str] = []
    try:
        return eventually(attempt, SETTLED_SECONDS, "the definition is served")
    except AssertionError:
        pytest.fail(f"still refused after {SETTLED_SECONDS} s: {refusals[-1]}")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A control plane that knows nothing of the resources."""
    with TemporaryDirectory(prefix="control-plane-") as folder:
        plane = ControlPlane(Path(folder))
        try:
            plane.start()
            with api_server.connect(plane.kubeconfig) as api:
                api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
                yield Cluster(api, plane.kubeconfig)
        finally:
            plane.close()


@pytest.fixture
def older_chart(tmp_path: Path) -> Path:
    """The chart as it was before titles had `cache`, sessions had `suspend`, and kubectl printed either's message."""
    chart = tmp_path / "older"
    shutil.copytree(CHART, chart)
    for plural, field in NEWER.items():
        manifest = definition(plural)
        (version,) = manifest["spec"]["versions"]
        del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][field]
        version["additionalPrinterColumns"] = version["additionalPrinterColumns"][:-1]
        text = yaml.dump(manifest, sort_keys=False, Dumper=_Plain)
        (chart / "files/crds" / f"{plural}.yaml").write_text(text, encoding="utf-8")
    return chart


class _Plain(yaml.SafeDumper):
    """Shared values written out."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def test_definitions_upgrade_with_the_chart_and_stay_when_it_goes(cluster: Cluster, older_chart: Path) -> None:
    cluster.install(older_chart)
    in_time(lambda: cluster.api.create(f"{RESOURCES}/titles", movie()))
    in_time(lambda: cluster.api.create(f"{RESOURCES}/workersessions", session()))
    newer = {"titles": {"spec.cache.pin": True}, "workersessions": {"spec.suspend": True}}
    forms = {"titles": movie(), "workersessions": session()}
    for plural in PLURALS:
        with pytest.raises(Refused, match="unknown field"):
            cluster.api.create(f"{RESOURCES}/{plural}", changed(forms[plural], newer[plural]), dryRun="All")
    declared, definitions = cluster.identities(), cluster.definitions()

    cluster.install(CHART)
    assert cluster.identities() == declared
    assert cluster.definitions() == definitions, "changed in place: a definition that is made anew loses its objects"
    for plural in PLURALS:
        fresh = changed(forms[plural], newer[plural] | {"metadata.name": "newer"})
        in_time(partial(cluster.api.create, f"{RESOURCES}/{plural}", fresh, dryRun="All"))
        assert columns(cluster.api.get(f"{CRDS}/{plural}.streamvault.io")) == columns(definition(plural))

    cluster.uninstall()
    assert cluster.definitions() == definitions
    assert cluster.identities() == declared
    with pytest.raises(Refused, match="not found"):
        cluster.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/streamvault-operator")

    cluster.install(CHART)
    assert cluster.definitions() == definitions
    assert cluster.identities() == declared
    cluster.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/streamvault-operator")


def columns(crd: dict[str, Any]) -> list[str]:
    """Names of the columns that kubectl prints."""
    return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]
