"""What `kubectl get ws` and `kubectl describe ws` show of a decision."""

from dataclasses import replace
from typing import Any

import pytest
from sessions import NOW, RUNNING, STARTING, Case, condition, flooded, report, seconds_ago, verdict

from streamvault_common.models import WorkerState
from streamvault_operator.domain.observation import Observed
from streamvault_operator.domain.session import decide
from streamvault_operator.domain.session_status import notice, render_status


def shown(seen: Observed) -> dict[str, Any]:
    return render_status(seen, decide(seen))


def conditions(seen: Observed) -> dict[str, str]:
    return {item["type"]: f"{item['status']}/{item['reason']}" for item in shown(seen)["conditions"]}


def events(seen: Observed) -> list[str]:
    told = notice(seen, decide(seen))
    return [told.reason] if told else []


def test_a_serving_session_shows_since_when_and_as_whom() -> None:
    status = shown(Case(phase="Pending", report=report(account="abc123abc123")).observed())
    assert status["phase"] == "Active"
    assert status["activeSince"] == seconds_ago(0)
    assert status["accountHash"] == "abc123abc123"
    assert status["secretRevision"] == ""
    assert status["podName"] == "ws-s01"
    assert status["observedGeneration"] == 3
    assert conditions(Case(phase="Pending").observed()) == {
        "Ready": "True/Serving",
        "Authorized": "True/SessionValid",
        "Throttled": "False/NoFloodWait",
        "Drained": "Unknown/NotDraining",
        "Stalled": "False/Progressing",
    }


def test_a_refused_session_says_why_and_what_to_do() -> None:
    seen = Case(verdict=verdict()).observed()
    assert conditions(seen)["Authorized"] == "False/SessionRevoked"
    assert conditions(seen)["Ready"] == "False/Banned"
    ready = next(item for item in shown(seen)["conditions"] if item["type"] == "Ready")
    assert "sessionSecretRef.revision" in ready["message"]
    assert events(seen) == ["SessionBanned"]
    told = notice(seen, decide(seen))
    assert told is not None
    assert told.warning


def test_a_ban_outlives_the_memory_of_redis() -> None:
    known = (condition("Authorized", "False", "SessionRevoked"),)
    seen = Case(phase="Banned", pod=None, report=None, judged_revision="", conditions=known).observed()
    assert conditions(seen)["Authorized"] == "False/SessionRevoked"


def test_a_new_revision_is_not_judged_by_the_old_ones_verdict() -> None:
    known = (condition("Authorized", "False", "SessionRevoked"),)
    case = Case(phase="Banned", pod=None, report=None, judged_revision="1", revision="2", conditions=known)
    assert conditions(replace(case, verdict=verdict("1")).observed())["Authorized"] == "Unknown/NotChecked"


def test_a_report_of_the_previous_revision_proves_nothing() -> None:
    seen = Case(phase="Pending", report=report(revision="1"), revision="2").observed()
    assert conditions(seen)["Authorized"] == "Unknown/NotChecked"


