"""Redis: what workers say of themselves, and the two flags that the operator raises.

All sessions are read in one pipeline at most every two seconds; an unreachable Redis is a fact to report
(`Board.since` is None), never an error that stops a reconciliation.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streamvault_common import keys
from streamvault_common.events import Event, publish
from streamvault_common.models import SessionReport, Verdict

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_AGE_SECONDS = 2.0
TIMEOUT_SECONDS = 3.0
DRAIN_FLAG_SECONDS = 120
"""The drain flag is renewed while a drain lasts, and ends by itself when nobody wants it any more."""
FAILURES = (RedisError, OSError, TimeoutError)


class ReportsUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """Redis did not do what was asked; try again."""


@dataclass(frozen=True)
class Board:
    """What was read last. Moments are of this process's own clock, so that no other machine's clock matters.

    `heard` is when each worker last spoke, also of workers that are silent by now; `since` is the moment since when
    Redis answers without a break, None while it does not.
    """

    reports: dict[str, SessionReport] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    since: float | None = None


class Reports:
    """Heartbeats, verdicts and flags in Redis."""

    def __init__(self, redis: "Redis", clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self.clock = clock
        self._lock = asyncio.Lock()
        self._names: set[str] = set()
        self._board = Board()
        self._read_at = float("-inf")

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

    async def tell(self, event: Event) -> None:
        """Have the manager post it to the Admin Channel; a failure is only logged."""
        await publish(self._redis, event)

    async def board(self, name: str, *, fresh: bool = False) -> Board:
        """What is known of every session seen so far, `name` included: at most two seconds old, of `name` fresh."""
        async with self._lock:
            known = name in self._names
            self._names.add(name)
            if self.clock() - self._read_at >= MAX_AGE_SECONDS:
                self._board = await self._read(sorted(self._names), Board(heard=self._board.heard))
                self._read_at = self.clock()
            elif fresh or not known:
                self._board = await self._read([name], self._board)
            return self._board

    async def _read(self, names: list[str], before: Board) -> Board:
        """The board with these sessions read anew; what is known of others stays."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(keys.session_key(name))
                    pipe.pttl(keys.session_key(name))
                    pipe.hgetall(keys.verdict_key(name))
                answers: list[Any] = await pipe.execute()
        except FAILURES as error:
            log.warning("Redis does not answer", extra={"error": str(error)})
            return Board(heard=before.heard)
        reports, verdicts, heard = dict(before.reports), dict(before.verdicts), dict(before.heard)
        now = self.clock()
        for name, raw, left_ms, judged in zip(names, answers[::3], answers[1::3], answers[2::3], strict=True):
            report, verdict = _report(raw), _verdict(judged)
            if report is not None:
                heard[name] = self._spoke_at(name, report, left_ms, now)
            _put(reports, name, report)
            _put(verdicts, name, verdict)
        return Board(reports, verdicts, heard, self._board.since if self._board.since is not None else now)

    def _spoke_at(self, name: str, report: SessionReport, left_ms: int, now: float) -> float:
        """When a worker spoke: by the life that Redis has left its report, else since when it says the same."""
        if left_ms > 0:
            return now - max(0.0, keys.HEARTBEAT_TTL_SECONDS - left_ms / 1000)
        before = self._board.reports.get(name)
        return self._board.heard.get(name, now) if before is not None and before.at == report.at else now

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
        self._board.heard.pop(name, None)

    async def block(self, fids: Iterable[str]) -> None:
        """Withdraw stored files: workers refuse them from now on, and cut who reads them; read back."""
        named = sorted(set(fids))
        if not named:
            return
        names = [keys.blocked_key(fid) for fid in named]
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, "1")
            for fid in named:
                pipe.publish(keys.TAKEDOWN_CHANNEL, fid)
            pipe.exists(*names)
            answers = await self._do(pipe.execute())
        if lost := len(names) - answers[-1]:
            raise ReportsUnavailable(f"Redis has not kept that {lost} files are withdrawn")

    async def unblock(self, fids: Iterable[str]) -> None:
        """Let stored files be read again."""
        names = [keys.blocked_key(fid) for fid in fids]
        if names:
            await self._do(self._redis.delete(*names))

    async def _do(self, command: Any) -> Any:
        try:
            return await command
        except FAILURES as error:
            raise ReportsUnavailable(f"Redis does not answer ({type(error).__name__})") from error


def _put(known: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        known.pop(name, None)
    else:
        known[name] = value


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
