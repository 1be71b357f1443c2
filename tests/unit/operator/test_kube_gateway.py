"""Calls of the Kubernetes API when it refuses: what each answer means, and how long it asks to be left alone."""

import json
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from streamvault_operator.health import Health
from streamvault_operator.io.kube import (
    TITLE,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    Kube,
    KubeError,
    NotFound,
    Unavailable,
)
from streamvault_operator.metrics import Metrics

Answer = Callable[[web.Request], web.Response]


class Api:
    """An HTTP server that answers as an API server would in one situation, and a gateway to it."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answer: Answer = lambda _: web.json_response({})
        self.metrics = Metrics()
        self.health = Health()

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.asked.append(request)
        return self.answer(request)

    def calls(self, verb: str, resource: str, code: int) -> float:
        labels = {"verb": verb, "resource": resource, "code": str(code)}
        return self.metrics.registry.get_sample_value("streamvault_operator_api_calls_total", labels) or 0.0


@pytest.fixture
def api() -> Api:
    """The server's side."""
    return Api()


@pytest.fixture
async def kube(api: Api) -> AsyncIterator[Kube]:
    """The gateway, over a real connection."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    gateway = Kube(
        ApiClient(configuration=configuration), "films", on_call=api.metrics.api_call, on_write=api.health.wrote
    )
    yield gateway
    await gateway.close()
    await runner.cleanup()


def refusal(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.json_response({"kind": "Status", "message": "because"}, status=status, headers=named)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, Invalid), (401, Unavailable), (403, Forbidden), (404, NotFound), (405, Invalid), (409, Conflict),
        (410, Expired), (415, Invalid), (422, Invalid), (429, Unavailable), (500, Unavailable), (503, Unavailable),
        (504, Unavailable),
    ],
)  # fmt: skip
async def test_every_refusal_has_one_meaning(api: Api, kube: Kube, status: int, meaning: type[KubeError]) -> None:
    api.answer = refusal(status)
    with pytest.raises(KubeError, match=f"{status} because") as raised:
        await kube.get(TITLE, "blue-tape")
    assert type(raised.value) is meaning
    assert api.calls("GET", "titles", status) == 1


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("soon", None)])
async def test_the_wait_that_the_server_asks_for_is_passed_on(
    api: Api, kube: Kube, header: str, seconds: float | None
) -> None:
    api.answer = refusal(429, Retry_After=header)
    with pytest.raises(Unavailable) as raised:
        await kube.get(TITLE, "blue-tape")
    assert raised.value.after_seconds == seconds


async def test_a_server_that_does_not_answer_is_away_and_counted(api: Api, kube: Kube) -> None:
    def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    api.answer = hang_up
    with pytest.raises(Unavailable):
        await kube.find(TITLE, "blue-tape")
    assert api.calls("GET", "titles", 0) == 1


async def test_a_list_that_took_too_long_begins_anew_and_has_nothing_twice(api: Api, kube: Kube) -> None:
    def page(request: web.Request) -> web.Response:
        if "continue" not in request.query:
            return web.json_response({"metadata": {"continue": "next"}, "items": ["a", "b"]})
        if len(api.asked) == 2:
            return refusal(410)(request)
        return web.json_response({"metadata": {}, "items": ["c"]})

    api.answer = page
    assert [str(item) for item in await kube.select(TITLE, labels={"app": "x"})] == ["a", "b", "c"]
    assert [request.query.get("continue", "") for request in api.asked] == ["", "next", "", "next"]
    assert {request.query["labelSelector"] for request in api.asked} == {"app=x"}


async def test_a_list_that_never_gets_through_can_be_tried_again_later(api: Api, kube: Kube) -> None:
    api.answer = refusal(410)
    with pytest.raises(Unavailable):
        await kube.select(TITLE)
    assert 1 < len(api.asked) < 10


async def test_a_write_is_counted_by_its_subresource_and_awaited_by_the_watch(api: Api, kube: Kube) -> None:
    api.answer = lambda _: web.json_response({"metadata": {"resourceVersion": "41"}})
    current = {"metadata": {"name": "blue-tape", "uid": "u"}, "status": {"phase": "Pending"}}
    assert not await kube.apply_status(TITLE, current, {"phase": "Pending"})
    assert await kube.apply_status(TITLE, current, {"phase": "Published"})
    assert api.calls("PATCH", "titles/status", 200) == 1
    assert len(api.asked) == 1
    assert api.health._unheard["titles"][0] == 41
    api.health.heard("titles", "41")
    assert api.health._unheard == {}


async def test_an_object_that_its_schema_would_refuse_today_gets_its_status_nevertheless(api: Api, kube: Kube) -> None:
    def untyped(request: web.Request) -> web.Response:
        if request.content_type == "application/json-patch+json":
            return web.json_response({"metadata": {"resourceVersion": "7"}})
        told = "failed to create typed live object: .spec.year: expected numeric"
        return web.json_response({"message": told}, status=500)

    api.answer = untyped
    assert await kube.apply_status(TITLE, {"metadata": {"name": "old", "uid": "u"}}, {"phase": "Pending"})
    assert json.loads(await api.asked[-1].text()) == [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "add", "path": "/status", "value": {"phase": "Pending"}},
    ]
    assert api.asked[-1].path.endswith("/titles/old/status")


async def test_a_finalizer_of_an_object_that_changed_meanwhile_is_a_conflict(api: Api, kube: Kube) -> None:
    current = {"metadata": {"name": "blue-tape", "uid": "u", "finalizers": ["x"]}}
    api.answer = refusal(422)
    with pytest.raises(Conflict):
        await kube.set_finalizer(TITLE, current, "y", present=True)
    patch = json.loads(await api.asked[0].text())
    assert patch[-1] == {"op": "add", "path": "/metadata/finalizers", "value": ["x", "y"]}


async def test_a_right_that_is_missing_is_not_mistaken_for_a_conflict(api: Api, kube: Kube) -> None:
    api.answer = refusal(403)
    with pytest.raises(Forbidden):
        await kube.set_finalizer(TITLE, {"metadata": {"name": "a", "uid": "u"}}, "y", present=True)
