"""Every row of the session table: what the operator does with a worker in each situation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import HASH, LONG_AGO, NOW, RUNNING, STARTING, Case, condition, flooded, report, seconds_ago, verdict

from streamvault_common.models import WorkerState
from streamvault_operator.domain.pods import Drift
from streamvault_operator.domain.rotation import Turn
from streamvault_operator.domain.session import TABLE, Action, decide

GOING = replace(RUNNING, terminating=True)
OUTDATED = replace(RUNNING, spec_hash="other")
NOT_READY = replace(RUNNING, ready=False)
FOREIGN = replace(RUNNING, owner_uid="somebody")
DRAINING = (condition("Drained", "False", "InFlightStreams", age=30),)
OVERDUE = (condition("Drained", "False", "InFlightStreams", age=121),)
BUSY = report(WorkerState.DRAINING, in_flight=3)
IDLE = report(WorkerState.DRAINING, in_flight=0)
STOPPED = report(WorkerState.STOPPED)
NO_TURN = Turn(serve=False)
HAD_POD = {"podName": "ws-s01"}
FOUR_FLOODS = {"floodWaits": {"consecutive": 4, "total": 9, "lastSeconds": 60, "lastTime": seconds_ago(600)}}
RESTING = {"restingUntil": seconds_ago(-600)}
COOLING = {"coolingUntil": seconds_ago(-60)}

ROWS: list[tuple[str, str, list[Case]]] = [
    # the row, what it decides, the situations in which it does
    ("suspended", "Active, False/Suspended", [Case(suspend=True), Case(suspend=True, verdict=verdict())]),
    (
        "dead session",
        "Banned, False/Banned, delete",
        [Case(verdict=verdict()), Case(phase="Pending", verdict=verdict())],
    ),
    (
        "dead session",
        "Banned, False/Banned",
        [
            Case(phase="Banned", pod=None, judged_revision=""),
            Case(phase="Banned", pod=GOING, verdict=verdict()),
            Case(phase="Banned", pod=None, desired="Resting"),
        ],
    ),
    (
        "unwanted, no pod",
        "Resting, False/Resting",
        [
            Case(pod=None, desired="Resting"),
            Case(phase="Pending", pod=None, turn=NO_TURN),
            Case(phase="Resting", pod=None, extra_status=RESTING),
            Case(phase="Resting", pod=None, extra_status=RESTING, redis_since=None, report=None),
        ],
    ),
    (
        "unwanted, no pod",
        "Resting, False/Retired",
        [Case(pod=None, desired="Retired"), Case(pod=None, deleting=True), Case(pod=FOREIGN, deleting=True)],
    ),
    ("unwanted, pod going", "Draining, False/Draining, drain", [Case(phase="Draining", pod=GOING, deleting=True)]),
    (
        "unwanted, drained",
        "Draining, False/Draining, delete, drain",
        [
            Case(pod=STARTING, report=None, desired="Resting"),
            Case(phase="Draining", report=IDLE, desired="Resting"),
            Case(
                phase="Draining",
                report=report(WorkerState.DRAINING, age=70),
                heard_seconds=2,
                desired="Resting",
                conditions=DRAINING,
            ),
            Case(phase="Draining", report=BUSY, desired="Resting", conditions=OVERDUE),
            Case(phase="Draining", report=IDLE, extra_status=RESTING),
            Case(phase="Cooling", pod=NOT_READY, report=flooded(90), extra_status=FOUR_FLOODS),
        ],
    ),
    (
        "unwanted, in use",
        "Draining, False/Draining, drain",
        [
            Case(turn=NO_TURN),
            Case(turn=Turn(serve=False, rest_until=NOW.replace(hour=15))),
            Case(phase="Draining", report=BUSY, extra_status=RESTING, conditions=DRAINING),
            Case(report=flooded(90, in_flight=2), extra_status=FOUR_FLOODS),
            Case(desired="Resting"),
            Case(deleting=True),
            Case(phase="Draining", report=BUSY, desired="Retired", conditions=DRAINING),
            Case(phase="Draining", pod=NOT_READY, report=BUSY, desired="Retired", conditions=DRAINING),
            Case(phase="Draining", report=None, redis_since=None, desired="Resting", conditions=DRAINING),
        ],
    ),
    (
        "no pod",
        "Pending, False/PodPending, create",
        [
            Case(phase=None, pod=None, report=None),
            Case(phase="Active", pod=None, report=STOPPED, extra_status=HAD_POD),
            Case(phase="Active", pod=None, report=report(age=61), extra_status=HAD_POD),
            Case(phase="Active", pod=None, report=None, extra_status=HAD_POD),
            Case(phase="Resting", pod=None, report=STOPPED),
            Case(phase="Resting", pod=None, report=None, extra_status={"restingUntil": seconds_ago(1)}),
            Case(phase="Draining", pod=None, conditions=DRAINING, report=STOPPED),
            Case(phase="Banned", pod=None, judged_revision="", revision="2", report=STOPPED),
            Case(phase="Banned", pod=None, verdict=verdict("1"), judged_revision="1", revision="2", report=None),
            Case(phase="Pending", pod=None, redis_since=None, report=None),
            Case(pod=None, redis_since=None, report=None, extra_status=HAD_POD, podless_seconds=181),
        ],
    ),
    (
        "no pod, still leased",
        "Pending, False/PodPending",
        [
            Case(pod=None),
            Case(pod=None, report=report(age=59)),
            Case(pod=None, report=report(age=115), heard_seconds=55),
            Case(phase="Pending", pod=None, report=report(WorkerState.UNAUTHORIZED)),
            Case(pod=None, report=None, extra_status=HAD_POD, podless_seconds=14),
            Case(pod=None, report=None, extra_status=HAD_POD, redis_since=NOW.timestamp() - 14),
            Case(pod=None, report=None, extra_status=HAD_POD, redis_since=None, podless_seconds=179),
        ],
    ),
    (
        "no pod, secret in use",
        "Pending, False/SecretInUse",
        [Case(phase="Pending", pod=None, report=None, secret_user="ws-s02")],
    ),
    (
        "no pod, cooling",
        "Cooling, False/FloodWait",
        [
            Case(phase="Cooling", pod=None, report=STOPPED, extra_status=COOLING),
            Case(phase="Pending", pod=None, report=None, redis_since=None, extra_status=COOLING),
        ],
    ),
    (
        "cooling",
        "Cooling, False/FloodWait",
        [
            Case(report=flooded(90)),
            Case(report=flooded(90, state=WorkerState.SERVING)),
            Case(report=flooded(5, ago=30)),
            Case(phase="Pending", pod=NOT_READY, report=flooded(90)),
            Case(phase="Cooling", pod=NOT_READY, report=report(), extra_status=COOLING),
            Case(phase="Cooling", pod=NOT_READY, report=None, redis_since=None, extra_status=COOLING),
            Case(phase="Cooling", pod=NOT_READY, extra_status={"coolingUntil": seconds_ago(9)}),
            Case(pod=OUTDATED, may_roll=False, report=flooded(90)),
            Case(report=report(WorkerState.COOLING)),
        ],
    ),
    ("pod going", "Pending, False/PodPending", [Case(pod=GOING)]),
    ("pod of another owner", "Pending, False/PodPending", [Case(phase="Pending", pod=FOREIGN)]),
    ("pod finished", "Pending, False/PodPending, delete", [Case(pod=replace(RUNNING, phase="Failed", ready=False))]),
    (
        "outdated, idle",
        "Pending, False/PodPending, delete",
        [
            Case(phase="Pending", pod=replace(STARTING, spec_hash="other"), report=None),
            Case(phase="Draining", pod=OUTDATED, report=IDLE, conditions=DRAINING),
            Case(phase="Draining", pod=OUTDATED, report=BUSY, conditions=OVERDUE),
        ],
    ),
    (
        "outdated, in use",
        "Draining, False/Draining, drain",
        [
            Case(pod=OUTDATED),
            Case(drift=Drift(image=True)),
            Case(phase="Draining", pod=OUTDATED, report=BUSY, conditions=DRAINING),
            Case(phase="Draining", pod=OUTDATED, report=BUSY, conditions=DRAINING, may_roll=False),
        ],
    ),
    (
        "outdated, waits",
        "Active, True/Serving",
        [Case(pod=OUTDATED, may_roll=False), Case(drift=Drift(image=True), may_roll=False)],
    ),
    (
        "active",
        "Active, True/Serving",
        [
            Case(),
            Case(report=flooded(90, ago=200, state=WorkerState.SERVING)),
            Case(report=report(), extra_status={"restingUntil": seconds_ago(1)}),
            Case(report=None, redis_since=None),
            Case(report=None, redis_since=NOW.timestamp() - 5),
            Case(report=report(age=65), heard_seconds=2),  # its clock is behind
            Case(report=None, heard_seconds=200, redis_since=NOW.timestamp() - 5),
        ],
    ),
    (
        "silent for good",
        "Pending, False/PodPending, delete",
        [
            Case(report=None),
            Case(report=report(age=181)),
            Case(report=None, heard_seconds=181),
            Case(report=report(age=100), heard_seconds=181),
        ],
    ),
    (
        "silent",
        "Active, Unknown/HeartbeatLost",
        [
            Case(report=report(age=61)),
            Case(report=None, redis_since=NOW.timestamp() - 61),
            Case(report=report(age=1), heard_seconds=61),  # its clock is ahead
            Case(report=None, heard_seconds=170),  # Redis has forgotten the report meanwhile
        ],
    ),
    (
        "active, pod not ready",
        "Active, False/PodNotReady",
        [Case(pod=NOT_READY), Case(pod=NOT_READY, redis_since=None, report=None), Case(pod=NOT_READY, report=None)],
    ),
    (
        "ready and reporting",
        "Active, True/Serving",
        [
            Case(phase="Pending"),
            Case(phase="Draining", report=IDLE, conditions=DRAINING),
            Case(phase="Cooling", extra_status={"coolingUntil": seconds_ago(1)}),
            Case(phase="Pending", report=report(pod_uid="pod-uid")),
        ],
    ),
    ("starting", "Pending, False/PodPending", [Case(phase="Pending", pod=STARTING, report=None)]),
    (
        "starting",
        "Pending, False/PodNotReady",
        [
            Case(phase="Pending", report=None),
            Case(phase="Pending", report=report(WorkerState.UNAUTHORIZED)),
            Case(phase="Pending", report=report(pod_uid="an earlier pod")),
            Case(phase="Cooling", pod=NOT_READY, extra_status={"coolingUntil": seconds_ago(11)}),
            Case(phase="Pending", pod=replace(STARTING, waiting="ImagePullBackOff")),
            Case(phase="Pending", pod=replace(STARTING, waiting="CrashLoopBackOff")),
        ],
    ),
    ("starting", "Pending, Unknown/HeartbeatLost", [Case(phase="Pending", report=None, redis_since=None)]),
    ("starting", "Pending, False/SecretMissing", [Case(phase="Pending", pod=replace(STARTING, waiting="FailedMount"))]),
]


CASES = [(row, decision, case) for row, decision, cases in ROWS for case in cases]


@pytest.mark.parametrize(("row", "decision", "case"), CASES)
def test_row(row: str, decision: str, case: Case) -> None:
    plan = decide(case.observed())
    assert plan.row == row
    ready = "/".join(plan.ready[:2])
    action = "" if plan.action is Action.NONE else f", {plan.action}"
    assert f"{plan.phase}, {ready}{action}{', drain' if plan.drain else ''}" == decision


def test_every_row_of_the_table_is_tested() -> None:
    assert {row[0] for row in ROWS} == {row[0] for row in TABLE}


@pytest.mark.parametrize(
    ("case", "release"),
    [
        (Case(deleting=True, pod=None, report=STOPPED), True),
        (Case(deleting=True, pod=None), False),
        (Case(deleting=True, pod=None, phase="Banned", verdict=verdict(), report=None), True),
        (Case(deleting=True, pod=FOREIGN, report=None), True),
        (Case(deleting=True), False),
        (Case(deleting=True, pod=GOING), False),
        (Case(deleting=True, verdict=verdict()), False),
        (Case(desired="Retired", pod=None), False),
    ],
)
def test_a_deleted_session_goes_only_after_its_pod(case: Case, release: bool) -> None:
    assert decide(case.observed()).release is release


@pytest.mark.parametrize(("waiting", "stalled"), [("ErrImagePull", "ImagePull"), ("CrashLoopBackOff", "CrashLoop")])
def test_a_pod_that_cannot_run_is_reported_as_stalled(waiting: str, stalled: str) -> None:
    plan = decide(Case(phase="Pending", pod=replace(STARTING, waiting=waiting)).observed())
    assert plan.stalled is not None
    assert plan.stalled[0] == stalled


@pytest.mark.parametrize(
    ("case", "relabel"),
    [
        (Case(), False),
        (Case(drift=Drift(labels=True)), True),
        (Case(drift=Drift(labels=True), phase="Draining", report=BUSY, desired="Resting", conditions=DRAINING), True),
        (Case(drift=Drift(labels=True), suspend=True), False),
        (Case(drift=Drift(labels=True), pod=FOREIGN), False),
        (Case(drift=Drift(labels=True), pod=GOING), False),
        (Case(drift=Drift(labels=True), report=None), False),
    ],
    ids=["as made", "changed", "drains", "suspended", "of another owner", "terminates", "is replaced"],
)
def test_a_pod_gets_its_labels_back_where_it_stays(case: Case, relabel: bool) -> None:
    assert decide(case.observed()).relabel is relabel


pods = st.sampled_from([None, RUNNING, STARTING, GOING, OUTDATED, FOREIGN, NOT_READY])
reports = st.sampled_from([None, report(), report(age=100), report(age=1000), BUSY, IDLE, STOPPED, flooded(90)])
turns = st.sampled_from([Turn(), NO_TURN, Turn(serve=False, rest_until=NOW.replace(hour=15)), Turn(exhausted=True)])
extras = st.sampled_from([None, HAD_POD, RESTING, COOLING, FOUR_FLOODS, {**HAD_POD, **COOLING}])
cases = st.builds(
    Case,
    phase=st.sampled_from([None, "Pending", "Active", "Cooling", "Draining", "Resting", "Banned"]),
    desired=st.sampled_from(["Active", "Resting", "Retired"]),
    pod=pods,
    report=reports,
    verdict=st.sampled_from([None, verdict(), verdict("2")]),
    redis_since=st.sampled_from([None, LONG_AGO, NOW.timestamp() - 5]),
    conditions=st.sampled_from([(), DRAINING, OVERDUE]),
    revision=st.sampled_from(["", "2"]),
    judged_revision=st.sampled_from([None, "", "2"]),
    deleting=st.booleans(),
    suspend=st.booleans(),
    may_roll=st.booleans(),
    turn=turns,
    extra_status=extras,
    podless_seconds=st.sampled_from([0.0, 20.0, 200.0]),
    secret_user=st.sampled_from(["", "ws-s02"]),
)


@given(case=cases)
def test_a_pod_is_created_only_where_none_is(case: Case) -> None:
    plan = decide(case.observed())
    if plan.action is Action.CREATE:
        assert case.pod is None
        assert not case.deleting
        assert case.desired == "Active"
        assert not case.suspend
    if plan.action is Action.DELETE:
        assert case.pod is not None
        assert case.pod.owner_uid != "somebody"
        assert not case.pod.terminating


@given(case=cases)
def test_a_refused_session_string_never_gets_a_pod(case: Case) -> None:
    if case.verdict is not None and case.verdict.revision == case.revision:
        assert decide(case.observed()).action is not Action.CREATE


@given(case=cases)
def test_an_unreachable_redis_never_costs_a_wanted_current_pod(case: Case) -> None:
    blind = replace(case, report=None, verdict=None, redis_since=None)
    plan = decide(blind.observed())
    wanted = case.desired == "Active" and not case.deleting and case.turn.serve and case.extra_status != RESTING
    if plan.action is Action.DELETE and wanted and plan.phase != "Banned":
        assert case.pod is not None
        assert case.pod.spec_hash != HASH


@given(case=cases)
def test_a_session_that_somebody_may_still_use_gets_no_pod(case: Case) -> None:
    plan = decide(case.observed())
    if plan.action is Action.CREATE:
        assert not case.secret_user
        fresh = case.report is not None and case.report.at > NOW.timestamp() - 60
        assert not fresh or (case.report is not None and case.report.state is WorkerState.STOPPED)


@given(case=cases)
def test_a_wait_that_was_ordered_is_never_shortened(case: Case) -> None:
    seen = case.observed()
    plan = decide(seen)
    until = seen.session.status.cooling_until
    ordered = case.report is not None and case.report.flood_until > NOW.timestamp()
    if not case.suspend and (ordered or (until is not None and until > NOW)):
        assert plan.phase != "Active" or plan.ready[0] != "True"
        assert plan.action is not Action.CREATE


def test_a_pod_that_does_not_end_is_reported_and_never_removed_by_force() -> None:
    lost = replace(GOING, deletion_at=NOW.replace(minute=0, hour=12))
    for case in (Case(pod=lost), Case(pod=lost, phase="Draining", desired="Resting")):
        plan = decide(case.observed())
        assert plan.action is Action.NONE
        assert plan.stalled is not None
        assert plan.stalled[0] == "PodTerminating"
        assert "--force" in plan.stalled[1]


def test_a_pool_without_spares_says_so() -> None:
    plan = decide(Case(turn=Turn(exhausted=True)).observed())
    assert plan.stalled is not None
    assert plan.stalled[0] == "PoolExhausted"
    assert plan.ready[1] == "Serving"
