"""Every point between two things that the operator does to the world outside, and its end at one of them.

What changes nothing that is ever read again does not count: an Event, a question to a worker.
"""

from collections.abc import Callable

from kube_proxy import Call

MONGO_WRITES = frozenset({b"insert", b"update", b"delete"})
COMMAND_NAME_AT = 26
"""Where an OP_MSG names its command: header (16), flags (4), kind (1), length of the document (4), type (1)."""
REDIS_WRITES = (b"sv:blocked:", b"delete-messages")


class KillPoint:
    """Counts effects; calls `kill` right after the one of number `at`, before anybody knows that it was done."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self.at = 0
        self.done: list[str] = []

    @property
    def reached(self) -> bool:
        """Whether it has killed."""
        return 0 < self.at <= len(self.done)

    def arm(self, at: int) -> None:
        """Count from now on; 0 lets everything happen."""
        self.at, self.done = at, []

    def wrote(self, call: Call) -> None:
        """A write of the API server."""
        if "/events" not in call.path:
            self._happened(f"{call.method} {call.path.rpartition('/namespaces/')[2].partition('/')[2]}")

    def stored(self, asked: bytes) -> None:
        """An answer of MongoDB."""
        command = asked[COMMAND_NAME_AT:].partition(b"\0")[0]
        if command in MONGO_WRITES:
            self._happened(f"mongodb {command.decode()}")

    def flagged(self, asked: bytes) -> None:
        """An answer of Redis."""
        for what in REDIS_WRITES:
            if what in asked:
                self._happened(f"redis {what.decode()}")

    def purged(self, asked: bytes) -> None:
        """An answer of an edge agent."""
        line = asked.partition(b"\r\n")[0].decode()
        if not line.startswith("GET"):
            self._happened(f"edge {line[:20]}")

    def _happened(self, what: str) -> None:
        if self.reached:
            return
        self.done.append(what)
        if self.reached:
            self._kill()
