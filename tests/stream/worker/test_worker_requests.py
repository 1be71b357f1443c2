"""What the operator asks of a worker's account: to find messages and to delete them, over a real Redis and Telegram."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conditions import until_true
from sandbox import LIBRARY, MIRROR, SandboxProcess
from worker_stack import WorkerStack, worker_stack

from streamvault_common import keys
from streamvault_common.requests import (
    REQUEST_FIELD,
    MessagesRequest,
    ReplyOutcome,
    RequestKind,
)
from streamvault_operator.io.requests import Requests

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIND, DELETE = RequestKind.FIND_MESSAGES, RequestKind.DELETE_MESSAGES
DELETE_CALL = "channels.deleteMessages"
PATIENCE_SECONDS = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def moderator(telegram: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerStack]:
    """A worker whose account may delete in both channels."""
    folder: Path = tmp_path_factory.mktemp("moderator")
    async with worker_stack(folder, telegram, telegram.mint("worker4"), name="four") as stack:
        await stack.until_ready()
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def requests(moderator: WorkerStack) -> AsyncIterator[Requests]:
    """The operator's way to ask."""
    moderator.sandbox.clear_faults()
    gateway = Requests(moderator.redis.client(), PATIENCE_SECONDS)
    yield gateway
    await gateway.close()
    moderator.sandbox.clear_faults()


def posts(sandbox: SandboxProcess, count: int, channel: int = LIBRARY) -> list[int]:
    """Messages of the uploader."""
    return [int(sandbox.say("uploader", channel, f"post {number}")["id"]) for number in range(count)]


async def test_messages_are_found_deleted_and_found_no_more(moderator: WorkerStack, requests: Requests) -> None:
    ids, kept = posts(moderator.sandbox, 3), posts(moderator.sandbox, 1)
    found = await requests.ask("four", FIND, LIBRARY, [*ids, 999_999])
    assert (found.outcome, found.present) == (ReplyOutcome.DONE, tuple(ids))
    assert (await requests.ask("four", DELETE, LIBRARY, ids)).outcome is ReplyOutcome.DONE
    assert (await requests.ask("four", FIND, LIBRARY, [*ids, *kept])).present == tuple(kept)


async def test_a_message_that_is_gone_already_is_no_error(moderator: WorkerStack, requests: Requests) -> None:
    ids = posts(moderator.sandbox, 2, MIRROR)
    for _ in range(2):
        assert (await requests.ask("four", DELETE, MIRROR, ids)).outcome is ReplyOutcome.DONE
    assert (await requests.ask("four", FIND, MIRROR, ids)).present == ()


async def test_a_hundred_messages_go_in_one_call(moderator: WorkerStack, requests: Requests) -> None:
    ids = posts(moderator.sandbox, 100)
    moderator.sandbox.reset_counters()
    assert (await requests.ask("four", DELETE, LIBRARY, ids)).outcome is ReplyOutcome.DONE
    assert moderator.sandbox.counters(method=DELETE_CALL)["calls"] == 1
    assert (await requests.ask("four", FIND, LIBRARY, ids)).present == ()


async def test_a_missing_right_is_told(moderator: WorkerStack, requests: Requests) -> None:
    ids = posts(moderator.sandbox, 1)
    moderator.sandbox.fault(
        kind="error", error="MESSAGE_DELETE_FORBIDDEN", code=403, account="worker4", method=DELETE_CALL, count=1
    )
    reply = await requests.ask("four", DELETE, LIBRARY, ids)
    assert reply.outcome is ReplyOutcome.DENIED
    assert "MESSAGE_DELETE_FORBIDDEN" in reply.message
    assert (await requests.ask("four", FIND, LIBRARY, ids)).present == tuple(ids)


async def test_a_channel_that_the_account_is_not_in_is_told(moderator: WorkerStack, requests: Requests) -> None:
    reply = await requests.ask("four", FIND, -1009999999999, [1])
    assert (reply.outcome, "9999999999" in reply.message) == (ReplyOutcome.DENIED, True)


async def test_a_request_whose_caller_has_left_is_not_carried_out(moderator: WorkerStack, requests: Requests) -> None:
    ids = posts(moderator.sandbox, 1)
    late = MessagesRequest(id="late", kind=DELETE, channel_id=LIBRARY, message_ids=tuple(ids), patience_seconds=0)
    await moderator.store.xadd(keys.requests_key("four"), {REQUEST_FIELD: late.model_dump_json()})
    await moderator.store.xadd(keys.requests_key("four"), {REQUEST_FIELD: "no json"})
    assert (await requests.ask("four", FIND, LIBRARY, ids)).present == tuple(ids)
    assert await moderator.store.exists(keys.reply_key("late")) == 0
    assert await moderator.store.xlen(keys.requests_key("four")) == 0


async def test_a_reply_that_nobody_fetches_goes_away(moderator: WorkerStack, requests: Requests) -> None:
    asked = MessagesRequest(id="unfetched", kind=FIND, channel_id=LIBRARY, message_ids=(1,), patience_seconds=300)
    await moderator.store.xadd(keys.requests_key("four"), {REQUEST_FIELD: asked.model_dump_json()})

    async def seconds_left() -> int:
        return max(0, int(await moderator.store.ttl(keys.reply_key("unfetched"))))

    assert await until_true(seconds_left) <= keys.REPLY_SECONDS


async def test_a_wait_that_telegram_orders_is_told_and_kept(moderator: WorkerStack, requests: Requests) -> None:
    ids = posts(moderator.sandbox, 1)
    moderator.sandbox.fault(kind="error", error="FLOOD_WAIT_3", account="worker4", method=DELETE_CALL, count=1)
    flooded_at = time.monotonic()
    reply = await requests.ask("four", DELETE, LIBRARY, ids)
    assert (reply.outcome, reply.wait_seconds) == (ReplyOutcome.FLOODED, 3)
    moderator.sandbox.reset_counters()

    async def deleted() -> bool:
        again = await requests.ask("four", DELETE, LIBRARY, ids)
        if again.outcome is ReplyOutcome.DONE:
            return True
        assert again.outcome is ReplyOutcome.FLOODED
        assert 0 < again.wait_seconds <= 4
        assert moderator.sandbox.counters(method=DELETE_CALL)["calls"] == 0, "not asked during the wait"
        return False

    await until_true(deleted)
    assert time.monotonic() - flooded_at >= 3
