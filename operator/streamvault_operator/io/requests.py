"""Requests to workers over Redis: one stream per session, one reply with an expiry; a silent worker is a silence."""

from typing import Self
from uuid import uuid4

from pydantic import ValidationError
from redis.asyncio import Redis

from streamvault_common import keys
from streamvault_common.requests import REQUEST_FIELD, MessagesReply, MessagesRequest, ReplyOutcome, RequestKind

from .reports import FAILURES, TIMEOUT_SECONDS, ReportsUnavailable

DEADLINE_SECONDS = 15.0
STREAM_LENGTH = 1000
"""Requests to a worker that never takes them are forgotten, oldest first."""


class Requests:
    """Asks workers by the name of their session."""

    def __init__(self, redis: "Redis", deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._redis = redis
        self._deadline_seconds = deadline_seconds

    @classmethod
    def connect(cls, url: str) -> Self:
        """Prepare a client whose reads may last as long as a worker may think."""
        return cls(
            Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=DEADLINE_SECONDS + TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
            )
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._redis.aclose()

    async def ask(self, session: str, kind: RequestKind, channel_id: int, message_ids: list[int]) -> MessagesReply:
        """Send a request and wait for its reply; a worker that keeps silent counts as FAILED.

        Raises ReportsUnavailable when Redis does not answer.
        """
        request = MessagesRequest(
            id=uuid4().hex,
            kind=kind,
            channel_id=channel_id,
            message_ids=tuple(message_ids),
            patience_seconds=self._deadline_seconds,
        )
        try:
            await self._redis.xadd(
                keys.requests_key(session), {REQUEST_FIELD: request.model_dump_json()}, maxlen=STREAM_LENGTH
            )
            answer = await self._redis.blpop([keys.reply_key(request.id)], timeout=self._deadline_seconds)
        except FAILURES as error:
            raise ReportsUnavailable(f"Redis does not answer ({type(error).__name__})") from error
        if answer is None:
            return MessagesReply(outcome=ReplyOutcome.FAILED, message=f"{session} did not answer")
        try:
            return MessagesReply.model_validate_json(answer[1])
        except ValidationError:
            return MessagesReply(outcome=ReplyOutcome.FAILED, message=f"{session} gave an unreadable answer")
