"""Redis: what workers say of themselves, and the two flags that the operator raises.

All sessions are read in one pipeline at most every two seconds; an unreachable Redis is a fact to report
(`reports_since` is None), never an error that stops a reconciliation.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streamvault_common import keys
from streamvault_common.models import SessionReport, Verdict

log = logging.getLogger(__name__)

MAX_AGE_SECONDS = 2.0
TIMEOUT_SECONDS = 3.0
DRAIN_FLAG_SECONDS = 120
"""The drain flag is renewed while a drain lasts, and ends by itself when nobody wants it any more."""
FAILURES = (RedisError, OSError, TimeoutError)


class ReportsUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """Redis did not do what was asked; try again."""


@dataclass(frozen=True)
class Board:
    """What was read last; `since` is the Unix time since when Redis answers without a break, None while it does not."""

    reports: dict[str, SessionReport] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    since: float | None = None


class Reports:
    """Heartbeats, verdicts and flags in Redis."""

    def __init__(self, redis: "Redis", clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._lock = asyncio.Lock()
        self._names: set[str] = set()
        self._board = Board()
        self._read_at = 0.0

    @classmethod
    def connect(cls, url: str) -> Self:
        """Prepare a client; nothing is sent before the first call."""
        return cls(
            Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                health_check_interval=30,
            )
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._redis.aclose()

    async def board(self, name: str) -> Board:
        """Reports and verdicts of every session seen so far, `name` included; at most two seconds old."""
        async with self._lock:
            known = name in self._names
            self._names.add(name)
            if not known or self._clock() - self._read_at >= MAX_AGE_SECONDS:
                self._board = await self._read()
                self._read_at = self._clock()
            return self._board

    async def _read(self) -> Board:
        names = sorted(self._names)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(keys.session_key(name))
                    pipe.hgetall(keys.verdict_key(name))
                answers: list[dict[str, Any]] = await pipe.execute()
        except FAILURES as error:
            log.warning("Redis does not answer", extra={"error": str(error)})
            return Board()
        reports = {name: report for name, raw in zip(names, answers[::2], strict=True) if (report := _report(raw))}
        verdicts = {name: judged for name, raw in zip(names, answers[1::2], strict=True) if (judged := _verdict(raw))}
        return Board(reports, verdicts, self._board.since or self._clock())

    async def set_drain(self, name: str, *, on: bool) -> None:
        """Ask a worker to take no new reads, or withdraw that."""
        if on:
            await self._do(self._redis.set(keys.drain_key(name), "1", ex=DRAIN_FLAG_SECONDS))
        else:
            await self._do(self._redis.delete(keys.drain_key(name)))

    async def forget(self, name: str) -> None:
        """Remove everything kept for a session that is gone, so that a later one of this name starts clean."""
        makers = (keys.session_key, keys.verdict_key, keys.drain_key, keys.peers_key, keys.requests_key)
        await self._do(self._redis.delete(*(make(name) for make in makers)))
        self._names.discard(name)

    async def block(self, fids: Iterable[str]) -> None:
        """Withdraw stored files: workers refuse them from now on, and cut who reads them."""
        named = list(fids)
        if not named:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for fid in named:
                pipe.set(keys.blocked_key(fid), "1")
            for fid in named:
                pipe.publish(keys.TAKEDOWN_CHANNEL, fid)
            await self._do(pipe.execute())

    async def unblock(self, fids: Iterable[str]) -> None:
        """Let stored files be read again."""
        names = [keys.blocked_key(fid) for fid in fids]
        if names:
            await self._do(self._redis.delete(*names))

    async def _do(self, command: Any) -> None:
        try:
            await command
        except FAILURES as error:
            raise ReportsUnavailable(f"Redis does not answer ({type(error).__name__})") from error


def _report(raw: dict[str, Any]) -> SessionReport | None:
    try:
        return SessionReport.model_validate(raw) if raw else None
    except ValidationError as error:
        log.warning("unreadable report", extra={"error": str(error)})
        return None


def _verdict(raw: dict[str, Any]) -> Verdict | None:
    try:
        return Verdict.model_validate(raw) if raw else None
    except ValidationError as error:
        log.warning("unreadable verdict", extra={"error": str(error)})
        return None
