"""Requests to one worker and their replies: JSON in the field `request` of a Redis stream, and in a list that expires.

A request is safe to repeat. A worker drops one that has waited longer than its caller does, so that nobody acts for a
caller who has left; Redis measures that (the id of a stream's entry is its time), as clocks of two machines differ.
"""

from dataclasses import dataclass
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
    """What to do with messages of one channel, and for how long the caller waits for the reply."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(min_length=1, max_length=64)]
    kind: RequestKind
    channel_id: int
    message_ids: Annotated[tuple[int, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    patience_seconds: float


@dataclass(frozen=True)
class TakenRequest:
    """A request as it came out of the stream, `waited_seconds` after it was put in, by the clock of Redis."""

    request: MessagesRequest
    waited_seconds: float

    @property
    def left(self) -> bool:
        """Whether its caller waits no more."""
        return self.waited_seconds >= self.request.patience_seconds


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
