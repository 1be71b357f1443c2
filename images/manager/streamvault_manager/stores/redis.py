"""Redis: heartbeats of the workers, and the stream of events for people."""

import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from streamvault_common.events import Event
from streamvault_common.keys import EVENTS_STREAM, session_key, verdict_key
from streamvault_common.models import SessionReport, Verdict
from streamvault_common.settings import InvalidSetting

from .errors import StoreUnavailable

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
REPORT_GROUP = "manager"
Told = TypeVar("Told", SessionReport, Verdict)


def connect(url: str) -> Redis:
    """A client that gives up after about ANSWER_SECONDS; connects on first use."""
    try:
        return Redis.from_url(
            url,
            decode_responses=True,
            protocol=2,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=15,
        )
    except ValueError:
        raise InvalidSetting("REDIS_URL is not a Redis address (redis://host:port/db)") from None


@dataclass(frozen=True)
class StreamEntry:
    """One entry of the event stream; `event` is None when it cannot be read."""

    id: str
    event: Event | None


class WorkerReports:
    """What the workers say of themselves."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def ping(self) -> None:
        """Return when the server answers."""
        async with _answering():
            await cast("Awaitable[object]", self._redis.ping())

    async def sessions(self) -> dict[str, SessionReport]:
        """Last heartbeat by session name; a silent worker is absent."""
        keys = [key for key in await self._keys(session_key("*")) if ":" not in key.removeprefix(session_key(""))]
        return {key.removeprefix(session_key("")): report for key, report in await self._read(keys, SessionReport)}

    async def verdicts(self) -> dict[str, Verdict]:
        """Why a session is dead, by session name."""
        before, after = verdict_key("*").split("*")
        found = await self._read(await self._keys(verdict_key("*")), Verdict)
        return {key.removeprefix(before).removesuffix(after): verdict for key, verdict in found}

    async def _keys(self, pattern: str) -> list[str]:
        async with _answering():
            return sorted([str(key) async for key in self._redis.scan_iter(match=pattern, count=500, _type="HASH")])

    async def _read(self, keys: Sequence[str], form: type[Told]) -> list[tuple[str, Told]]:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        async with _answering():
            hashes = await pipeline.execute()
        found = []
        for key, fields in zip(keys, hashes, strict=True):
            try:
                found += [(key, form.model_validate(fields))] if fields else []
            except ValidationError as error:
                log.warning("a worker's report is malformed", extra={"key": key, "why": str(error)})
        return found


class EventStream:
    """The manager's place in the event stream: an entry is ours until it is acknowledged, also over restarts."""

    def __init__(self, redis: Redis, consumer: str) -> None:
        self._redis = redis
        self._consumer = consumer

    async def open(self) -> None:
        """Create the consumer group at the stream's beginning; harmless when it exists."""
        async with _answering():
            try:
                await self._redis.xgroup_create(EVENTS_STREAM, REPORT_GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self, count: int, wait_seconds: float) -> list[StreamEntry]:
        """New entries, oldest first; waits up to `wait_seconds` (below ANSWER_SECONDS) for the first."""
        async with _answering():
            answer: Any = await self._redis.xreadgroup(
                REPORT_GROUP,
                self._consumer,
                {EVENTS_STREAM: ">"},
                count=count,
                block=max(1, int(wait_seconds * 1000)),
            )
        return [_entry(item) for _, items in answer or [] for item in items]

    async def reclaim(self, count: int, idle_seconds: float) -> list[StreamEntry]:
        """Entries that some manager read but did not acknowledge for `idle_seconds`."""
        async with _answering():
            answer: Any = await self._redis.xautoclaim(
                EVENTS_STREAM, REPORT_GROUP, self._consumer, min_idle_time=int(idle_seconds * 1000), count=count
            )
        return [_entry(item) for item in answer[1] if item[1] is not None]

    async def acknowledge(self, ids: Sequence[str]) -> None:
        """Forget entries that were posted."""
        if ids:
            async with _answering():
                await self._redis.xack(EVENTS_STREAM, REPORT_GROUP, *ids)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable("redis", error) from error


def _entry(item: tuple[str, dict[str, str]]) -> StreamEntry:
    entry_id, fields = item
    try:
        return StreamEntry(entry_id, Event.model_validate(fields))
    except ValidationError:
        return StreamEntry(entry_id, None)
