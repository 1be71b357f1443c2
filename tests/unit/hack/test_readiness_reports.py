"""While waiting, a person reads which object is missing and why."""

from typing import Any

from streamvault_dev.readiness import unpublished_titles, unready_pods, unready_workloads


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


def test_title_is_published_when_its_phase_is_the_declared_state() -> None:
    def title(name: str, state: str, phase: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "generation": 1}, "spec": {"state": state}, "status": {"phase": phase}}

    titles = [
        title("a", "Published", "Published"),
        title("b", "Published", "Pending"),
        title("c", "Unlisted", "Unlisted"),
        {"metadata": {"name": "d", "generation": 1}, "spec": {}},
    ]
    assert unpublished_titles(titles) == ["b (Pending)", "d (unseen)"]
