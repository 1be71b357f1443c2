"""While waiting, a person reads which object is missing and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev.readiness import (
    Expected,
    Installation,
    idle_sessions,
    outdated_pods,
    unpublished_titles,
    unready_pods,
    unready_workloads,
    unsettled_sessions,
)


def pod(name: str, *, ready: bool = False, phase: str = "Running", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": name}, "status": {"phase": phase, "conditions": conditions, **status}}


def workload(kind: str, name: str, *, ready: int = 1, seen: int = 2) -> dict[str, Any]:
    status = {"observedGeneration": seen, "updatedReplicas": 1, "readyReplicas": ready}
    return {"kind": kind, "metadata": {"name": name, "generation": 2}, "spec": {"replicas": 1}, "status": status}


EDGE = workload("StatefulSet", "edge")


def test_pods_are_named_with_their_reason() -> None:
    waiting = [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    leaving = pod("old", ready=True)
    leaving["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    found = unready_pods(
        [
            pod("fine", ready=True),
            pod("job", phase="Succeeded"),
            pod("worker", containerStatuses=waiting),
            pod("fresh", phase="Pending"),
            leaving,
        ]
    )
    assert found == ["worker (CrashLoopBackOff)", "fresh (Pending)", "old (Terminating)"]


def test_workload_counts_only_when_its_newest_form_is_rolled_out() -> None:
    manager = workload("Deployment", "manager")
    assert unready_workloads([EDGE, manager]) == []
    assert unready_workloads([EDGE, workload("Deployment", "manager", ready=0)]) == ["deployment manager"]
    assert unready_workloads([EDGE, workload("Deployment", "manager", seen=1)]) == ["deployment manager"]


def test_edge_is_waited_for_although_the_chart_does_not_make_it() -> None:
    assert unready_workloads([workload("Deployment", "manager")]) == ["statefulset edge (not made yet)"]


def title(name: str, phase: str | None = "Published", state: str = "Published") -> dict[str, Any]:
    status = {} if phase is None else {"phase": phase, "observedGeneration": 1}
    return {"metadata": {"name": name, "generation": 1}, "spec": {"state": state}, "status": status}


def session(name: str, phase: str = "Active", *, ready: bool = True, seen: int = 1, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"phase": phase, "observedGeneration": seen, "conditions": conditions} if phase else {}
    return {"metadata": {"name": name, "generation": 1}, "spec": spec, "status": status}


def test_title_is_published_when_its_phase_is_the_declared_state() -> None:
    titles = [title("a"), title("b", "Pending"), title("c", "Unlisted", "Unlisted"), title("d", None)]
    assert unpublished_titles(titles) == ["title b (Pending)", "title d (unseen)"]


@pytest.mark.parametrize(
    ("found", "waited_for"),
    [
        (session("one"), []),
        (session("one", "Pending", ready=False), ["session one (Pending)"]),
        (session("one", "", ready=False), ["session one (unseen)"]),
        (session("one", ready=False), ["session one (Active)"]),
        (session("one", "Draining", ready=False), ["session one (Draining)"]),
        (session("one", seen=0), ["session one (Active)"]),
        # these may last for hours, or for ever:
        (session("one", "Cooling", ready=False), []),
        (session("one", "Resting", ready=False), []),
        (session("one", "Banned", ready=False), []),
        # a person's wish:
        (session("one", "Draining", ready=False, desiredState="Resting"), []),
        (session("one", "Pending", ready=False, suspend=True), []),
    ],
)
def test_session_is_waited_for_only_while_it_is_on_its_way(found: dict[str, Any], waited_for: list[str]) -> None:
    assert unsettled_sessions([found]) == waited_for


def test_session_that_does_not_serve_is_told() -> None:
    assert idle_sessions([session("a"), session("b", "Cooling", ready=False), session("c", "", ready=False)]) == [
        "session b (Cooling)",
        "session c (unseen)",
    ]


def running(name: str, image: str, session_name: str = "", instance: str = "streamvault") -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": instance} | (
        {"streamvault.io/session": session_name} if session_name else {}
    )
    made = pod(name, ready=True)
    return {
        **made,
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"image": f"localhost/streamvault/{image}"}]},
    }


def test_pod_of_an_older_build_is_about_to_be_replaced() -> None:
    current = {"localhost/streamvault/worker:2"}
    assert outdated_pods([running("ws-a", "worker:1"), running("ws-b", "worker:2")], current) == [
        "ws-a (an older image)"
    ]
    assert outdated_pods([running("ws-a", "worker:1")], set()) == [], "a clone that built nothing knows no better"
    stranger = running("db", "x")
    stranger["spec"]["containers"][0]["image"] = "docker.io/library/mongo:8"
    assert outdated_pods([stranger], current) == []


class Namespace:
    """kubectl's answers over objects in memory."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self._objects = objects

    def get_json(self, kinds: str, *_: str) -> dict[str, Any]:
        return {"items": [item for kind in kinds.split(",") for item in self._objects.get(kind, [])]}


@pytest.fixture
def expected(tmp_path: Path) -> Expected:
    values = tmp_path / "images.json"
    values.write_text(json.dumps({"images": {"worker": "localhost/streamvault/worker:2"}}))
    return Expected(("film",), ("one",), values)


def look(expected: Expected, **objects: list[dict[str, Any]]) -> Installation:
    return Installation(Namespace(**objects), expected)  # type: ignore[arg-type]


def test_what_a_person_added_is_reported_and_never_waited_for(expected: Expected) -> None:
    broken = running("ws-mine", "worker:1", "mine")
    broken["status"]["conditions"][0]["status"] = "False"
    foreign = running("debug", "worker:2", instance="other")
    foreign["status"]["conditions"][0]["status"] = "False"
    seen = look(
        expected,
        statefulsets=[EDGE],
        pods=[running("ws-one", "worker:2", "one"), broken, foreign],
        titles=[title("film"), title("mine", "Pending")],
        workersessions=[session("one"), session("mine", "Banned", ready=False)],
    )
    assert (seen.problems(), seen.unpublished(), seen.unready_workers()) == ([], [], [])
    assert not seen.lacks_samples()
    assert seen.others() == [
        "pod ws-mine (Running)",
        "pod debug (Running)",
        "title mine (Pending)",
        "session mine (Banned)",
    ]


def test_missing_samples_are_named(expected: Expected) -> None:
    seen = look(expected, titles=[title("mine")], workersessions=[])
    assert seen.lacks_samples()
    assert seen.unpublished() == ["title film (not declared)"]
    assert seen.unready_workers() == ["session one (not declared)"]
    assert look(expected, titles=[title("film")], workersessions=[]).lacks_samples()


def test_serving_session_is_ready_when_its_pod_runs_the_current_image(expected: Expected) -> None:
    def workers(image: str) -> list[str]:
        return look(expected, pods=[running("ws-one", image, "one")], workersessions=[session("one")]).unready_workers()

    assert workers("worker:2") == []
    assert workers("worker:1") == ["ws-one (an older image)"]
