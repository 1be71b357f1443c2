"""A database that goes away for a minute costs nobody a pod, and the site says what is wrong and recovers by itself."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from installed_edge import CachedFile, InstalledEdge, installed_edge
from installed_workers import pod_uids, unready_sessions
from sandbox_control import getfile_calls
from site_under_test import Site, eventually, restarts

from demo.cluster import kubectl
from streamvault_common.keys import SLICE_BYTES

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
OUTAGE_SECONDS = 60
PLAYER_SECONDS = 15.0
PROBLEM = "application/problem+json"


@contextmanager
def stopped(store: str) -> Iterator[float]:
    """The store scaled to zero while the context is open, at the cost of no other pod; gives the time of its end."""
    workload, others, before = f"statefulset/{store}", pod_uids(without=store), restarts()
    replicas = json.loads(kubectl("get", workload, "-o", "json"))["spec"]["replicas"]
    kubectl("scale", workload, "--replicas=0")
    try:
        kubectl("wait", "--for=jsonpath={.status.replicas}=0", workload, "--timeout=180s")
        yield time.monotonic()
    finally:
        kubectl("scale", workload, f"--replicas={replicas}")
        kubectl("rollout", "status", workload, "--timeout=600s")
    eventually(lambda: not unready_sessions(), 300, "every session serves")
    assert pod_uids(without=store) == others
    assert {name: count for name, count in restarts().items() if count > before.get(name, 0)} == {}


def sustained(check: Callable[[], None], since: float) -> None:
    """Run `check` again and again until the outage has lasted OUTAGE_SECONDS."""
    while time.monotonic() < since + OUTAGE_SECONDS:
        check()
        time.sleep(1)


class Viewer:
    """Somebody in mid-film, whose slices are never on the edge: a worker has to read each of them."""

    def __init__(self, site: Site, edge: InstalledEdge, title: str) -> None:
        source = site.source(title, "720p")
        self._site, self._edge, self._url, self._file = site, edge, source["url"], CachedFile.of(source)
        self._turns = 0
        self.watch()  # the worker that will be asked has met this film before

    def watch(self) -> None:
        """Read the beginning of another slice than last time."""
        self._turns += 1
        self._edge.purge(self._file)
        start = self._turns * SLICE_BYTES % self._file.size_bytes // SLICE_BYTES * SLICE_BYTES
        answer = self._site.read(self._url, f"bytes={start}-{start + 1023}")
        assert (answer.status_code, answer.headers.get("x-cache")) == (206, "MISS"), "a film that is playing goes on"


@pytest.fixture
def site() -> Iterator[Site]:
    """A player tries again for so long before it gives up (lib/player/recovery.ts)."""
    viewer = Site(patience_seconds=PLAYER_SECONDS)
    yield viewer
    viewer.http.close()


@pytest.fixture
def impatient() -> Iterator[Site]:
    """Somebody who wants to see every 503."""
    viewer = Site(patience_seconds=0)
    yield viewer
    viewer.http.close()


@pytest.fixture
def edge() -> Iterator[InstalledEdge]:
    with installed_edge() as edge:
        yield edge


def test_without_its_document_database_the_site_says_503_and_recovers(
    site: Site, impatient: Site, edge: InstalledEdge
) -> None:
    viewer = Viewer(site, edge, "glass-harbour")

    def answers() -> list[httpx.Response]:
        return [
            impatient.http.get("/api/titles/glass-harbour"),
            impatient.http.get("/api/titles"),
            impatient.http.post("/api/play/glass-harbour", json={}),
            impatient.http.get("/t/glass-harbour"),
            impatient.http.get("/"),
        ]

    def all_say(status: int) -> bool:
        return {answer.status_code for answer in answers()} == {status}

    def check() -> None:
        *api, page, home = answers()
        assert [answer.status_code for answer in (*api, page, home)] == [503] * 5
        assert {answer.headers["content-type"].partition(";")[0] for answer in api} == {PROBLEM}
        assert page.headers["content-type"].startswith("text/html")
        assert all(answer.headers["retry-after"] for answer in (*api, page, home))
        viewer.watch()

    with stopped("mongodb") as since:
        eventually(lambda: all_say(503), 180, "API and pages say 503")
        read = getfile_calls()
        sustained(check, since)
        assert getfile_calls() > read, "workers read from the local Telegram meanwhile"
    eventually(lambda: all_say(200), 180, "API and pages recover")
    viewer.watch()


def test_without_redis_films_play_on_and_no_worker_is_lost(site: Site, edge: InstalledEdge) -> None:
    viewer = Viewer(site, edge, "aurora-drift")

    def check() -> None:
        viewer.watch()
        assert site.http.get("/t/aurora-drift").status_code == 200
        assert site.grant("aurora-drift")["sources"], "somebody else can begin to watch"

    with stopped("redis") as since:
        read = getfile_calls()
        sustained(check, since)
        assert getfile_calls() > read, "workers read from the local Telegram meanwhile"
    assert site.http.get("/api/titles").status_code == 200
    viewer.watch()
