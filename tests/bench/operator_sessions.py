"""The operator with 200 WorkerSessions: Telegram orders 50 of them at once to wait.

Run: make bench, or with its environment build/venv/bin/python tests/bench/operator_sessions.py [sessions]. A control
plane of its own; pods and what workers report to a real Redis are played. Ends with 1 when a target is missed.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from api_server import Manifest
from bench_targets import Figure, report, run, say
from faked_workers import FakedWorkers
from operator_config import CONFIG
from scale_stage import PAUSE_SECONDS, ScaleStage, scale_stage

from streamvault_common.keys import API_VERSION

SESSIONS = 200
FLOODED = 50
REFLECTED_SECONDS = 10
WRITES_PER_TRANSITION = 2
REST_SECONDS = 60
PATIENCE_SECONDS = 600
WRITTEN = ("workersessions", "workersessions/status", "events", "pods")


def session(number: int) -> Manifest:
    """A session of the pool `default`."""
    name = f"s{number:03}"
    metadata = {"name": name}
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkerSession",
        "metadata": metadata,
        "spec": {"sessionSecretRef": {"name": name}},
    }


async def shown(stage: ScaleStage, phase: str, reason: str) -> int:
    """How many sessions are in a phase, with this reason of Ready."""
    count = 0
    for one in await stage.objects("workersessions"):
        status = one.get("status", {})
        ready: Manifest = next((item for item in status.get("conditions", []) if item["type"] == "Ready"), {})
        count += status.get("phase") == phase and ready.get("reason") == reason
    return count


async def until_shown(stage: ScaleStage, count: int, phase: str, reason: str) -> float:
    """Seconds until so many sessions are in a phase."""
    began = time.monotonic()
    while (found := await shown(stage, phase, reason)) < count:
        if time.monotonic() - began > PATIENCE_SECONDS:
            log = stage.operator.log()[-3000:]
            raise TimeoutError(f"{found} of {count} sessions are {phase} {reason}\n{log}")
        await asyncio.sleep(PAUSE_SECONDS)
    return time.monotonic() - began


async def until_quiet(stage: ScaleStage) -> None:
    """Until nothing was written for five looks at the reports in a row."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 10:
        if (now := await stage.writes(*WRITTEN)) != before:
            before, since = now, time.monotonic()
        await asyncio.sleep(PAUSE_SECONDS)


async def measured(stage: ScaleStage, workers: FakedWorkers, count: int) -> list[Figure]:
    """All figures."""
    pools = {"default": {"minActive": count // 2, "maxActive": count}}
    await stage.start(workers=CONFIG["workers"] | {"pools": pools})
    say(f"starting {count} sessions")
    await stage.create("workersessions", (session(number) for number in range(count)))
    started = await until_shown(stage, count, "Active", "Serving")
    await until_quiet(stage)
    say("resting")
    before, cpu = await stage.writes(*WRITTEN), stage.cpu_seconds()
    await asyncio.sleep(REST_SECONDS)
    at_rest, cpu = await stage.writes(*WRITTEN) - before, stage.cpu_seconds() - cpu
    flooded = min(FLOODED, count)
    say(f"ordering {flooded} sessions to wait")
    before, flood_cpu = await stage.writes(*WRITTEN), stage.cpu_seconds()
    await workers.flood([session(number)["metadata"]["name"] for number in range(flooded)])
    reflected = await until_shown(stage, flooded, "Cooling", "FloodWait")
    flood_cpu = stage.cpu_seconds() - flood_cpu
    await until_quiet(stage)
    writes = await stage.writes(*WRITTEN) - before
    return [
        Figure(f"{count} sessions serve", started, "s"),
        Figure("at rest: operator's RSS", stage.memory_mib(), "MiB"),
        Figure("at rest: operator's CPU", 100 * cpu / REST_SECONDS, "% of a core"),
        Figure(f"at rest: writes in {REST_SECONDS} s", at_rest, "", at_most=0),
        Figure(f"flood on {flooded} at once: reflected", reflected, "s", at_most=REFLECTED_SECONDS),
        Figure("flood: operator's CPU until then", flood_cpu, "s"),
        Figure("flood: API writes per transition", writes / flooded, "", at_most=WRITES_PER_TRANSITION),
    ]


async def main(count: int) -> int:
    """Gives the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        async with scale_stage(Path(folder)) as stage, FakedWorkers(stage) as workers:
            figures = await measured(stage, workers, count)
    return report("operator_sessions", figures)


if __name__ == "__main__":
    sys.exit(run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS)))
