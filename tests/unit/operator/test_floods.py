"""Ordered waits: how they are counted, and that none is ever shortened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import NOW, Case, flooded, seconds_ago

from streamvault_common.cooling import Cooldown, share
from streamvault_operator.domain.floods import Floods, reckon


def reckoned(seconds: int, ago: float, spec: dict[str, Any] | None = None, **status: Any) -> Floods:
    case = Case(report=flooded(seconds, ago=ago), extra_status=status, spec=spec)
    return case.observed().floods


def counted(consecutive: int, ago: float, seconds: int = 60) -> dict[str, Any]:
    return {"consecutive": consecutive, "total": 9, "lastSeconds": seconds, "lastTime": seconds_ago(ago)}


@pytest.mark.parametrize(
    ("written", "ago", "consecutive", "total"),
    [
        ({}, 2, 1, 1),
        (counted(1, ago=120), 2, 2, 10),
        (counted(4, ago=3600), 2, 5, 10),
        (counted(4, ago=3663), 2, 1, 10),  # a quiet hour after the end of the last one
        (counted(3, ago=2), 2, 3, 9),  # the one that is written already
        (counted(3, ago=2), 60, 3, 9),  # an older one
        (counted(3, ago=3700), 3700, 0, 9),  # nothing new for an hour
    ],
)
def test_floods_are_counted_once_and_in_a_row(
    written: dict[str, Any], ago: float, consecutive: int, total: int
) -> None:
    floods = reckoned(60, ago, floodWaits=written)
    assert (floods.consecutive, floods.total) == (consecutive, total)


def test_the_same_wait_may_become_longer_but_is_one() -> None:
    known: dict[str, Any] = {"floodWaits": counted(1, ago=10, seconds=30), "coolingUntil": seconds_ago(-50)}
    floods = reckoned(300, 10, None, **known)
    assert (floods.consecutive, floods.total, floods.last_seconds) == (1, 9, 300)
    assert floods.cooling_until is not None
    assert floods.cooling_until >= NOW + timedelta(seconds=290)


def test_the_wait_is_at_least_the_sessions_own_and_gets_a_jitter_that_no_restart_changes() -> None:
    first, again = reckoned(5, 2), reckoned(5, 2)
    assert first == again
    assert first.cooling_until is not None
    assert timedelta(seconds=58) <= first.cooling_until - NOW <= timedelta(seconds=65)


@given(
    began=st.floats(1e9, 2e9),
    seconds=st.integers(1, 10**6),
    minimum=st.integers(0, 86_400),
    jitter=st.integers(0, 100),
    name=st.text(max_size=20),
)
def test_no_wait_is_shortened(began: float, seconds: int, minimum: int, jitter: int, name: str) -> None:
    end = Cooldown(name, minimum, jitter).ends_at(began, seconds)
    assert end >= began + seconds
    assert end >= began + minimum
    assert end <= began + max(seconds, minimum) * (1 + jitter / 100) + 1e-3


@given(seconds=st.integers(1, 10**5), ago=st.floats(0, 10**5), cooling=st.integers(-100_000, 100_000))
def test_what_is_written_never_comes_earlier(seconds: int, ago: float, cooling: int) -> None:
    written = datetime.fromtimestamp(NOW.timestamp() + cooling, UTC)
    until = reckoned(seconds, ago, coolingUntil=written.isoformat()).cooling_until
    assert until is not None
    assert until >= written
    assert until.timestamp() >= NOW.timestamp() - ago + seconds


def test_a_rest_after_too_many_floods_is_not_shorter_than_the_wait_itself() -> None:
    spec = {"cooldown": {"maxConsecutive": 1, "escalateRestSeconds": 10, "minSeconds": 0, "jitterPercent": 0}}
    floods = reckoned(500, 0, spec)
    assert floods.resting_until == NOW + timedelta(seconds=500)


def test_a_worker_without_the_moment_of_its_flood_is_understood() -> None:
    session = Case().observed().session
    report = flooded(30).model_copy(update={"flood_at": 0.0})
    assert reckon(session, report, NOW).last_time == NOW - timedelta(seconds=2)


def test_shares_are_spread() -> None:
    shares = [share(str(number)) for number in range(400)]
    assert all(0 <= one < 1 for one in shares)
    assert 0.4 < sum(shares) / len(shares) < 0.6


@pytest.mark.parametrize("ahead", [-60.0, 60.0])
def test_a_wait_ends_by_our_clock_whatever_the_worker_takes_for_the_time(ahead: float) -> None:
    """Its clock is `ahead`: its report says another time than the one at which it was heard."""
    right = Case(report=flooded(300, ago=2)).observed().floods
    told = flooded(300, ago=2 - ahead)
    report = told.model_copy(update={"at": NOW.timestamp() - 2 + ahead})
    floods = Case(report=report, heard_seconds=2).observed().floods
    assert floods.cooling_until is not None
    assert right.cooling_until is not None
    margin = 300 * 0.1  # the jitter follows from the moment that the worker tells
    assert abs((floods.cooling_until - right.cooling_until).total_seconds()) <= margin + 1
    assert floods.cooling_until >= NOW + timedelta(seconds=298)


@pytest.mark.parametrize("late", [0.0, 0.4, 1.9])
def test_a_slow_report_is_no_other_clock(late: float) -> None:
    first = Case(report=flooded(300, ago=2), heard_seconds=2 - late).observed().floods
    assert first == Case(report=flooded(300, ago=2)).observed().floods
