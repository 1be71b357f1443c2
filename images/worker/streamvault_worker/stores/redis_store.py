"""Redis: the heartbeat, the drain flag, withdrawn files and this account's access hashes."""

import logging
import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from streamvault_common import keys
from streamvault_common.events import StreamWriter
from streamvault_common.models import SessionReport, Verdict
from streamvault_worker.heartbeat import Standing

_Field = bytes | bytearray | memoryview | str | int | float

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 1.0
ACCOUNT_FIELD = "account"
REST_SECONDS = 2.0
"""After a failure, reads do not ask Redis for this long: an outage must not slow every one of them down."""

SAME_CLOCK_SECONDS = 2.0
FLOOD_MEMORY_SECONDS = 3600
"""For how long after its end an ordered wait is remembered; longer than any margin that a session adds to it."""


class RedisStore:
    """Everything that one worker keeps in Redis."""

    def __init__(self, url: str, worker_name: str, pod_uid: str = "") -> None:
        """With a `pod_uid`, only the pod that holds the session's lease writes reports."""
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._worker_name = worker_name
        self._pod_uid = pod_uid
        self._resting_until = 0.0
        self._ahead: float | None = None

    @property
    def events(self) -> StreamWriter:
        """Where events for people are appended."""
        return self._redis

    async def withdrawn(self, fid: str) -> bool:
        """Whether the file was taken down; False as well when Redis cannot say (Mongo and the edge know too)."""
        if time.monotonic() < self._resting_until:
            return False
        try:
            return bool(await self._redis.exists(keys.blocked_key(fid)))
        except (RedisError, OSError) as error:
            self._resting_until = time.monotonic() + REST_SECONDS
            log.warning("cannot ask whether a file is withdrawn", extra={"fid": fid, "error": repr(error)})
            return False

    async def load(self, account: str) -> dict[int, int]:
        """Access hash by bare channel id; {} when they are another account's, or Redis cannot say."""
        try:
            stored = await self._redis.hgetall(keys.peers_key(self._worker_name))
            if stored.pop(ACCOUNT_FIELD, None) != account:
                return {}
            return {int(channel): int(access_hash) for channel, access_hash in stored.items()}
        except (RedisError, OSError, ValueError) as error:
            log.warning("cannot read the access hashes", extra={"error": repr(error)})
            return {}

    async def save(self, account: str, hashes: dict[int, int]) -> None:
        """Remember access hashes instead of those before; a failure is logged only, they can be learnt again."""
        if not hashes:
            return
        key, fields = keys.peers_key(self._worker_name), {str(channel): str(one) for channel, one in hashes.items()}
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(key)
                pipeline.hset(key, mapping=_fields({**fields, ACCOUNT_FIELD: account}))
                pipeline.expire(key, keys.PEERS_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("cannot store the access hashes", extra={"error": repr(error)})

    async def beat(self, report: SessionReport, verdict: Verdict | None) -> Standing:
        """Renew the lease, write the heartbeat and the verdict, if any; raises RedisError."""
        if not await self._hold():
            return Standing(holder=False)
        session, flood = keys.session_key(self._worker_name), keys.flood_key(self._worker_name)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(session, mapping=_fields(report.to_redis()))
            pipeline.expire(session, keys.HEARTBEAT_TTL_SECONDS)
            if report.flood_at:
                ahead = {} if self._ahead is None else {"ahead": str(self._ahead)}
                waits = {"at": str(report.flood_at), "seconds": str(report.flood_seconds), **ahead}
                pipeline.hset(flood, mapping=_fields(waits))
                pipeline.expire(flood, report.flood_seconds + FLOOD_MEMORY_SECONDS)
            if verdict is not None:
                pipeline.hset(keys.verdict_key(self._worker_name), mapping=_fields(verdict.to_redis()))
            pipeline.exists(keys.drain_key(self._worker_name))
            return Standing(holder=True, drain=bool((await pipeline.execute())[-1]))

    async def last_words(self, report: SessionReport) -> None:
        """Write the last report and give the lease back; raises RedisError."""
        if await self._hold():
            session = keys.session_key(self._worker_name)
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(session, mapping=_fields(report.to_redis()))
                pipeline.expire(session, keys.HEARTBEAT_TTL_SECONDS)
                pipeline.delete(keys.lease_key(self._worker_name))
                await pipeline.execute()

    async def last_flood(self) -> tuple[float, int]:
        """When the last wait was ordered (Unix seconds) and for how many seconds; zeros when Redis knows of none.

        Told by this machine's clock, also when the worker that was ordered to wait ran on a machine with another one.
        """
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hgetall(keys.flood_key(self._worker_name))
                pipeline.time()
                stored, now = await pipeline.execute()
            shift = _ahead_of(now) - float(stored.get("ahead", _ahead_of(now)))
            at = float(stored.get("at", 0.0))
            return at + shift if at and abs(shift) > SAME_CLOCK_SECONDS else at, int(stored.get("seconds", 0))
        except (RedisError, OSError, ValueError) as error:
            log.warning("cannot read the last ordered wait", extra={"error": repr(error)})
            return 0.0, 0

    async def _hold(self) -> bool:
        """Take or renew the lease; says whether this pod has it."""
        if not self._pod_uid:
            return True
        lease = keys.lease_key(self._worker_name)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(lease, self._pod_uid, nx=True, ex=keys.HEARTBEAT_TTL_SECONDS)
            pipeline.get(lease)
            pipeline.time()
            _, holder, now = await pipeline.execute()
        self._ahead = _ahead_of(now)
        return holder == self._pod_uid and bool(await self._redis.expire(lease, keys.HEARTBEAT_TTL_SECONDS))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _ahead_of(redis_time: tuple[int, int]) -> float:
    """By how many seconds this machine's clock is ahead of that of Redis; the way there is part of it."""
    seconds, microseconds = redis_time
    return time.time() - seconds - microseconds / 1e6


def _fields(values: dict[str, str]) -> dict[_Field, _Field]:
    """The same dict, for a client whose annotation wants the widest key type."""
    return {name: value for name, value in values.items()}  # noqa: C416 - dict() would keep the narrow type
