"""How the operator starts: its configuration, kopf's settings, and its own HTTP port."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import kopf
import pytest
import yaml
from conditions import until
from operator_config import CONFIG

from streamvault_operator import server
from streamvault_operator.config import InvalidConfig, load
from streamvault_operator.health import Health
from streamvault_operator.metrics import Metrics
from streamvault_operator.settings import kopf_settings
from streamvault_operator.workqueue import WorkQueue


@dataclass(frozen=True)
class Probes:
    """The operator's HTTP port; it is ready once `watching` is set."""

    http: httpx.AsyncClient
    watching: asyncio.Event


def test_a_config_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    assert load(path).workers.image == "localhost/streamvault/worker:1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("instance: [", "config.yaml"),
        ("instance: x", "workers"),
        (yaml.safe_dump(CONFIG | {"wrokers": {}}), "wrokers"),
    ],
)
def test_a_wrong_config_file_names_itself_and_its_fault(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidConfig, match=says):
        load(path)


def test_a_missing_config_file_says_which_variable_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="STREAMVAULT_CONFIG"):
        load(tmp_path / "none.yaml")


KOPF: list[tuple[str, object]] = [
    # what kopf does with us, and what a default would cost
    ("scanning.disabled", True),  # rights in one namespace only
    ("peering.standalone", True),  # a stray peering object would pause us
    ("persistence.finalizer", "streamvault.io/kopf"),
    ("persistence.consistency_timeout", 5.0),
    ("queueing.worker_limit", None),  # a limit throttles to limit / idle_timeout objects per second
    ("queueing.idle_timeout", 0.5),  # a task and the last event of every object stay for so long
    ("watching.server_timeout", 300),
    ("watching.client_timeout", 310),  # longer than the server's
    ("watching.connect_timeout", 10),
    ("watching.inactivity_timeout", 70.0),  # bookmarks come every 60 s
    ("watching.chunk_size", 100),
    ("watching.initial_streaming", False),  # not before Kubernetes 1.34 is the oldest
    ("networking.request_timeout", 30),
    ("posting.enabled", True),
    ("posting.level", logging.INFO),
    ("posting.loggers", False),  # no event per log line
    ("posting.reporting_component", "streamvault-operator"),
    ("execution.default_backoff", 15),
]


@pytest.mark.parametrize(("name", "value"), KOPF, ids=[name for name, _ in KOPF])
def test_every_setting_of_kopf_is_the_one_that_was_chosen(name: str, value: object) -> None:
    found: object = kopf_settings()
    for step in name.split("."):
        found = getattr(found, step)
    assert found == value


def test_kopf_keeps_its_marks_under_our_prefix_and_in_their_new_form_only() -> None:
    persistence = kopf_settings().persistence
    progress, diffbase = persistence.progress_storage, persistence.diffbase_storage
    assert isinstance(progress, kopf.AnnotationsProgressStorage)
    assert isinstance(diffbase, kopf.AnnotationsDiffBaseStorage)
    for storage in (progress, diffbase):
        assert (storage.prefix, storage.v1) == ("streamvault.io", False)


def test_kopf_lists_only_what_is_ours_and_every_object_that_has_a_finalizer() -> None:
    watching = kopf_settings().watching

    def selectors(resource: kopf.Resource) -> list[str]:
        return list(watching.label_selectors.collect(resource))

    pods = kopf.Resource("", "v1", "pods", kind="Pod", singular="pod", namespaced=True)
    services = kopf.Resource("", "v1", "services", kind="Service", singular="service", namespaced=True)
    titles = kopf.Resource("streamvault.io", "v1alpha1", "titles", kind="Title", singular="title", namespaced=True)
    assert selectors(pods) == ["app.kubernetes.io/component in (worker, edge)"]
    assert selectors(services) == ["app.kubernetes.io/managed-by=streamvault-operator"]
    assert selectors(titles) == []
    assert list(watching.field_selectors.collect(titles)) == [], "one that is filtered out would stay Terminating"


@asynccontextmanager
async def serving(metrics: Metrics, health: Health, queue: WorkQueue) -> AsyncIterator[Probes]:
    watching = asyncio.Event()
    runner = await server.start(0, metrics, health, [queue], watching)
    port = runner.addresses[0][1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            yield Probes(http, watching)
    finally:
        await runner.cleanup()


async def forever(_: str) -> None:
    await asyncio.Event().wait()


async def test_a_long_queue_is_healthy_and_shows_in_the_figures() -> None:
    metrics, health = Metrics(), Health()
    queue = WorkQueue("title", forever, metrics, concurrency=1)
    metrics.title_phase("blue-tape", "Published")
    working = asyncio.create_task(queue.run())
    async with serving(metrics, health, queue) as probes:
        assert (await probes.http.get("/readyz")).status_code == 503
        probes.watching.set()
        assert (await probes.http.get("/readyz")).status_code == 200
        for number in range(2000):
            queue.add(f"late-{number}", after=-3600)
        await until(lambda: queue.due_count() == 1999)
        assert (await probes.http.get("/healthz")).text == "ok"
        figures = (await probes.http.get("/metrics")).text
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert 'streamvault_operator_titles_count{phase="Published"} 1.0' in figures
    assert 'streamvault_operator_due_objects{resource="title"} 1999.0' in figures


async def test_health_fails_when_a_look_a_loop_or_a_watch_hangs() -> None:
    moment = [1000.0]
    metrics, health = Metrics(), Health(lambda: moment[0])
    queue = WorkQueue("title", forever, metrics, concurrency=1, clock=lambda: moment[0])
    queue.add("stuck")
    working = asyncio.create_task(queue.run())
    async with serving(metrics, health, queue) as probes:
        await until(lambda: queue.due_count() == 0)
        health.turned("listening")
        health.heard("titles", "7")
        health.wrote("titles", "7")
        health.wrote("titles", "8")
        health.wrote("pods", "9")
        assert (await probes.http.get("/healthz")).status_code == 200
        moment[0] += 301
        assert (await probes.http.get("/healthz")).text == "wedged: listening has stopped"
        health.turned("listening")
        assert (await probes.http.get("/healthz")).status_code == 200
        moment[0] += 300
        assert (await probes.http.get("/healthz")).text == "wedged: the watch of titles is deaf"
        health.heard("titles", "8")
        health.turned("listening")
        assert (await probes.http.get("/healthz")).status_code == 200
        moment[0] += 1260
        health.turned("listening")
        answer = await probes.http.get("/healthz")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert (answer.status_code, answer.text) == (503, "wedged: title/stuck does not end")


def test_a_phase_is_counted_once_per_object() -> None:
    metrics = Metrics()
    for phase in ("Pending", "Active", "Active", None):
        metrics.session_phase("s01", phase)
    counts = {
        phase: metrics.registry.get_sample_value("streamvault_operator_sessions_count", {"phase": phase})
        for phase in ("Pending", "Active")
    }
    assert counts == {"Pending": 0, "Active": 0}
