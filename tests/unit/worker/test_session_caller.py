"""What a request over a session leaves behind: its load, a wait ordered too late, an answer that is none."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from conditions import until
from pyrogram import errors, raw

from streamvault_worker.telegram.calls import NoAnswer, SessionCaller

REQUEST = raw.functions.help.GetConfig()


class Session:
    """A session whose answers a test gives by hand."""

    def __init__(self) -> None:
        self.is_started = asyncio.Event()
        self.is_started.set()
        self.connection = SimpleNamespace(lost=asyncio.Event())
        self.answers: list[asyncio.Future[Any]] = []

    async def send(self, request: Any, timeout: float) -> Any:  # noqa: ASYNC109 - pyrogram's signature
        del request, timeout
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]


class Table:
    """A caller, its session, and the waits that it told of."""

    def __init__(self) -> None:
        self.session = Session()
        self.floods: list[Exception] = []
        self.caller = SessionCaller(self.session, self.floods.append)  # type: ignore[arg-type]

    async def asking(self) -> "asyncio.Task[Any]":
        task = asyncio.create_task(self.caller.call(REQUEST, 30))
        await until(lambda: bool(self.session.answers))
        return task


async def test_a_wait_that_nobody_waits_for_any_more_is_told() -> None:
    table = Table()
    task = await table.asking()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert table.caller.load == 1
    flood = errors.FloodWait(30)
    table.session.answers[0].set_exception(flood)
    await until(lambda: table.floods == [flood])
    assert table.caller.load == 0


async def test_a_wait_that_somebody_hears_is_left_to_them() -> None:
    table = Table()
    task = await table.asking()
    table.session.answers[0].set_exception(errors.FloodWait(30))
    with pytest.raises(errors.FloodWait):
        await task
    assert table.floods == []


async def test_requests_on_a_lost_connection_are_no_load() -> None:
    table = Table()
    task = await table.asking()
    assert table.caller.load == 1
    table.session.connection.lost.set()
    with pytest.raises(NoAnswer, match="lost"):
        await task
    assert table.caller.load == 0
    table.session.answers[0].cancel()


async def test_a_message_that_was_refused_is_no_answer() -> None:
    table = Table()
    task = await table.asking()
    table.session.answers[0].set_result(raw.types.BadMsgNotification(bad_msg_id=1, bad_msg_seqno=1, error_code=16))
    with pytest.raises(NoAnswer, match="error 16"):
        await task
