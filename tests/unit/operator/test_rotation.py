"""Who of a pool serves: the choice in each situation, and what no history may break."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import HASH, LONG_AGO, NOW, RUNNING, UID, condition, report

from streamvault_common.models import SessionReport, WorkerState
from streamvault_operator.domain.observation import Observed
from streamvault_operator.domain.pods import PodView
from streamvault_operator.domain.resources import SessionStatus, WorkerSession
from streamvault_operator.domain.rotation import PoolPolicy, Standing, Turn, choose, due_at, standing
from streamvault_operator.domain.session import Action, decide
from streamvault_operator.domain.session_status import render_status

SERVING = condition("Ready", "True", "Serving", age=500)
WAITING = condition("Ready", "False", "PodPending", age=10)
HOPELESS = condition("Ready", "False", "PodNotReady", age=200)
CRASHING = condition("Stalled", "True", "CrashLoop", age=20)
NOT_DRAINED = condition("Drained", "False", "InFlightStreams", age=5)


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def session(name: str, status: dict[str, Any], **spec: Any) -> WorkerSession:
    metadata = {"name": name, "namespace": "streamvault", "uid": UID, "generation": 1}
    spec = {"sessionSecretRef": {"name": name}, **spec}
    return WorkerSession.parse({"metadata": metadata, "spec": spec, "status": status})


def serving(since: float = -500) -> dict[str, Any]:
    return {"phase": "Active", "podName": "p", "activeSince": at(since), "conditions": [SERVING]}


SPARE: dict[str, Any] = {"phase": "Resting"}
NEW: dict[str, Any] = {}
STARTING = {"phase": "Pending", "podName": "p", "conditions": [WAITING]}
BROKEN = {"phase": "Pending", "podName": "p", "conditions": [HOPELESS]}
STALLED = {"phase": "Pending", "podName": "p", "conditions": [WAITING, CRASHING]}
COOLING = {"phase": "Cooling", "podName": "p", "coolingUntil": at(60)}
BOUND = {"phase": "Resting", "restingUntil": at(60)}
RESTED = {"phase": "Resting", "restingUntil": at(-60)}
LEAVING = {"phase": "Draining", "podName": "p", "conditions": [NOT_DRAINED]}
BANNED = {"phase": "Banned", "secretRevision": ""}
DUE = serving(since=-5000)
ONE, HOURLY = PoolPolicy(1, 1), PoolPolicy(1, 1, max_active_seconds=3600, jitter_percent=0)
TWO_OF_THREE = PoolPolicy(2, 3, max_active_seconds=3600, jitter_percent=0)

CHOICES: list[tuple[str, PoolPolicy, dict[str, dict[str, Any]], str]] = [
    # what happens, the pool, its sessions, who serves ("-" = begins its rest, "?" = waits for its replacement)
    ("new sessions fill the pool", PoolPolicy(1, 2), {"a": NEW, "b": NEW, "c": NEW}, "ab"),
    ("whoever serves goes on", ONE, {"a": SPARE, "b": serving()}, "b"),
    ("whoever starts goes on", ONE, {"a": SPARE, "b": STARTING}, "b"),
    ("a spare replaces one that cools", ONE, {"a": COOLING, "b": SPARE}, "ab"),
    ("the first to come back is one too many", ONE, {"a": serving(-900), "b": serving(-60)}, "b"),
    ("a spare replaces one that cannot start", ONE, {"a": BROKEN, "b": SPARE}, "ab"),
    ("a spare replaces one that crashes", ONE, {"a": STALLED, "b": SPARE}, "ab"),
    ("a rest is finished", PoolPolicy(2, 2), {"a": serving(), "b": BOUND}, "a"),
    ("a finished rest makes a spare", PoolPolicy(2, 2), {"a": serving(), "b": RESTED}, "ab"),
    ("banned sessions hold no place", ONE, {"a": BANNED, "b": SPARE}, "b"),
    ("the one that never served goes before the rested", ONE, {"a": RESTED, "b": SPARE}, "b"),
    ("one that leaves keeps its place while nobody else has it", ONE, {"a": LEAVING}, "a"),
    ("one that leaves does not come back to a full pool", ONE, {"a": LEAVING, "b": serving()}, "b"),
    ("the replacement starts first", HOURLY, {"a": DUE, "b": SPARE}, "a?b"),
    ("the old one stays until the new one serves", HOURLY, {"a": DUE, "b": STARTING}, "a?b"),
    ("then it rests", HOURLY, {"a": DUE, "b": serving()}, "a-b"),
    ("nobody rests when nobody can replace it", HOURLY, {"a": DUE, "b": BOUND}, "a?"),
    ("nor when the others cool", HOURLY, {"a": DUE, "b": COOLING}, "a?b"),
    ("one at a time", TWO_OF_THREE, {"a": DUE, "b": serving(-9000), "c": serving()}, "ab-c"),
    ("one at a time, also while it drains", TWO_OF_THREE, {"a": DUE, "b": LEAVING, "c": serving()}, "abc"),
    ("a larger pool may shrink", TWO_OF_THREE, {"a": DUE, "b": serving(), "c": serving()}, "a-bc"),
    ("but not below its least", TWO_OF_THREE, {"a": DUE, "b": serving()}, "a?b"),
]


def shown(turns: dict[str, Turn]) -> str:
    signs = {name: "-" if turn.rest_until else "?" if turn.waits else "" for name, turn in turns.items()}
    return "".join(name + signs[name] for name, turn in sorted(turns.items()) if turn.serve or turn.rest_until)


@pytest.mark.parametrize(("case", "policy", "sessions", "chosen"), CHOICES, ids=[choice[0] for choice in CHOICES])
def test_choice(case: str, policy: PoolPolicy, sessions: dict[str, dict[str, Any]], chosen: str) -> None:
    turns = choose([session(name, status) for name, status in sessions.items()], policy, NOW)
    assert shown(turns) == chosen


def test_priority_decides_who_is_called() -> None:
    pool = [session("a", SPARE), session("b", SPARE, priority=200), session("c", SPARE, priority=200)]
    assert shown(choose(pool, PoolPolicy(1, 2), NOW)) == "bc"


def test_what_the_owner_took_out_holds_no_place() -> None:
    pool = [session("a", serving(), desiredState="Resting"), session("b", serving(), suspend=True), session("c", SPARE)]
    assert shown(choose(pool, ONE, NOW)) == "bc"


def test_a_sessions_own_time_wins_over_the_pools() -> None:
    own = {"maxActiveSeconds": 7200, "restSeconds": 600}
    pool = [session("a", DUE, rotation=own), session("b", serving(-8000), rotation=own)]
    turns = choose(pool, replace(HOURLY, max_active=2), NOW)
    assert shown(turns) == "ab-"
    assert turns["b"].rest_until is not None
    assert timedelta(seconds=600) <= turns["b"].rest_until - NOW <= timedelta(seconds=602)


def test_jitter_spreads_the_ends_and_only_shortens_the_time_in_service() -> None:
    policy = PoolPolicy(max_active_seconds=1000, jitter_percent=50)
    ends = [due_at(session(f"s{number}", serving()), policy) for number in range(50)]
    offsets = [(end - NOW).total_seconds() for end in ends if end is not None]
    assert min(offsets) >= 0
    assert max(offsets) <= 500
    assert max(offsets) - min(offsets) > 300


@pytest.mark.parametrize(
    ("sessions", "exhausted"),
    [
        ({"a": serving(), "b": COOLING}, True),
        ({"a": serving(), "b": STARTING}, False),
        ({"a": serving(), "b": SPARE}, False),
        ({"a": serving(), "b": BROKEN}, True),
        ({"a": BOUND, "b": COOLING}, True),
    ],
)
def test_a_pool_that_cannot_have_its_least_says_so(sessions: dict[str, dict[str, Any]], exhausted: bool) -> None:
    turns = choose([session(name, status) for name, status in sessions.items()], PoolPolicy(2, 2), NOW)
    assert [name for name, turn in turns.items() if turn.exhausted] == (["a"] if exhausted else [])


# ---- any history -----------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """A session with its pod and its worker, as the cluster would run them."""

    session: WorkerSession
    pod: PodView | None = None
    report: SessionReport | None = None
    processes: set[str] = field(default_factory=set)


class Pool:
    """Decides as the operator does, one session after another, over pods that come, serve, are flooded and vanish."""

    def __init__(self, policy: PoolPolicy, size: int) -> None:
        self.policy = policy
        self.now = NOW
        self.pods = 0
        self.workers = {f"s{number}": Worker(session(f"s{number}", {})) for number in range(size)}

    def serving(self) -> set[str]:
        """Who serves as far as the operator can know: what happened to a session since its last look, it cannot."""
        return {name for name, one in self.workers.items() if standing(one.session, self.now) is Standing.SERVING}

    def reconcile(self, name: str) -> None:
        """The operator looks at a session."""
        one = self.workers[name]
        turn = choose([worker.session for worker in self.workers.values()], self.policy, self.now)[name]
        seen = Observed(
            one.session, one.pod, one.report, None, LONG_AGO, HASH, may_roll=True, now=self.now, turn=turn,
            no_pod_since=self.now.timestamp() - 3600,
        )  # fmt: skip
        before = self.serving()
        plan = decide(seen)
        if plan.phase == "Draining" and name in before and not seen.floods.resting_until:
            assert len(before - {name}) >= self.policy.min_active, "rotation took one too many"
        cooling, resting = one.session.status.cooling_until, one.session.status.resting_until
        one.session = one.session.model_copy(update={"status": SessionStatus.parse(render_status(seen, plan))})
        self._kept(cooling, one.session.status.cooling_until)
        self._kept(resting, one.session.status.resting_until)
        if plan.action is Action.CREATE:
            assert not one.processes, "two processes with one session"
            self.pods += 1
            one.pod = replace(RUNNING, uid=f"pod-{self.pods}", ready=False, phase="Pending")
        elif plan.action is Action.DELETE and one.pod is not None:
            one.pod = replace(one.pod, terminating=True)

    def _kept(self, before: datetime | None, after: datetime | None) -> None:
        if before is not None and before > self.now:
            assert after is not None, "a wait was forgotten"
            assert after >= before, "a wait was shortened"

    def happen(self, name: str, what: str) -> None:
        """Something happens to a pod or its worker."""
        one = self.workers[name]
        if what == "vanish" and one.pod is not None:  # removed by force: the process lives on for a while
            one.pod = None
        elif what == "die":
            one.processes.clear()
            if one.pod is not None and one.pod.terminating:
                one.report = self._say(one, WorkerState.STOPPED)
                one.pod = None
        elif one.pod is not None and not one.pod.terminating:
            self._work(one, what)
        if one.processes and one.report is not None and one.report.state is not WorkerState.STOPPED:
            one.report = one.report.model_copy(update={"at": self.now.timestamp()})

    def _work(self, one: Worker, what: str) -> None:
        assert one.pod is not None
        cooling = one.report is not None and one.report.flood_until > self.now.timestamp()
        if what == "ready" and not cooling:
            one.pod = replace(one.pod, ready=True, phase="Running")
            one.processes = {one.pod.uid}
            one.report = self._say(one, WorkerState.SERVING)
        elif what == "flood" and one.report is not None and not cooling:
            now = self.now.timestamp()
            flood = {"flood_at": now, "flood_until": now + 300, "flood_seconds": 300}
            one.report = self._say(one, WorkerState.COOLING).model_copy(update=flood)
            one.pod = replace(one.pod, ready=False)
        elif what == "drained" and one.session.status.phase == "Draining":
            one.report = self._say(one, WorkerState.DRAINING)
            one.pod = replace(one.pod, ready=False)

    def _say(self, one: Worker, state: WorkerState) -> SessionReport:
        said = one.report or report()
        return said.model_copy(update={"state": state, "at": self.now.timestamp(), "in_flight": 0})


steps = st.tuples(
    st.integers(0, 4),
    st.sampled_from(["", "", "ready", "ready", "flood", "drained", "die", "vanish"]),
    st.sampled_from([0, 1, 30, 70, 700]),
)
policies = st.builds(
    PoolPolicy, st.integers(0, 2), st.integers(1, 3), st.sampled_from([0, 600]), st.just(1200), st.sampled_from([0, 10])
)


@settings(max_examples=60, deadline=None)
@given(policy=policies, history=st.lists(steps, min_size=20, max_size=90))
def test_whatever_happens(policy: PoolPolicy, history: list[tuple[int, str, int]]) -> None:
    """Rotation never goes below the least; no session has two processes; no wait comes earlier than it was written."""
    pool = Pool(policy, 5)
    for number, what, seconds in history:
        name = f"s{number}"
        pool.now += timedelta(seconds=seconds)
        for worker in pool.workers.values():  # a process without a pod is cut off: it ends by its lease
            if worker.pod is None and worker.report and pool.now.timestamp() - worker.report.at > 60:
                worker.processes.clear()
        if what:
            pool.happen(name, what)
        for other in pool.workers:
            pool.reconcile(other)
