"""The edge as the only door of the site: routes, headers, start and failures of what stands behind it."""

import json
import re
import signal
from pathlib import Path

import httpx
import pytest
from edge_site import LINK_KEYS, Site, wait_until

from nginx import NginxFailed, running
from streamvault_common.keys import HEADER_FILE_KIND, HEADER_RELAY, SLICE_BYTES
from streamvault_common.signing import Tier


@pytest.mark.parametrize(
    "path", ["/", "/t/some-film", "/browse?q=a%20b", "/_next/static/x.js", "/l/nonce", "/vault", "/data"]
)
def test_pages_come_from_the_website(site: Site, path: str) -> None:
    assert site.get(path).text == f"website {path}"


def test_api_comes_from_the_manager(site: Site) -> None:
    assert site.get("/api/titles?kind=Movie").text == "manager /api/titles?kind=Movie"
    response = site.client.post(site.nginx.url + "/api/play/film", json={"episode": 1})
    assert response.text == "manager /api/play/film"
    assert json.loads(site.manager.asked[-1].body) == {"episode": 1}


ADMIN_PATHS = ["/api/admin", "/api/admin/", "/api/admin/titles/x/details", "/api/admin/x?y=1", "/api/admin%2Fx"]
DISGUISES = ["/api//admin/x", "//api/admin/x", "/api/./admin/x", "/api/x/../admin/x", "/x/..//api/admin/x"]
ENCODED = ["/api/%61dmin/x", "/%61pi/admin/x", "/api%2fadmin/x", "/api/x/%2e%2e/admin/x"]


