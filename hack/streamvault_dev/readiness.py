"""Waiting for what `make up` installs, and saying what is still missing while waiting.

A namespace may hold more: titles and sessions of a person, pods of a test. Those are reported, never waited for.
"""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamvault_common.keys import LABEL_INSTANCE, LABEL_SESSION

from .cluster.kubectl import Kubectl
from .commands import CommandError
from .images.catalogue import PREFIX
from .release import NAME, NAMESPACE

POD_DEADLINE_SECONDS = 420
TITLE_DEADLINE_SECONDS = 240
REPORT_EVERY_SECONDS = 15
LOG_LINES = "15"
WORKLOADS = "deployments,statefulsets"
WORKLOADS_OF_OPERATOR = ("statefulset edge",)
PHASES_ON_THE_WAY = frozenset({"", "Pending", "Draining"})
Object = dict[str, Any]


class NotReady(Exception):  # noqa: N818 a state, described for a person
    """Something did not become ready in time; the message names it and shows its last words."""


@dataclass(frozen=True)
class Expected:
    """What `make up` declares: names of the sample titles and sessions, and where the current image tags are."""

    titles: tuple[str, ...]
    sessions: tuple[str, ...]
    image_values: Path

    def images(self) -> set[str]:
        """References that containers should run."""
        return (
            set(json.loads(self.image_values.read_text())["images"].values()) if self.image_values.is_file() else set()
        )

    def has_pod(self, pod: Object) -> bool:
        """Whether the pod is the chart's, the operator's or a sample session's."""
        labels = pod["metadata"].get("labels", {})
        session = labels.get(LABEL_SESSION)
        return labels.get(LABEL_INSTANCE) == NAME and (session is None or session in self.sessions)


def unready_pods(pods: list[Object]) -> list[str]:
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


def outdated_pods(pods: list[Object], current: Collection[str]) -> list[str]:
    """Pods that run another build of one of our images than the current ones: the operator is about to replace them.

    None when it is not known which are current: nothing was built in this clone.
    """
    if not current:
        return []
    return [
        f"{pod['metadata']['name']} (an older image)"
        for pod in pods
        if any(
            container["image"].startswith(f"{PREFIX}/") and container["image"] not in current
            for container in pod["spec"]["containers"]
        )
    ]


def unready_workloads(workloads: list[Object]) -> list[str]:
    """Deployments and StatefulSets that have not rolled out what is declared."""
    problems = []
    for workload in workloads:
        status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
        seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
        if not seen or status.get("updatedReplicas", 0) < wanted or status.get("readyReplicas", 0) < wanted:
            problems.append(f"{workload['kind'].lower()} {workload['metadata']['name']}")
    names = {f"{workload['kind'].lower()} {workload['metadata']['name']}" for workload in workloads}
    return problems + [f"{name} (not made yet)" for name in WORKLOADS_OF_OPERATOR if name not in names]


def unpublished_titles(titles: list[Object]) -> list[str]:
    """Titles whose state is not yet the declared one."""
    return [
        f"title {title['metadata']['name']} ({title.get('status', {}).get('phase', 'unseen')})"
        for title in titles
        if title.get("status", {}).get("phase") != title["spec"].get("state", "Published") or not _is_observed(title)
    ]


def unsettled_sessions(sessions: list[Object]) -> list[str]:
    """Sessions that are on their way to serving; a rest, a wait or a ban may last for hours and is no way to it."""
    problems = []
    for session in sessions:
        phase, ready = _standing(session)
        on_the_way = not _is_observed(session) or phase in PHASES_ON_THE_WAY or (phase == "Active" and not ready)
        if _may_serve(session) and on_the_way:
            problems.append(f"session {session['metadata']['name']} ({phase or 'unseen'})")
    return problems


def idle_sessions(sessions: list[Object]) -> list[str]:
    """Sessions that do not serve, each with its phase."""
    return [
        f"session {session['metadata']['name']} ({_standing(session)[0] or 'unseen'})"
        for session in sessions
        if not _standing(session)[1]
    ]


def missing(kind: str, names: Collection[str], found: list[Object]) -> list[str]:
    """Declared names that the cluster does not know."""
    known = {item["metadata"]["name"] for item in found}
    return [f"{kind} {name} (not declared)" for name in names if name not in known]


