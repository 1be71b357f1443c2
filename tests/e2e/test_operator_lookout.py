"""Takedowns that are asked for while kopf still lists: found by the API server itself."""

import asyncio
import os
import secrets
from collections.abc import Iterator

import api_server
import pytest
from api_server import ApiServer, Manifest
from conditions import until
from custom_resources import changed, movie

from streamvault_common.keys import API_VERSION
from streamvault_operator.handlers.memo import Queues
from streamvault_operator.io.kube import Kube
from streamvault_operator.lookout import look_out
from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue

pytestmark = pytest.mark.cluster

TAKEN_DOWN = {"spec.state": "TakenDown", "spec.takedown": {"reason": "Other"}}


@pytest.fixture
def namespace() -> Iterator[tuple[ApiServer, str]]:
    """A namespace without an operator, and the API server."""
    name = f"operator-test-{secrets.token_hex(4)}"
    with api_server.connect(api_server.kubeconfig_path()) as api:
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield api, name
        api.delete(f"/api/v1/namespaces/{name}")


def declare(api: ApiServer, namespace: str, manifest: Manifest, phase: str = "") -> None:
    """Make a Title, with a phase as an operator would have written it."""
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/titles"
    api.create(path, manifest)
    if phase:
        api.patch(f"{path}/{manifest['metadata']['name']}/status", {"status": {"phase": phase}})


async def test_only_unfinished_takedowns_are_hurried_and_one_that_is_new_within_seconds(
    namespace: tuple[ApiServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, name = namespace
    monkeypatch.setitem(os.environ, "KUBECONFIG", str(api_server.kubeconfig_path()))
    declare(api, name, changed(movie(), {"metadata.name": "on-the-air"}), "Published")
    declare(api, name, changed(movie(), {"metadata.name": "begun", **TAKEN_DOWN}), "TakingDown")
    declare(api, name, changed(movie(), {"metadata.name": "done", **TAKEN_DOWN}), "TakenDown")
    seen: list[str] = []

    async def look(title: str) -> None:
        seen.append(title)

    sessions, titles, edge = (WorkQueue(kind, look, Metrics(), concurrency=2) for kind in ("ws", "ti", "edge"))
    queues = Queues(sessions, titles, edge)
    kube = await Kube.connect(name)
    tasks = [asyncio.create_task(queues.titles.run()), asyncio.create_task(look_out(kube, queues))]
    try:
        await until(lambda: bool(seen))
        declare(api, name, changed(movie(), {"metadata.name": "asked-for", **TAKEN_DOWN}))
        queues.is_news("on-the-air", ("1",))  # the first list goes on
        await until(lambda: len(seen) == 2)
        assert seen == ["begun", "asked-for"]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await kube.close()
