"""What every request gets, whatever its route: ids, problems, limits; asked over ASGI, with the stores out of reach."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from attempts import once_in_time

from streamvault_common.signing import LinkKeys
from streamvault_manager.app import Services, create_app
from streamvault_manager.metrics import Metrics
from streamvault_manager.services.catalogue import Catalogue
from streamvault_manager.services.details import DetailsEditor
from streamvault_manager.services.grants import Grants
from streamvault_manager.stores.mongo import MongoCatalogue

TOKEN = "a-token-for-tests-only"
PROBLEM = "application/problem+json"


class BrokenCatalogue(Catalogue):
    """Fails in a way that no rule expects."""

    async def title(self, title_id: str) -> object:  # type: ignore[override]
        raise ZeroDivisionError(f"secret thing about {title_id}")


@dataclass
class Api:
    http: httpx.AsyncClient
    failures: list[tuple[str, str]] = field(default_factory=list)
    serving: bool = True


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    store = MongoCatalogue("mongodb://127.0.0.1:1/", "none")
    keys = LinkKeys("k1", {"k1": bytes(32)})
    metrics = Metrics()
    catalogue = BrokenCatalogue(store)
    api = Api(httpx.AsyncClient())
    services = Services(
        catalogue=catalogue,
        grants=Grants(catalogue, store, keys, 3600, time.time),
        editor=DetailsEditor(store),
        metrics=metrics,
        serving=lambda: api.serving,
        failed=lambda route, error, request_id: api.failures.append((route, type(error).__name__)),
    )
    transport = httpx.ASGITransport(create_app(services, TOKEN))
    async with httpx.AsyncClient(transport=transport, base_url="http://manager") as api.http:
        yield api
    store.close()


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    body: dict[str, object] = answer.json()
    assert body["status"] == status
    assert body["requestId"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/openapi.json", 404),
        ("GET", "/docs", 404),
        ("DELETE", "/api/titles", 405),
        ("GET", "/api/play/aurora", 405),
        ("GET", "/api/titles?limit=0", 422),
        ("GET", "/api/titles?limit=101", 422),
        ("GET", "/api/titles?kind=Opera", 422),
        ("GET", "/api/titles?q=%00", 422),
        ("GET", f"/api/titles?q={'x' * 101}", 422),
        ("GET", "/api/titles?cursor=nonsense", 422),
        ("GET", "/api/admin/titles/aurora/details", 401),
    ],
)
async def test_every_refusal_is_a_problem_with_its_request_id(api: Api, method: str, path: str, status: int) -> None:
    problem(await api.http.request(method, path), status)


async def test_a_refused_parameter_is_named(api: Api) -> None:
    body = problem(await api.http.get("/api/titles?limit=0&kind=Opera"), 422)

    assert "limit: " in str(body["detail"])
    assert "kind: " in str(body["detail"])


async def test_a_broken_body_is_a_problem(api: Api) -> None:
    problem(await api.http.post("/api/play/aurora", content="{", headers={"content-type": "application/json"}), 422)


async def test_a_body_that_is_too_large_is_cut_off(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65536

    answer = await api.http.put(
        "/api/admin/titles/aurora/details", content=endless(), headers={"Authorization": f"Bearer {TOKEN}"}
    )

    problem(answer, 413)


async def test_an_unexpected_error_is_reported_and_tells_the_client_nothing(api: Api) -> None:
    answer = await api.http.get("/api/titles/aurora")

    body = problem(answer, 500)
    assert body["detail"] == ""
    assert "secret" not in answer.text
    assert api.failures == [("/api/titles/{title_id}", "ZeroDivisionError")]


async def test_without_the_database_the_answer_is_503_within_three_seconds(api: Api) -> None:
    async def answered_in_time() -> bool:
        started_at = time.monotonic()

        answer = await api.http.get("/api/titles")

        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text
        return time.monotonic() - started_at < 3

    assert await once_in_time(answered_in_time)


async def test_a_given_request_id_is_kept_and_a_strange_one_is_not(api: Api) -> None:
    kept = await api.http.get("/nowhere", headers={"X-Request-Id": "edge-1.a_b"})
    replaced = await api.http.get("/nowhere", headers={"X-Request-Id": "a b\t<script>"})

    assert kept.headers["x-request-id"] == "edge-1.a_b"
    assert len(replaced.headers["x-request-id"]) == 32


async def test_answers_of_the_api_are_never_stored(api: Api) -> None:
    assert (await api.http.get("/api/titles?limit=0")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("authorization", ["", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
async def test_the_admin_api_wants_its_token(api: Api, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode()} if authorization else {}

    answer = await api.http.put("/api/admin/titles/aurora/details", json={}, headers=headers)

    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_manager_stays_ready_without_stores_until_it_stops(api: Api) -> None:
    assert (await api.http.get("/healthz")).status_code == 200
    assert (await api.http.get("/readyz")).status_code == 200
    api.serving = False
    assert (await api.http.get("/readyz")).status_code == 503
    assert (await api.http.get("/healthz")).status_code == 200


async def test_metrics_count_by_route_not_by_address(api: Api) -> None:
    for title in ("one", "two"):
        await api.http.get(f"/api/titles/{title}")
        await api.http.get(f"/nowhere/{title}")

    text = (await api.http.get("/metrics")).text

    assert (
        'streamvault_manager_http_requests_total{method="GET",route="/api/titles/{title_id}",status="500"} 2.0' in text
    )
    assert 'streamvault_manager_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert "one" not in text
