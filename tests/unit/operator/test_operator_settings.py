"""How the operator starts: its configuration, kopf's settings, and its own HTTP port."""

import asyncio
from pathlib import Path

import httpx
import pytest
import yaml
from operator_config import CONFIG

from streamvault_common.keys import KOPF_FINALIZER
from streamvault_operator import server
from streamvault_operator.config import InvalidConfig, load
from streamvault_operator.metrics import Metrics
from streamvault_operator.settings import kopf_settings
from streamvault_operator.workqueue import WorkQueue


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


async def test_health_fails_only_when_a_queue_is_stuck() -> None:
    metrics = Metrics()

    async def act(_: str) -> None:
        await asyncio.Event().wait()

    queue = WorkQueue("title", act, metrics, concurrency=1)
    metrics.title_phase("blue-tape", "Published")
    watching = asyncio.Event()
    runner = await server.start(0, metrics, [queue], watching)
    port = runner.addresses[0][1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).status_code == 503
            watching.set()
            assert (await http.get("/readyz")).status_code == 200
            queue.add("late", after=-server.WEDGED_SECONDS - 1)
            wedged = await http.get("/healthz")
            assert (wedged.status_code, wedged.text) == (503, "wedged: title")
            figures = (await http.get("/metrics")).text
    finally:
        await runner.cleanup()
    assert 'streamvault_operator_titles_count{phase="Published"} 1.0' in figures


def test_a_phase_is_counted_once_per_object() -> None:
    metrics = Metrics()
    for phase in ("Pending", "Active", "Active", None):
        metrics.session_phase("s01", phase)
    counts = {
        phase: metrics.registry.get_sample_value("streamvault_operator_sessions_count", {"phase": phase})
        for phase in ("Pending", "Active")
    }
    assert counts == {"Pending": 0, "Active": 0}
