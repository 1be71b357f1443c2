"""Long-running programs, each in a session of its own and known by a pid file; stopped by exactly that pid."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamvault_dev.commands import tail

from .interface import ClusterError

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Daemon:
    """`pid_file` holds the pid and the process's start time, so that a recycled pid is never mistaken for it."""

    name: str
    argv: list[str]
    log: Path
    pid_file: Path

    def pid(self) -> int | None:
        """The pid while that very process lives."""
        try:
            pid, started = self.pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def is_outdated(self) -> bool:
        """Whether it runs another program, or with other arguments, than now declared."""
        pid = self.pid()
        return pid is not None and _argv(pid) != self.argv

    def start(self, path: str) -> None:
        """Start unless it runs; `path` becomes its PATH. The former run's log is kept once, as <name>.log.1."""
        if self.pid() is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as sink, Path(os.devnull).open("rb") as nothing:
            pid = os.posix_spawnp(
                self.argv[0],
                self.argv,
                {**os.environ, "PATH": path},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, sink.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, sink.fileno(), 2),
                ],
                setsid=True,
            )
        self.pid_file.write_text(f"{pid} {start_time(pid)}")

    def stop(self, *, patience_seconds: float = 10) -> bool:
        """SIGTERM, then SIGKILL after the patience; True when it was running."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: self.pid() is None, patience_seconds):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid() is None, patience_seconds)
        self.pid_file.unlink(missing_ok=True)
        return True

    def require_ready(self, ready: Callable[[], bool], deadline_seconds: float) -> None:
        """Wait for the condition; ClusterError with the end of the log when the daemon dies or the time is over."""
        alive = wait_until(lambda: ready() or self.pid() is None, deadline_seconds) and ready()
        if not alive:
            state = "is not ready" if self.pid() else "has died"
            raise ClusterError(f"{self.name} {state}; end of {self.log}:\n{tail(self.log)}")


def _argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def start_time(pid: int) -> str | None:
    """The kernel's start tick of a process; None when there is none or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def wait_until(condition: Callable[[], bool], deadline_seconds: float) -> bool:
    """Poll; False when the time is over."""
    end = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True
