"""The purge agent answers nothing without its token, and nothing that it cannot read exactly."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import httpx
import pytest
from edge_agent import TOKEN, all_of, running_agent, spawn

FID = "0123456789abcdef0123456789abcdef"
ORDER = {"fid": FID, "gen": 1, "sizeBytes": 1000}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def agent(cache: Path) -> Iterator[httpx.Client]:
    with running_agent(cache) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(agent: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody in the cluster who has no token."""
    with httpx.Client(base_url=agent.base_url, timeout=60) as client:
        yield client


WRONG = ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, f"Bearer  {TOKEN}"]
TOMBSTONE_ROUTES = [(method, f"/tombstones/{FID}") for method in ("PUT", "DELETE", "GET")]
CACHE_ROUTES = [
    ("POST", "/purge"),
    ("GET", f"/slices/{FID}?gen=1&size=1"),
    ("GET", "/tombstones"),
    ("GET", "/keys-zone"),
]
NO_ROUTES = [("GET", "/"), ("GET", "/docs"), ("GET", "/healthz/x"), ("POST", "/nothing")]


@pytest.mark.parametrize("given", [None, *WRONG])
@pytest.mark.parametrize(("method", "path"), [*TOMBSTONE_ROUTES, *CACHE_ROUTES, *NO_ROUTES])
def test_nothing_without_the_token(
    stranger: httpx.Client, cache: Path, given: str | None, method: str, path: str
) -> None:
    headers = {} if given is None else {"Authorization": given}
    response = stranger.request(method, path, headers=headers, json=ORDER if method == "POST" else None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"
    assert not list((cache / "tombstones").iterdir())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_watching_needs_no_token(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize("fid", ["x", FID.upper(), FID[:-1], FID + "0", "..%2f" + FID, "%2e%2e", FID + "%0a", "g" * 32])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
def test_odd_file_ids_are_refused(agent: httpx.Client, cache: Path, method: str, fid: str) -> None:
    response = agent.request(method, f"/tombstones/{fid}")
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == "application/problem+json"
    assert not list((cache / "tombstones").iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        {"fid": "../../etc/passwd"},
        {"gen": 0},
        {"gen": "x"},
        {"sizeBytes": 0},
        {"sizeBytes": 1 << 41},
        {"sliceBytes": 1024},
        {"slice_size": 1},
    ],
)
def test_purge_orders_must_be_exact(agent: httpx.Client, wrong: dict[str, object]) -> None:
    response = agent.post("/purge", json=ORDER | wrong)
    assert response.status_code == 422
    assert response.json()["title"] == "Invalid request"
    assert next(iter(wrong)) in response.json()["detail"]


def test_purge_without_a_body_is_refused(agent: httpx.Client) -> None:
    assert agent.post("/purge").status_code == 422
    assert agent.post("/purge", content=b"{").status_code == 422


def test_tombstone_is_raised_told_and_removed(agent: httpx.Client, cache: Path) -> None:
    assert agent.get(f"/tombstones/{FID}").status_code == 404
    for _ in range(2):
        assert agent.put(f"/tombstones/{FID}").status_code == 204
    assert (cache / "tombstones" / FID).is_file()
    assert agent.get(f"/tombstones/{FID}").json()["fid"] == FID
    assert agent.get("/tombstones").json() == {"fids": [FID]}
    for _ in range(2):
        assert agent.delete(f"/tombstones/{FID}").status_code == 204
    assert agent.get("/tombstones").json() == {"fids": []}


def test_agent_without_nginx_is_alive_and_says_so(agent: httpx.Client) -> None:
    assert "streamvault_edge_nginx_up 0.0" in agent.get("/metrics").text


def test_agent_is_unready_when_the_volume_is_gone(tmp_path: Path) -> None:
    with running_agent(tmp_path / "cache") as client:
        assert client.get("/readyz").status_code == 200
        (tmp_path / "cache/tombstones").rmdir()
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "EDGE_AGENT_TOKEN"),
        ({"EDGE_AGENT_TOKEN": "short"}, "EDGE_AGENT_TOKEN"),
        ({"EDGE_AGENT_TOKEN": TOKEN, "PORT": "x"}, "PORT"),
        ({"EDGE_AGENT_TOKEN": TOKEN, "CACHE_ROOT": os.devnull}, "CACHE_ROOT"),
    ],
)
def test_bad_setting_stops_the_start_and_is_named(variables: dict[str, str], said: str) -> None:
    with TemporaryFile("w+") as written:
        assert spawn(variables, written).wait(timeout=120) == 1
        output = all_of(written)
    assert said in output
    assert "Traceback" not in output
    assert "short" not in output
