"""Errors of the manager itself on their way to the admins; telling never delays or breaks the work."""

import asyncio

from streamvault_common.events import Event, Severity, StreamWriter, publish

PART = "manager"


class Alarms:
    """Publishes in the background, one group per place that failed."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()

    def request_failed(self, route: str, error: BaseException, request_id: str) -> None:
        """An API route raised something that no rule expects."""
        self._publish(f"{route} failed: {type(error).__name__} (request {request_id})", f"api {route}")

    def bot_failed(self, what: str, error: BaseException) -> None:
        """The bot could not do something."""
        self._publish(f"Bot failed at {what}: {type(error).__name__}", f"bot {what}")

    async def settle(self) -> None:
        """Wait for what is still being published."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _publish(self, text: str, group: str) -> None:
        event = Event(part=PART, severity=Severity.ERROR, text=text, group=group)
        task = asyncio.create_task(publish(self._writer, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
