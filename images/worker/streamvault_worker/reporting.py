"""Reports for people, sent in the background: they may get lost, they never stop the work."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from streamvault_common.events import Event, Severity, StreamWriter, publish

log = logging.getLogger(__name__)


class Reporter(Protocol):
    """Takes notes for the Admin Channel."""

    def report(self, severity: Severity, text: str, group: str = "") -> None:
        """Log and publish; returns at once."""


class EventReporter:
    """Publishes to the stream of events of all parts, under this worker's name."""

    def __init__(self, redis: StreamWriter, worker_name: str) -> None:
        self._redis = redis
        self._worker_name = worker_name
        self._sending: set[asyncio.Task[None]] = set()

    def report(self, severity: Severity, text: str, group: str = "") -> None:
        """Log and publish; `group` gathers repetitions of this worker."""
        level = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING}.get(severity, logging.ERROR)
        log.log(level, text)
        event = Event(
            part="worker", severity=severity, text=f"{self._worker_name}: {text}", group=f"{self._worker_name}/{group}"
        )
        self._start(publish(self._redis, event))

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
