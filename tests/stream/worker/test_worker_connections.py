"""A worker opens exactly the connections that it was told to, and does not hang on a Telegram that says nothing."""

import asyncio
from pathlib import Path
from typing import Any

from conditions import until
from sandbox import SandboxProcess
from worker_stack import WorkerStack, worker_stack

from .conftest import Library

ACCOUNT, ACCOUNT_ID = "worker2", 5_000_000_102
SESSIONS = 3
STORM = 8


def connections(stack: WorkerStack) -> list[dict[str, Any]]:
    """Connections that the account has open."""
    listed: list[dict[str, Any]] = stack.sandbox.get("/control/connections")
    return [one for one in listed if one["account"] == ACCOUNT_ID]


async def storm(stack: WorkerStack, library: Library) -> None:
    """Many first reads at once."""
    answers = await asyncio.gather(
        *(stack.read(library.film, f"{n * 999_983}-{n * 999_983 + 9}") for n in range(STORM))
    )
    for number, answer in enumerate(answers):
        assert answer.content == library.film.content[number * 999_983 : number * 999_983 + 10]


async def test_a_storm_of_first_reads_opens_each_file_session_once(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    telegram.clear_faults()
    async with worker_stack(tmp_path, telegram, telegram.mint(ACCOUNT), MEDIA_SESSIONS=str(SESSIONS)) as stack:
        stack.publish(library.film)
        await stack.until_ready()
        await storm(stack, library)
        await until(lambda: len(connections(stack)) >= 1 + SESSIONS)
        await storm(stack, library)
        assert len(connections(stack)) == 1 + SESSIONS, "one for messages, the others for files"


async def test_a_telegram_that_says_nothing_is_tried_again(
    tmp_path: Path, telegram: SandboxProcess, library: Library
) -> None:
    telegram.clear_faults()
    silence = telegram.fault(kind="silence", account=ACCOUNT)
    async with worker_stack(tmp_path, telegram, telegram.mint(ACCOUNT), START_TIMEOUT_SECONDS="15") as stack:
        stack.publish(library.film)
        await until(lambda: bool(stack.process.said("sign-in failed")), 180)
        assert (await stack.http.get("/healthz")).status_code == 200
        assert (await stack.http.get("/readyz")).status_code == 503
        assert (await stack.read(library.film, "0-0")).status_code == 503
        telegram.call("DELETE", f"/control/faults/{silence}")
        await stack.until_served(library.film)