def test_a_missing_secret_is_named() -> None:
    pod = replace(STARTING, waiting="FailedMount", waiting_message='secret "s01" not found')
    seen = Case(phase="Pending", pod=pod, report=None).observed()
    ready = next(item for item in shown(seen)["conditions"] if item["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("SecretMissing", 'secret "s01" not found')
    assert events(seen) == ["SecretMissing"]
    again = Case(phase="Pending", pod=pod, report=None, conditions=(ready,)).observed()
    assert events(again) == []


def test_a_flood_wait_is_shown_with_its_end() -> None:
    no_margin = {"cooldown": {"minSeconds": 0, "jitterPercent": 0}}
    seen = Case(report=flooded(92), spec=no_margin).observed()
    throttled = next(item for item in shown(seen)["conditions"] if item["type"] == "Throttled")
    assert (throttled["status"], throttled["reason"]) == ("True", "FloodWait")
    assert throttled["message"] == "until 2026-11-22T13:01:30Z"
    assert shown(seen)["coolingUntil"] == "2026-11-22T13:01:30Z"
    assert conditions(seen)["Ready"] == "False/FloodWait"
    counted = {"consecutive": 1, "total": 1, "lastSeconds": 92, "lastTime": "2026-11-22T12:59:58Z"}
    assert shown(seen)["floodWaits"] == counted
    assert events(seen) == ["FloodWaitStarted"]


def test_a_session_that_served_through_its_floods_keeps_its_time_in_service() -> None:
    before = {"activeSince": seconds_ago(900)}
    cooling = Case(report=flooded(90), extra_status=before).observed()
    assert shown(cooling)["activeSince"] == seconds_ago(900)
    over = Case(phase="Cooling", extra_status={**before, "coolingUntil": seconds_ago(1)}).observed()
    assert shown(over)["activeSince"] == seconds_ago(900)
    assert "coolingUntil" not in shown(over)
    assert events(over) == ["FloodWaitEnded"]
    assert conditions(over)["Throttled"] == "False/NoFloodWait"


def test_too_many_floods_in_a_row_end_in_a_rest() -> None:
    floods = {"floodWaits": {"consecutive": 4, "total": 7, "lastSeconds": 60, "lastTime": seconds_ago(600)}}
    seen = Case(report=flooded(90, in_flight=1), extra_status=floods).observed()
    assert shown(seen)["phase"] == "Draining"
    assert shown(seen)["restingUntil"] == seconds_ago(2 - 21_600)
    assert conditions(seen)["Throttled"] == "True/FloodEscalated"
    told = notice(seen, decide(seen))
    assert told is not None
    assert (told.reason, told.warning) == ("FloodEscalated", True)
    assert "viewers finish what they are reading" in told.message
    written = tuple(shown(seen)["conditions"])
    rest = {"restingUntil": seconds_ago(-3600), "floodWaits": {**floods["floodWaits"], "consecutive": 0}}
    resting = Case(phase="Resting", pod=None, report=None, extra_status=rest, conditions=written).observed()
    assert conditions(resting)["Throttled"] == "True/FloodEscalated"
    assert conditions(resting)["Ready"] == "False/Resting"
    assert events(resting) == []


def test_a_drain_is_timed_from_its_condition_and_says_how_it_ended() -> None:
    begun = condition("Drained", "False", "InFlightStreams", age=30)
    busy = Case(phase="Draining", desired="Resting", report=report(WorkerState.DRAINING, in_flight=2))
    kept = next(
        item for item in shown(replace(busy, conditions=(begun,)).observed())["conditions"] if item["type"] == "Drained"
    )
    assert kept["lastTransitionTime"] == seconds_ago(30)
    overdue = condition("Drained", "False", "InFlightStreams", age=121)
    assert conditions(replace(busy, conditions=(overdue,)).observed())["Drained"] == "True/DrainTimeout"
    idle = replace(busy, report=report(WorkerState.DRAINING), conditions=(begun,))
    assert conditions(idle.observed())["Drained"] == "True/NoInFlight"


@pytest.mark.parametrize("later_seconds", [5, 60, 240])
def test_an_unchanged_session_gives_an_unchanged_status(later_seconds: int) -> None:
    first = shown(Case(phase="Pending", report=report(age=0)).observed())
    case = Case(
        phase="Active",
        report=report(age=-later_seconds),
        conditions=tuple(first["conditions"]),
        judged_revision=first["secretRevision"],
        extra_status={name: value for name, value in first.items() if name not in {"phase", "conditions"}},
    )
    seen = replace(case.observed(), now=NOW.fromtimestamp(NOW.timestamp() + later_seconds, NOW.tzinfo))
    assert shown(seen) == first
    assert events(seen) == []


def test_the_heartbeat_in_the_status_is_refreshed_every_five_minutes() -> None:
    case = Case(report=report(age=0), extra_status={"lastHeartbeatTime": seconds_ago(301)})
    assert shown(case.observed())["lastHeartbeatTime"] == seconds_ago(0)


def test_a_new_pod_is_an_event() -> None:
    assert events(Case(phase=None, pod=None, report=None).observed()) == ["PodCreated"]
    assert events(Case(phase="Pending").observed()) == ["SessionActivated"]
    assert events(Case(report=None).observed()) == ["WorkerReplaced"]
    assert events(Case(phase="Active", pod=RUNNING).observed()) == []