class Installation:
    """The release as seen through the API server."""

    def __init__(self, kubectl: Kubectl, expected: Expected) -> None:
        self._kubectl = kubectl
        self._expected = expected

    def problems(self) -> list[str]:
        """What of the chart is not ready; empty when all is."""
        workloads = unready_workloads(self._items(WORKLOADS, "-l", f"{LABEL_INSTANCE}={NAME}"))
        pods = [pod for pod in self._own_pods() if LABEL_SESSION not in pod["metadata"]["labels"]]
        return workloads or unready_pods(pods) or outdated_pods(pods, self._expected.images())

    def unpublished(self) -> list[str]:
        """What of the sample titles is missing or not as declared."""
        titles = self._items("titles")
        ours = [title for title in titles if title["metadata"]["name"] in self._expected.titles]
        return missing("title", self._expected.titles, titles) + unpublished_titles(ours)

    def unready_workers(self) -> list[str]:
        """What of the sample sessions, and of the pods that serve for them, is missing or not ready."""
        sessions = self._items("workersessions")
        ours = [session for session in sessions if session["metadata"]["name"] in self._expected.sessions]
        pods = [pod for pod in self._own_pods() if LABEL_SESSION in pod["metadata"]["labels"]]
        on_the_way = missing("session", self._expected.sessions, sessions) + unsettled_sessions(ours)
        idle = {text.split(" ")[1] for text in idle_sessions(ours)}
        serving = [pod for pod in pods if pod["metadata"]["labels"][LABEL_SESSION] not in idle]
        return on_the_way or unready_pods(serving) or outdated_pods(serving, self._expected.images())

    def lacks_samples(self) -> bool:
        """Whether a sample title or session is not declared."""
        titles = missing("title", self._expected.titles, self._items("titles"))
        return bool(titles or missing("session", self._expected.sessions, self._items("workersessions")))

    def others(self) -> list[str]:
        """What else in the namespace is not in order: a person's or a test's."""
        titles = [title for title in self._items("titles") if title["metadata"]["name"] not in self._expected.titles]
        pods = [pod for pod in self._items("pods") if not self._expected.has_pod(pod)]
        return [
            *(f"pod {text}" for text in unready_pods(pods)),
            *unpublished_titles(titles),
            *idle_sessions(self._items("workersessions")),
        ]

    def wait_for_pods(self) -> None:
        self._wait(self.problems, POD_DEADLINE_SECONDS)

    def wait_for_titles(self) -> None:
        self._wait(self.unpublished, TITLE_DEADLINE_SECONDS)

    def wait_for_workers(self) -> None:
        self._wait(self.unready_workers, POD_DEADLINE_SECONDS)

    def _own_pods(self) -> list[Object]:
        return [pod for pod in self._items("pods") if self._expected.has_pod(pod)]

    def _items(self, kinds: str, *selection: str) -> list[Object]:
        items: list[Object] = self._kubectl.get_json(kinds, "--namespace", NAMESPACE, *selection)["items"]
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
        for problem in unready_pods(self._own_pods()):
            name = problem.split(" ")[0]
            arguments = ("--all-containers", "--prefix", f"--tail={LOG_LINES}")
            said.append(f"--- logs of {name}\n{self._try('logs', name, *arguments)}")
        return "\n".join(said)

    def _try(self, *arguments: str) -> str:
        try:
            return self._kubectl.run("--namespace", NAMESPACE, *arguments)
        except CommandError as error:
            return str(error)


def _is_observed(item: Object) -> bool:
    generation: int = item["metadata"]["generation"]
    return bool(item.get("status", {}).get("observedGeneration", generation) >= generation)


def _may_serve(session: Object) -> bool:
    return session["spec"].get("desiredState", "Active") == "Active" and not session["spec"].get("suspend")


def _standing(session: Object) -> tuple[str, bool]:
    """Phase, and whether it is ready."""
    status = session.get("status", {})
    ready = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}.get("Ready")
    return status.get("phase", ""), ready == "True"


def _reason(status: dict[str, Any]) -> str:
    """The most telling word about a pod that is not ready."""
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        for state in container.get("state", {}).values():
            if state.get("reason"):
                return str(state["reason"])
    return str(status.get("reason") or status.get("phase", "unknown"))
