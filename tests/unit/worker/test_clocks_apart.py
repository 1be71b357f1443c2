"""A worker whose clock differs by a minute from that of everybody else, or is set while it runs."""

import time

import pytest
from redis_server import RedisServer

from streamvault_common import keys
from streamvault_common.cooling import Cooldown
from streamvault_common.events import Severity
from streamvault_common.models import SessionReport, WorkerState
from streamvault_common.requests import REQUEST_FIELD, MessagesRequest, RequestKind
from streamvault_worker.errors import WorkerBusy
from streamvault_worker.metrics import Metrics
from streamvault_worker.stores.redis_requests import RedisRequests
from streamvault_worker.stores.redis_store import RedisStore
from streamvault_worker.telegram.account import AccountState

TRUE_TIME = time.time
REQUEST = MessagesRequest(
    id="one", kind=RequestKind.FIND_MESSAGES, channel_id=-1001, message_ids=(1,), patience_seconds=15
)


class Silent:
    """Takes notes for nobody."""

    def report(self, severity: Severity, text: str, group: str = "") -> None: ...


def skew(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """From now on, this process takes another moment for the present."""
    monkeypatch.setattr(time, "time", lambda: TRUE_TIME() + seconds)


@pytest.mark.parametrize("seconds", [-60.0, 60.0])
async def test_a_request_is_as_old_as_redis_says(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    requests = RedisRequests(redis_server.url, "w1")
    async with redis_server.client() as client:
        await client.xadd(keys.requests_key("w1"), {REQUEST_FIELD: REQUEST.model_dump_json()})
    skew(monkeypatch, seconds)
    taken = await requests.take()
    assert taken is not None
    assert taken.request == REQUEST
    assert not taken.left
    await requests.close()


async def test_a_request_that_waited_too_long_is_left(redis_server: RedisServer) -> None:
    requests = RedisRequests(redis_server.url, "w1")
    async with redis_server.client() as client:
        seconds, _ = await client.time()
        entry = f"{(seconds - 16) * 1000}-0"
        await client.xadd(keys.requests_key("w1"), {REQUEST_FIELD: REQUEST.model_dump_json()}, id=entry)
    taken = await requests.take()
    assert taken is not None
    assert taken.left
    await requests.close()


@pytest.mark.parametrize("seconds", [-60.0, 60.0])
async def test_an_ordered_wait_is_as_long_for_a_pod_on_a_machine_with_another_clock(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    began = time.time() - 100
    first = RedisStore(redis_server.url, "w1", "pod-a")
    report = SessionReport(state=WorkerState.COOLING, at=time.time(), flood_at=began, flood_seconds=300)
    beat_at = time.monotonic()
    await first.beat(report, None)
    longest = time.monotonic() - beat_at
    assert await first.last_flood() == (began, 300), "the same machine: the very same moment"
    await first.last_words(report)
    await first.close()

    skew(monkeypatch, seconds)
    second = RedisStore(redis_server.url, "w1", "pod-b")
    asked_at = time.monotonic()
    at, ordered = await second.last_flood()
    longest = max(longest, time.monotonic() - asked_at)
    assert ordered == 300
    assert at == pytest.approx(began + seconds, abs=longest + 0.1), "the same moment, but for the way to Redis"
    await second.close()


@pytest.mark.parametrize("known_before_the_start", [False, True])
@pytest.mark.parametrize("seconds", [-86_400.0, -60.0, 60.0, 86_400.0])
def test_a_clock_that_is_set_leaves_an_ordered_wait_as_long_as_it_was(
    monkeypatch: pytest.MonkeyPatch, seconds: float, known_before_the_start: bool
) -> None:
    account = AccountState(Silent(), Metrics(), Cooldown("w1", jitter_percent=10))
    account.signed_in("somebody")
    if known_before_the_start:
        account.restore_flood(time.time() - 100, 300)
    else:
        account.wait_ordered(200)
    before = account.cooling_seconds
    assert before >= 200 - 1
    skew(monkeypatch, seconds)
    assert account.cooling_seconds == pytest.approx(before, abs=0.5)
    with pytest.raises(WorkerBusy, match=r"20\d|21\d|22\d|23\d"):
        account.require_usable()
    floods = account.flood_total
    account.wait_ordered(250)
    assert account.flood_total == floods, "an answer to what was under way, not another flood"
    assert account.waiting_seconds == pytest.approx(250, abs=0.5)
