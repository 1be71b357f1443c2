"""Events for people: every part appends to one Redis stream, the manager posts it to the Admin Channel."""

import logging
import time
from collections.abc import Awaitable
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from .keys import EVENTS_MAXLEN, EVENTS_STREAM

log = logging.getLogger(__name__)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Event(BaseModel):
    """Something that an admin may want to read; `group` gathers repetitions into one message."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    part: str
    severity: Severity
    text: str
    group: str = ""
    at: float = Field(default_factory=time.time)


class StreamWriter(Protocol):
    """The one command of a Redis client that this module needs."""

    def xadd(self, name: str, fields: Any, *, maxlen: int, approximate: bool) -> Awaitable[Any]:
        """Append to a stream."""


async def publish(redis: StreamWriter, event: Event) -> None:
    """Append an event; a failure is logged and swallowed, because a report must never stop the work it reports on."""
    try:
        fields = {name: str(value) for name, value in event.model_dump(mode="json").items()}
        await redis.xadd(EVENTS_STREAM, fields, maxlen=EVENTS_MAXLEN, approximate=True)
    except Exception:
        log.exception("event not published", extra={"event_text": event.text})
