"""A run is a list of steps: each says what it does and how long it took, and is skipped while its result stands."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """`is_done` answers: inputs unchanged and result present. `act` must be repeatable after an interruption."""

    name: str
    purpose: str
    is_done: Callable[[], bool]
    act: Callable[[], None]


def run_steps(steps: Iterable[Step], *, clock: Callable[[], float] = time.monotonic) -> list[str]:
    """Run every step that is not done, in order; returns the names of those that ran. Errors end the run."""
    ran = []
    for step in steps:
        started = clock()
        if step.is_done():
            print(f"  =   {step.name}: unchanged ({clock() - started:.1f} s)", flush=True)
            continue
        print(f"  >   {step.name}: {step.purpose}", flush=True)
        step.act()
        print(f"  ok  {step.name} ({clock() - started:.1f} s)", flush=True)
        ran.append(step.name)
    return ran


@dataclass(frozen=True)
class Stamp:
    """Remembers for which inputs a result was made, where the result itself cannot tell."""

    file: Path

    def matches(self, value: str) -> bool:
        return self.file.is_file() and self.file.read_text() == value

    def write(self, value: str) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(value)

    def clear(self) -> None:
        self.file.unlink(missing_ok=True)
