"""Whatever is done to the edge's objects, the operator puts them back."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from api_server import ApiServer, Manifest
from conditions import until_true
from operator_config import CONFIG
from operator_forks import OperatorForks
from scratch_operator import NOWHERE, ScratchOperator, scratch_operator
from site_under_test import Site, eventually

from demo.cluster import kubectl

pytestmark = pytest.mark.cluster

EDGE: dict[str, Any] = CONFIG["edge"] | {"service": {"type": "ClusterIP", "nodePort": None}, "nodeSelector": NOWHERE}
STARTED_SECONDS = 180.0
RESTORED_SECONDS = 45.0
"""Less than the pause after which the operator looks by itself: it has to hear of it."""
BACK_SECONDS = 120.0


@pytest.fixture
async def scratch(api: ApiServer, forks: OperatorForks) -> AsyncIterator[ScratchOperator]:
    """An operator that has just made an edge in an empty namespace."""
    async with scratch_operator(api, forks, edge=EDGE) as operator:
        await made(operator, "statefulsets", "edge", within=STARTED_SECONDS)
        yield operator


async def made(
    scratch: ScratchOperator, plural: str, name: str, other_than: str = "", within: float = RESTORED_SECONDS
) -> Manifest:
    """The object, as soon as it is there with another uid."""

    async def found() -> Manifest | None:
        item = scratch.find(plural, name)
        return item if item is not None and item["metadata"]["uid"] != other_than else None

    item = await until_true(found, within)
    assert item is not None
    return item


async def test_deleted_objects_come_back(scratch: ScratchOperator) -> None:
    objects = [("services", "edge"), ("services", "edge-agent"), ("configmaps", "edge"), ("statefulsets", "edge")]
    before = [await made(scratch, plural, name) for plural, name in objects]
    for plural, name in objects:
        scratch.api.delete(scratch.path(plural, name))
    for (plural, name), old in zip(objects, before, strict=True):
        after = await made(scratch, plural, name, other_than=old["metadata"]["uid"])
        assert after["metadata"]["labels"] == old["metadata"]["labels"]


async def test_edits_by_others_are_taken_back(scratch: ScratchOperator) -> None:
    scratch.api.patch(scratch.path("services", "edge"), {"spec": {"selector": {"app": "mine"}}})
    scratch.api.patch(scratch.path("configmaps", "edge"), {"data": {"CACHE_MAX_SIZE": "1k"}})
    scratch.api.patch(scratch.path("statefulsets", "edge"), {"spec": {"replicas": 0}})

    async def restored() -> bool:
        service = await made(scratch, "services", "edge")
        settings = await made(scratch, "configmaps", "edge")
        edge = await made(scratch, "statefulsets", "edge")
        return (
            "app" not in service["spec"]["selector"]
            and settings["data"]["CACHE_MAX_SIZE"] == "8g"
            and edge["spec"]["replicas"] == 1
        )

    await until_true(restored, RESTORED_SECONDS)


async def test_a_larger_cache_makes_the_set_anew_and_keeps_the_volume(scratch: ScratchOperator) -> None:
    before = await made(scratch, "statefulsets", "edge")
    claim = await made(scratch, "persistentvolumeclaims", "cache-edge-0")
    await scratch.kill()
    await scratch.start(edge=EDGE | {"cache": {"size": "20Gi", "storageClassName": "local-path"}})
    after = await made(scratch, "statefulsets", "edge", other_than=before["metadata"]["uid"], within=STARTED_SECONDS)
    template = after["spec"]["volumeClaimTemplates"][0]
    assert template["spec"]["resources"]["requests"]["storage"] == "20Gi"
    assert (await made(scratch, "persistentvolumeclaims", "cache-edge-0"))["metadata"]["uid"] == claim["metadata"][
        "uid"
    ]


def test_the_site_answers_again_after_the_loss_of_its_service(site: Site) -> None:
    before = kubectl("get", "service", "edge", "-o", "jsonpath={.metadata.uid}")
    kubectl("delete", "service", "edge")
    eventually(
        lambda: (
            kubectl("get", "service", "edge", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
            not in {"", before}
        ),
        BACK_SECONDS,
        "the Service edge is back",
    )
    eventually(lambda: _answers(site), BACK_SECONDS, "the site answers")


def _answers(site: Site) -> bool:
    try:
        return site.http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
