"""How the operator starts: its configuration, kopf's settings, and its own HTTP port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from conditions import until
from operator_config import CONFIG

from streamvault_common.keys import KOPF_FINALIZER
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


def test_kopf_stays_in_one_namespace_and_keeps_its_marks_in_ours() -> None:
    settings = kopf_settings()
    assert settings.scanning.disabled
    assert settings.peering.standalone
    assert settings.persistence.finalizer == KOPF_FINALIZER
    assert not settings.posting.loggers
    assert settings.queueing.worker_limit is None, "a limit throttles to a few objects per second"


@asynccontextmanager
async def serving(metrics: Metrics, health: Health, queue: WorkQueue) -> AsyncIterator[Probes]:
    watching = asyncio.Event()
    runner = await server.start(0, metrics, health, [queue], watching)
    port = runner.addresses[0][1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
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
