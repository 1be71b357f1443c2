"""Waiting for pods and titles, and saying what is still missing while waiting."""

import time
from collections.abc import Callable
from typing import Any

from .cluster.kubectl import Kubectl
from .commands import CommandError
from .release import NAMESPACE

POD_DEADLINE_SECONDS = 420
TITLE_DEADLINE_SECONDS = 240
REPORT_EVERY_SECONDS = 15
LOG_LINES = "15"
WORKLOADS = "deployments,statefulsets"
WORKLOADS_OF_OPERATOR = ("statefulset edge",)


class NotReady(Exception):  # noqa: N818 a state, described for a person
    """Something did not become ready in time; the message names it and shows its last words."""


def unready_pods(pods: list[dict[str, Any]]) -> list[str]:
    """Names with a reason of pods that should run and do not; finished Jobs are fine."""
    problems = []
    for pod in pods:
        status = pod.get("status", {})
        if status.get("phase") == "Succeeded":
            continue
        conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
        if pod["metadata"].get("deletionTimestamp"):
            problems.append(f"{pod['metadata']['name']} (Terminating)")
        elif conditions.get("Ready", {}).get("status") != "True":
            problems.append(f"{pod['metadata']['name']} ({_reason(status)})")
    return problems


def unready_workloads(workloads: list[dict[str, Any]]) -> list[str]:
    """Deployments and StatefulSets that have not rolled out what is declared."""
    problems = []
    for workload in workloads:
        status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
        seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
        if not seen or status.get("updatedReplicas", 0) < wanted or status.get("readyReplicas", 0) < wanted:
            problems.append(f"{workload['kind'].lower()} {workload['metadata']['name']}")
    names = {f"{workload['kind'].lower()} {workload['metadata']['name']}" for workload in workloads}
    return problems + [f"{name} (not made yet)" for name in WORKLOADS_OF_OPERATOR if name not in names]


def unpublished_titles(titles: list[dict[str, Any]]) -> list[str]:
    """Titles whose state is not yet the declared one."""
    return [
        f"{title['metadata']['name']} ({title.get('status', {}).get('phase', 'unseen')})"
        for title in titles
        if title.get("status", {}).get("phase") != title["spec"].get("state", "Published")
        or title.get("status", {}).get("observedGeneration", title["metadata"]["generation"])
        < title["metadata"]["generation"]
    ]


class Installation:
    """The release as seen through the API server."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def problems(self) -> list[str]:
        """What is not ready; empty when all is."""
        workloads = unready_workloads(self._items(WORKLOADS))
        return workloads or unready_pods(self._items("pods"))

    def unpublished(self) -> list[str]:
        return unpublished_titles(self._items("titles"))

    def titles(self) -> list[str]:
        return [title["metadata"]["name"] for title in self._items("titles")]

    def wait_for_pods(self) -> None:
        self._wait(self.problems, POD_DEADLINE_SECONDS)

    def wait_for_titles(self) -> None:
        self._wait(self.unpublished, TITLE_DEADLINE_SECONDS)

    def _items(self, kinds: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._kubectl.get_json(kinds, "--namespace", NAMESPACE)["items"]
        return items

    def _wait(self, look: Callable[[], list[str]], deadline_seconds: float) -> None:
        """NotReady with the last words of what is missing."""
        started = reported = time.monotonic()
        while problems := look():
            now = time.monotonic()
            if now - started > deadline_seconds:
                raise NotReady(f"not ready after {deadline_seconds:.0f} s: {', '.join(problems)}\n{self._last_words()}")
            if now - reported > REPORT_EVERY_SECONDS:
                print(f"      … waiting for {', '.join(problems)}", flush=True)
                reported = now
            time.sleep(0.5)

    def _last_words(self) -> str:
        """Warnings of the namespace and the end of each unready pod's logs."""
        said = [self._try("get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp")[-2000:]]
        for problem in unready_pods(self._items("pods")):
            name = problem.split(" ")[0]
            arguments = ("--all-containers", "--prefix", f"--tail={LOG_LINES}")
            said.append(f"--- logs of {name}\n{self._try('logs', name, *arguments)}")
        return "\n".join(said)

    def _try(self, *arguments: str) -> str:
        try:
            return self._kubectl.run("--namespace", NAMESPACE, *arguments)
        except CommandError as error:
            return str(error)


def _reason(status: dict[str, Any]) -> str:
    """The most telling word about a pod that is not ready."""
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        for state in container.get("state", {}).values():
            if state.get("reason"):
                return str(state["reason"])
    return str(status.get("reason") or status.get("phase", "unknown"))
