"""What people see of the resources in kubectl: short names, categories, columns, field selectors."""

from typing import Any

import pytest
from api_server import ApiServer
from custom_resources import changed, condition, movie, session

from streamvault_common.keys import API_VERSION

pytestmark = pytest.mark.cluster


def as_table(api: ApiServer, path: str) -> dict[str, Any]:
    """The list as kubectl prints it: cell by column name, of the first row."""
    table = api.get(path, media_type="application/json;as=Table;v=v1;g=meta.k8s.io")
    names = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize(("plural", "short"), [("workersessions", ["ws", "wsess"]), ("titles", ["ti"])])
def test_short_names_and_category_are_served(api: ApiServer, crds: None, plural: str, short: list[str]) -> None:
    served = {entry["name"]: entry for entry in api.get(f"/apis/{API_VERSION}")["resources"]}
    assert served[plural]["shortNames"] == short
    assert served[plural]["categories"] == ["streamvault"]
    assert f"{plural}/status" in served


def test_a_cooling_session_reads_at_a_glance(api: ApiServer, namespace: str) -> None:
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/workersessions"
    api.create(path, changed(session(), {"metadata.name": "glance"}))
    until = "2099-11-22T13:05:10Z"
    status = {"phase": "Cooling", "coolingUntil": until, "conditions": [condition("Ready", "False", "FloodWait")]}
    api.patch(f"{path}/glance/status", {"status": status})
    try:
        row = as_table(api, path)
        shown = ("Pool", "Desired", "Phase", "Ready", "Reason", "Cooling-Until")
        assert [row[name] for name in shown] == ["default", "Active", "Cooling", "False", "FloodWait", until]
        assert row["Message"] == "because"
    finally:
        api.delete(f"{path}/glance")


def test_a_title_reads_at_a_glance(api: ApiServer, namespace: str) -> None:
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/titles"
    api.create(path, changed(movie(), {"metadata.name": "glance"}))
    conditions = [condition("Ready", "True", "Published"), condition("TakedownComplete", "Unknown", "NotRequested")]
    api.patch(
        f"{path}/glance/status", {"status": {"phase": "Published", "filesReady": "1/1", "conditions": conditions}}
    )
    try:
        row = as_table(api, path)
        shown = ("State", "Phase", "Ready", "Takedown", "Files", "Title")
        assert [row[name] for name in shown] == ["Published", "Published", "True", "NotRequested", "1/1", "Blue Tape"]
    finally:
        api.delete(f"{path}/glance")


@pytest.mark.parametrize(
    ("plural", "selector"),
    [
        ("workersessions", "spec.pool=default"),
        ("workersessions", "spec.desiredState=Active"),
        ("workersessions", "status.phase=Active"),
        ("titles", "spec.kind=Movie"),
        ("titles", "spec.state=TakenDown"),
        ("titles", "status.phase=TakingDown"),
    ],
)
def test_field_selectors_work(api: ApiServer, namespace: str, plural: str, selector: str) -> None:
    api.get(f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}", fieldSelector=selector)
