"""Requests to one worker and their replies: JSON in the field `request` of a Redis stream, and in a list that expires.

A request is safe to repeat. A worker drops one whose deadline is over, so that nobody acts for a caller who has left.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

REQUEST_FIELD = "request"
MAX_MESSAGES = 100
"""Most ids that Telegram takes in one call (core.telegram.org/method/channels.deleteMessages)."""


class RequestKind(StrEnum):
    FIND_MESSAGES = "find-messages"
    DELETE_MESSAGES = "delete-messages"


class MessagesRequest(BaseModel):
    """What to do with messages of one channel; `deadline` is Unix time."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(min_length=1, max_length=64)]
    kind: RequestKind
    channel_id: int
    message_ids: Annotated[tuple[int, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    deadline: float


class ReplyOutcome(StrEnum):
    DONE = "done"
    FLOODED = "flooded"
    DENIED = "denied"
    FAILED = "failed"


class MessagesReply(BaseModel):
    """What became of a request; `present` are the asked ids that exist, `wait_seconds` is Telegram's order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    outcome: ReplyOutcome
    present: tuple[int, ...] = ()
    wait_seconds: int = 0
    message: str = ""
