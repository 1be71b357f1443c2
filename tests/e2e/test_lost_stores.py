"""A database that goes away for a minute costs nobody a pod, and the site says what is wrong and recovers by itself."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from site_under_test import Site, eventually, restarts

from demo.cluster import kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]
OUTAGE_SECONDS = 60


@contextmanager
def stopped(workload: str) -> Iterator[float]:
    """The workload scaled to zero while the context is open; gives the time of its end."""
    replicas = json.loads(kubectl("get", workload, "-o", "json"))["spec"]["replicas"]
    kubectl("scale", workload, "--replicas=0")
    try:
        kubectl("wait", "--for=jsonpath={.status.replicas}=0", workload, "--timeout=60s")
        yield time.monotonic()
    finally:
        kubectl("scale", workload, f"--replicas={replicas}")
        kubectl("rollout", "status", workload, "--timeout=180s")


def sustained(check: Callable[[], None], since: float) -> None:
    """Run `check` again and again until the outage has lasted OUTAGE_SECONDS."""
    while time.monotonic() < since + OUTAGE_SECONDS:
        check()
        time.sleep(1)


def test_without_its_document_database_the_site_says_503_and_recovers(site: Site) -> None:
    url = site.source("glass-harbour", "720p")["url"]
    assert site.read(url, "bytes=0-1023").status_code == 206
    before = restarts()

    def check() -> None:
        answer = site.http.get("/api/titles/glass-harbour")
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert site.read(url, "bytes=0-1023").status_code == 206, "a film that is playing goes on"

    with stopped("statefulset/mongodb") as since:
        eventually(lambda: site.http.get("/api/titles/glass-harbour").status_code == 503, 20, "the API says 503")
        sustained(check, since)
    eventually(lambda: site.http.get("/api/titles/glass-harbour").status_code == 200, 60, "the API recovers")
    eventually(lambda: site.http.get("/t/glass-harbour").status_code == 200, 60, "the page recovers")
    after = restarts()
    assert {name: count for name, count in after.items() if count > before.get(name, 0)} == {}


def test_without_redis_films_play_on_and_no_worker_is_lost(site: Site) -> None:
    before = restarts()
    workers = kubectl(
        "get", "pods", "-l", "app.kubernetes.io/component=worker", "-o", "jsonpath={.items[*].metadata.uid}"
    )
    url = site.source("aurora-drift", "720p")["url"]
    with stopped("statefulset/redis") as since:
        sustained(lambda: _assert_plays(site, url), since)
        last_slice = site.read(url, "bytes=-1024")
        assert last_slice.status_code == 206
    now = kubectl("get", "pods", "-l", "app.kubernetes.io/component=worker", "-o", "jsonpath={.items[*].metadata.uid}")
    assert now == workers
    assert {name: count for name, count in restarts().items() if count > before.get(name, 0)} == {}
    eventually(lambda: site.http.get("/api/titles").status_code == 200, 60, "the API answers")


def _assert_plays(site: Site, url: str) -> None:
    assert site.read(url, "bytes=0-1023").status_code == 206
