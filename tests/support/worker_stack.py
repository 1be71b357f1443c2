"""A worker with everything it needs, all real but the database: local Telegram, Redis, a worker process."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from conditions import until_true
from mongo_wire import MongoWire
from redis.asyncio import Redis
from redis_server import RedisServer
from sandbox import SandboxProcess, Stored
from worker_process import WorkerProcess

from streamvault_common import keys
from streamvault_common.documents import FILES, Part, StoredFile, file_id

GETFILE = "upload.getFile"
NO_ANSWER = 'streamvault_worker_telegram_errors_total{kind="NoAnswer"}'


@dataclass(frozen=True)
class SampleFile:
    """A stored file and what it must read as."""

    stored: StoredFile
    content: bytes

    @property
    def path(self) -> str:
        """Its address on a worker."""
        return f"/files/{self.stored.id}/{self.stored.gen}"


def noise(name: str, size_bytes: int) -> bytes:
    """Bytes that repeat nowhere, the same for the same name."""
    return hashlib.shake_256(name.encode()).digest(size_bytes)


def sample_file(name: str, content: bytes, parts: Sequence[Stored]) -> SampleFile:
    """A stored file of the given messages."""
    document = StoredFile(
        id=file_id("sample", name),
        title="sample",
        name=name,
        kind="video",
        gen=1,
        parts=tuple(
            Part(channel_id=one.channel_id, message_id=one.message_id, size_bytes=one.size_bytes) for one in parts
        ),
        size_bytes=len(content),
        content_type="video/mp4",
    )
    return SampleFile(document, content)


async def upload_sample(sandbox: SandboxProcess, folder: Path, name: str, sizes: Sequence[int]) -> SampleFile:
    """Upload one message per size, through the protocol, and join them to one file."""
    content, stored, start = noise(name, sum(sizes)), [], 0
    for number, size in enumerate(sizes):
        piece = folder / f"{name}.{number}"
        piece.write_bytes(content[start : start + size])
        stored.append(await sandbox.upload(piece))
        start += size
    return sample_file(name, content, stored)


@dataclass
class WorkerStack:
    """A running worker and its surroundings."""

    name: str
    sandbox: SandboxProcess
    redis: RedisServer
    store: "Redis"
    mongo: MongoWire
    process: WorkerProcess
    http: httpx.AsyncClient

    def publish(self, *files: SampleFile) -> None:
        """Declare files in the database."""
        for file in files:
            self.mongo.insert(FILES, file.stored.model_dump(mode="json", by_alias=True))

    def getfile_calls(self) -> int:
        """upload.getFile calls since the counters were reset."""
        return int(self.sandbox.counters(method=GETFILE)["calls"])

    async def read(self, file: SampleFile, extent: str = "") -> httpx.Response:
        """GET the file, or the range `extent` of it."""
        return await self.http.get(file.path, headers={"Range": f"bytes={extent}"} if extent else {})

    async def report(self) -> dict[str, str]:
        """The heartbeat."""
        return await self.hash(keys.session_key(self.name))

    async def verdict(self) -> dict[str, str]:
        """Why the session is dead; {} while it is not."""
        return await self.hash(keys.verdict_key(self.name))

    async def hash(self, key: str) -> dict[str, str]:
        """A Redis hash."""
        stored = await self.store.hgetall(key)
        return {str(name): str(value) for name, value in stored.items()}

    async def until_ready(self) -> None:
        """Wait until the worker is signed in."""

        async def ready() -> bool:
            return (await self.http.get("/readyz")).status_code == 200

        await until_true(ready)

    async def until_served(self, file: SampleFile) -> None:
        """Read the first bytes until they come: not before an ordered wait is over and the data centre is reached."""

        async def served() -> bool:
            answer = await self.read(file, "0-9")
            return answer.status_code == 206 and answer.content == file.content[:10]

        await until_true(served)

    async def metric(self, name: str) -> float:
        """One of the worker's figures."""
        return await _metric(self.http, self.process, name)


async def getfile_calls_of(
    read: Callable[[], Awaitable[object]], sandbox: SandboxProcess, *workers: WorkerProcess
) -> int:
    """upload.getFile calls that a read costs; read again where an answer failed to come, as when the machine stalls."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:

        async def unanswered() -> list[float]:
            return [await _metric(http, worker, NO_ANSWER) for worker in workers]

        async def undisturbed() -> bool:
            before = await unanswered()
            sandbox.reset_counters()
            await read()
            return await unanswered() == before

        await until_true(undisturbed)
    return int(sandbox.counters(method=GETFILE)["calls"])


async def _metric(http: httpx.AsyncClient, worker: WorkerProcess, name: str) -> float:
    """0 also while nothing was counted under that name."""
    lines = (await http.get(f"{worker.url}/metrics")).text.splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), 0.0)


@asynccontextmanager
async def worker_stack(
    folder: Path,
    sandbox: SandboxProcess,
    session: str,
    name: str = "w1",
    before_start: Callable[[], None] = lambda: None,
    **environment: str,
) -> AsyncIterator[WorkerStack]:
    """Start a worker on the session string, with stores of its own; does not wait for the sign-in."""
    session_file = _write_session(folder, session)
    redis, mongo = RedisServer(folder), MongoWire()
    await mongo.start()
    process = WorkerProcess(
        {
            "WORKER_NAME": name,
            "TG_SESSION_FILE": str(session_file),
            "MONGODB_URI": mongo.uri,
            "REDIS_URL": redis.url,
            "ANSWER_TIMEOUT_SECONDS": "20",
            **sandbox.environment,
            **environment,
        }
    )
    store = redis.client()
    try:
        await redis.start()
        before_start()
        await process.start()
        async with httpx.AsyncClient(base_url=process.url, timeout=60, trust_env=False) as http:
            yield WorkerStack(name, sandbox, redis, store, mongo, process, http)
    finally:
        await process.stop()
        await store.aclose()
        await redis.stop()
        await mongo.stop()


def _write_session(folder: Path, session: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "session"
    path.write_text(session)
    return path
