"""What a benchmark promises: a table of figures with their targets, a JSON file, and the exit status."""

import asyncio
import json
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "build/bench"


@dataclass(frozen=True)
class Figure:
    """One measured value; without a target it only informs."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the value keeps its target; a figure without one always does."""
        too_low = self.at_least is not None and self.value < self.at_least
        too_high = self.at_most is not None and self.value > self.at_most
        return not (too_low or too_high)

    @property
    def target(self) -> str:
        """The target as text, empty when there is none."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def verdict(self) -> str:
        """pass, MISSED, or nothing."""
        if not self.target:
            return ""
        return "pass" if self.met else "MISSED"


def report(program: str, figures: Sequence[Figure]) -> int:
    """Print the table, write build/bench/<program>.json, and give the exit status: 1 when a target is missed."""
    width = max(len(one.name) for one in figures)
    print(f"{'figure':<{width}} {'value':>12} {'target':>10} {'':<7} unit")
    for one in figures:
        note = f"  ({one.note})" if one.note else ""
        print(f"{one.name:<{width}} {one.value:>12.2f} {one.target:>10} {one.verdict:<7} {one.unit}{note}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    lines = [asdict(one) | {"target": one.target, "met": one.met} for one in figures]
    (RESULTS / f"{program}.json").write_text(json.dumps(lines, indent=1) + "\n")
    return 0 if all(one.met for one in figures) else 1


def run(program: Coroutine[Any, Any, int]) -> int:
    """Run a benchmark; one that is told to end (SIGTERM) still ends what it started. Gives the exit status."""

    async def ending() -> int:
        task = asyncio.create_task(program)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    return asyncio.run(ending())


def say(what: str) -> None:
    """What a benchmark does now."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)
