"""A takedown by a real worker and a local Telegram: its account may not delete, then Telegram is down, then neither"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conditions import until_true
from fault_stage import MODERATOR, PART_BYTES, Stage
from sandbox import LIBRARY, SandboxProcess
from sandbox import MIRROR as MIRROR_CHANNEL
from worker_process import WorkerProcess

pytestmark = pytest.mark.cluster

ACCOUNT = "worker4"
DELETE_CALL = "channels.deleteMessages"


@pytest.fixture
def telegram(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "telegram") as sandbox:
        yield sandbox


@asynccontextmanager
async def real_moderator(stage: Stage, telegram: SandboxProcess, folder: Path) -> AsyncIterator[WorkerProcess]:
    """Let a real worker do what the moderator's session is asked for; its pod is played on."""
    session = folder / "session"
    session.write_text(telegram.mint(ACCOUNT), encoding="utf-8")
    stage.swarm.silent.add(MODERATOR)
    stage.swarm.deaf.add(MODERATOR)
    around = stage.operator.surroundings
    worker = WorkerProcess(
        {
            "WORKER_NAME": MODERATOR,
            "TG_SESSION_FILE": str(session),
            "MONGODB_URI": around.mongodb_uri,
            "MONGODB_DATABASE": around.mongodb_database,
            "REDIS_URL": stage.operator.redis.url,
            "ANSWER_TIMEOUT_SECONDS": "6",
            **telegram.environment,
        }
    )
    await worker.start()
    try:
        await until_true(lambda: signed_in(worker))
        yield worker
    finally:
        await worker.stop()


async def signed_in(worker: WorkerProcess) -> bool:
    """Whether the worker can do what it is asked."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return (await http.get(f"{worker.url}/readyz")).status_code == 200


def posts(telegram: SandboxProcess, channel: int) -> list[int]:
    """Two messages of somebody else."""
    return [int(telegram.say("uploader", channel, f"post {number}")["id"]) for number in range(2)]


def left(telegram: SandboxProcess, channel: int, ids: list[int]) -> set[int]:
    """Which of them are still there."""
    return {int(message["id"]) for message in telegram.read("uploader", channel)} & set(ids)


async def test_a_moderator_without_rights_is_told_and_the_takedown_ends_once_it_has_them(
    stage: Stage, telegram: SandboxProcess, tmp_path: Path
) -> None:
    films, copies = posts(telegram, LIBRARY), posts(telegram, MIRROR_CHANNEL)
    await stage.start()
    await stage.moderator()
    await stage.publish("film", *films, **declared(films, copies))
    async with real_moderator(stage, telegram, tmp_path) as worker:
        telegram.fault(
            kind="error", error="MESSAGE_DELETE_FORBIDDEN", code=403, account=ACCOUNT, method=DELETE_CALL, count=1000
        )
        stage.take_down("film")
        await stage.until_reason("film", "SourcePurged", "False/PermissionDenied")
        await stage.until_reason("film", "MirrorsPurged", "False/PermissionDenied")
        await stage.operator.until_told("film", "SourcePurgeDelayed", "MirrorsPurgeDelayed")
        assert warnings(stage, "film") >= {"SourcePurgeDelayed", "MirrorsPurgeDelayed"}
        assert left(telegram, LIBRARY, films) == set(films)

        telegram.kill()
        await stage.restart(minutes_later=1)
        await stage.until_reason("film", "SourcePurged", "False/Unreachable")
        await asyncio.to_thread(telegram.start)
        telegram.clear_faults()
        await until_true(lambda: signed_in(worker))
        await stage.restart(minutes_later=1)
        await stage.until_title("film", "TakenDown")
    assert left(telegram, LIBRARY, films) == set()
    assert left(telegram, MIRROR_CHANNEL, copies) == set()
    assert {"Step source PermissionDenied", "Step source Verified"} <= set(stage.audit("film"))


def declared(films: list[int], copies: list[int]) -> dict[str, Any]:
    """Files and mirrors of a title in the local Telegram's channels."""
    parts = [{"channelID": LIBRARY, "messageID": one, "sizeBytes": PART_BYTES} for one in films]
    return {
        "files": [{"name": "1080p", "quality": "1080p", "parts": parts}],
        "mirrors": [{"name": "copy", "channelID": MIRROR_CHANNEL, "messageIDs": copies}],
    }


def warnings(stage: Stage, name: str) -> set[str]:
    """Reasons of the warnings on an object."""
    selector = f"involvedObject.name={name},type=Warning"
    return {
        event["reason"]
        for event in stage.operator.api.get(stage.operator.path("events"), fieldSelector=selector)["items"]
    }