@pytest.mark.parametrize("path", [*ADMIN_PATHS, *DISGUISES, *ENCODED])
def test_admin_api_has_no_door_here(site: Site, path: str) -> None:
    before = len(site.manager.asked), len(site.website.asked)
    with httpx.Client(timeout=60) as client:
        request = client.build_request("PUT", site.nginx.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        response = client.send(request)
    assert (response.status_code, response.json()["title"]) == (404, "Not found")
    assert (len(site.manager.asked), len(site.website.asked)) == before


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_inner_figures_have_no_door_here(site: Site, path: str) -> None:
    assert site.get(path).status_code == 404


def test_health_needs_nobody_behind(site: Site) -> None:
    assert site.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("path", ["/", "/api/titles"])
def test_request_id_is_made_here_and_passed_on(site: Site, path: str) -> None:
    behind = site.manager if path.startswith("/api") else site.website
    response = site.get(
        path, **{"X-Request-Id": "forged", "X-Forwarded-For": "6.6.6.6", "X-Middleware-Subrequest": "x"}
    )
    assert response.headers.get_list("x-request-id") == [behind.asked[-1].headers["x-request-id"]]
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert behind.asked[-1].headers["x-forwarded-for"] == "127.0.0.1"
    assert "x-middleware-subrequest" not in behind.asked[-1].headers


def test_worker_gets_the_request_id_of_the_viewer(site: Site) -> None:
    file = site.origin.add(10)
    response = site.get(site.play(file))
    assert site.origin.requests(file)[0].request.headers["x-request-id"] == response.headers["x-request-id"]


def test_worker_sees_nothing_of_the_viewer(site: Site) -> None:
    file, poster = site.origin.add(10), site.origin.add(10, content_type="image/webp")
    forged = {HEADER_RELAY: "1", HEADER_FILE_KIND: "image", "Cookie": "a=b", "If-Range": '"x"', "Authorization": "y"}
    for path in (site.play(file), site.image(poster)):
        site.get(path, "0-3", **forged)
    film, image = (site.origin.requests(one)[0].request.headers for one in (file, poster))
    assert set(film) == {"host", "x-request-id", "x-file-kind", "range"}
    assert (film["x-file-kind"], film["range"]) == ("video", f"bytes=0-{SLICE_BYTES - 1}")
    assert set(image) == {"host", "x-request-id", "x-file-kind"}


def test_answers_say_nothing_of_the_machinery(site: Site) -> None:
    file, poster = site.origin.add(10), site.origin.add(10, content_type="image/webp")
    for path in (site.play(file), site.image(poster), "/", "/api/titles", "/v/x", "/metrics"):
        response = site.get(path)
        assert response.headers.get_list("server") == ["nginx"]
        assert not {"x-powered-by", "x-worker", "via"} & set(response.headers)
        assert response.headers.get_list("x-content-type-options") == ["nosniff"]
        assert response.headers.get_list("referrer-policy") == ["strict-origin-when-cross-origin"]
        assert "telegram" not in (str(response.headers) + response.text).lower()


HUGE_HEADER = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n"
NUL_IN_PATH = b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n"
NO_HOST = b"GET / HTTP/1.1\r\n\r\n"
WRONG_VERSION = b"GET / HTTP/9.9\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("raw", [NO_HOST, NUL_IN_PATH, b"\x16\x03\x01\r\n\r\n", HUGE_HEADER, WRONG_VERSION])
def test_broken_request_gets_a_problem(site: Site, raw: bytes) -> None:
    with site.connection() as connection:
        connection.sendall(raw)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    assert b"application/problem+json" in answer
    assert b"<html" not in answer


def test_log_names_requests_but_no_secret(site: Site) -> None:
    file = site.origin.add(10)
    response = site.get(site.play(file, user="visible"))
    site.get("/l/one-time-nonce?x=secret-query")
    request_id = response.headers["x-request-id"]
    wait_until(lambda: request_id in site.nginx.access_log.read_text(), "the request is logged")
    entry = next(e for e in site.nginx.log_entries() if e["request_id"] == request_id)
    assert (entry["path"], entry["status"], entry["cache"]) == (f"/v/{file.fid}/1", 200, "MISS")
    assert (entry["tier"], entry["viewer"]) == ("p", "visible")
    log = site.nginx.access_log.read_text()
    assert "one-time-nonce" not in log
    assert "secret-query" not in log


def test_missing_website_is_a_calm_page_and_missing_manager_a_problem(tmp_path: Path) -> None:
    """A pod starts before its neighbours exist; what can work works, and all of it once they come."""
    site = Site(tmp_path, workers=1)
    known = dict(site.names.records)
    site.names.records.clear()
    try:
        site.nginx.start()
        page, api, film = site.get("/"), site.get("/api/titles"), site.get(site.play(site.origin.add(10)))
        assert [r.status_code for r in (page, api, film)] == [503, 503, 503]
        assert [r.headers["retry-after"] for r in (page, api, film)] == ["5", "5", "5"]
        assert "Back in a moment" in page.text
        assert api.headers["content-type"] == film.headers["content-type"] == "application/problem+json"
        assert site.get("/healthz").status_code == 200
        site.names.records |= known
        wait_until(lambda: site.get("/").status_code == 200, "the website is found")
        wait_until(lambda: site.get("/api/x").status_code == 200, "the manager is found")
    finally:
        site.stop()


def test_trusted_proxy_names_the_viewer(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1, TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8")
    try:
        site.start()
        site.get("/", **{"X-Forwarded-For": "6.6.6.6, 203.0.113.7, 10.1.2.3"})
        assert site.website.asked[-1].headers["x-forwarded-for"] == "203.0.113.7"
    finally:
        site.stop()


def test_graceful_stop_finishes_what_a_viewer_reads(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        file = site.origin.add(3_000_000)
        for faults in site.origin.faults.values():
            faults.bytes_per_second = 4_000_000
        with httpx.stream("GET", site.nginx.url + site.play(file), timeout=60) as response:
            blocks = response.iter_raw()
            received = next(blocks)
            site.nginx.signal(signal.SIGQUIT)
            received += b"".join(blocks)
        assert received == file.content
        site.nginx.wait_for_end()
    finally:
        site.stop()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"LINK_KEYS": ""}, "LINK_KEYS is not set"),
        ({"LINK_KEYS": "k:c2hvcnQ"}, "secrets of at least 32 bytes"),
        ({"LINK_KEYS": "no-colon"}, "LINK_KEYS is not kid:secret"),
        ({"CACHE_MAX_SIZE": "lots"}, "CACHE_MAX_SIZE=lots is not a size such as 8g"),
        ({"CACHE_KEYS_ZONE": "1m", "CACHE_MAX_SIZE": "185g"}, "CACHE_KEYS_ZONE=1m holds 8095 slices"),
        ({"RATE_GUEST": "1m; evil on"}, "is not a size"),
        ({"CONNECTIONS_GUEST": "0"}, "CONNECTIONS_GUEST=0 is not a number"),
        ({"WORKERS_SERVICE": "workers:8080"}, "is not the name of a headless Service"),
        ({"MANAGER_ADDRESS": "manager"}, "is not host:port"),
        ({"MANAGER_ADDRESS": "a:1\nb:2"}, "MANAGER_ADDRESS has more than one line"),
        ({"TRUSTED_PROXIES": "here"}, "is not a list of networks"),
    ],
)
def test_bad_setting_stops_the_start_with_one_clear_line(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    good = {"LINK_KEYS": LINK_KEYS, "RESOLVER": "127.0.0.1:5353"}
    with pytest.raises(NginxFailed, match=re.escape(said)), running(tmp_path, good | variables):
        pass


def test_guest_is_slower_than_premium(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1, RATE_GUEST="1m")
    try:
        site.start()
        file = site.origin.add(3_000_000)
        for _ in range(3):  # each may be slow by accident
            assert site.get(site.play(file, tier=Tier.PREMIUM)).content == file.content
        assert site.get(site.play(file, tier=Tier.GUEST)).content == file.content
        wait_until(lambda: '"tier":"g"' in site.nginx.access_log.read_text(), "the slow request is logged")
        entries = site.nginx.log_entries()
        guest, premium = (
            min(float(str(entry["seconds"])) for entry in entries if entry["tier"] == tier) for tier in ("g", "p")
        )
        assert guest > 1.5, "3 MB at 1 MB/s"
        assert premium < guest
    finally:
        site.stop()
