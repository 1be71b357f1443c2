"""A report that cannot be sent never stops the work that it reports on."""

from typing import Any

from streamvault_common.events import Event, Severity, publish
from streamvault_common.keys import EVENTS_STREAM


class Stream:
    def __init__(self, error: Exception | None = None) -> None:
        self.entries: list[tuple[str, dict[str, str]]] = []
        self.error = error

    async def xadd(self, name: str, fields: Any, *, maxlen: int, approximate: bool) -> Any:
        if self.error:
            raise self.error
        self.entries.append((name, fields))


async def test_an_event_reaches_the_stream_as_text() -> None:
    stream = Stream()
    await publish(stream, Event(part="worker", severity=Severity.WARNING, text="flood", at=1.0))
    assert stream.entries == [
        (EVENTS_STREAM, {"part": "worker", "severity": "warning", "text": "flood", "group": "", "at": "1.0"})
    ]


async def test_a_dead_redis_is_survived() -> None:
    await publish(Stream(ConnectionError("down")), Event(part="worker", severity=Severity.ERROR, text="x"))
