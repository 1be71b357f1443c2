"""The takedown of a film of 20 GiB that an edge holds completely: off the air at once, and soon off its disk.

Run: make bench, or with its environment build/venv/bin/python tests/bench/takedown_large_film.py. A control plane of
its own, a real purge agent over 2,560 slices of 8 MiB (sparse: what counts is how many files must be found and
removed). Ends with 1 when a target is missed.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench_targets import Figure, report, run, say
from conditions import until_true
from fault_stage import CHANNEL, MODERATOR, TAKEDOWN
from played_swarm import Swarm
from scale_stage import ScaleStage, scale_stage

from streamvault_common import documents, keys
from streamvault_common.documents import file_id
from streamvault_common.keys import API_VERSION, SLICE_BYTES
from streamvault_edge.slices import Film, film_paths

NAME, QUALITY = "long-night", "2160p"
FID = file_id(NAME, QUALITY)
SLICES = 2560
SIZE_BYTES = SLICES * SLICE_BYTES
PART_BYTES = 2000 * 1024 * 1024
PARTS = [min(PART_BYTES, SIZE_BYTES - start) for start in range(0, SIZE_BYTES, PART_BYTES)]
ROUNDS = 3
WITHDRAWN_SECONDS = 2
CLEAN_SECONDS = 10
PATIENCE_SECONDS = 120


def declare(stage: ScaleStage, swarm: Swarm) -> None:
    """The Title; its messages exist."""
    messages = range(1, len(PARTS) + 1)
    swarm.messages[CHANNEL] = set(messages)
    swarm.sizes[FID] = SIZE_BYTES
    parts = [
        {"channelID": CHANNEL, "messageID": number, "sizeBytes": size}
        for number, size in zip(messages, PARTS, strict=True)
    ]
    files = [{"name": QUALITY, "quality": QUALITY, "parts": parts}]
    spec = {"kind": "Movie", "displayName": "Long Night", "files": files}
    manifest = {"apiVersion": API_VERSION, "kind": "Title", "metadata": {"name": NAME}, "spec": spec}
    stage.operator.api.create(stage.operator.path("titles"), manifest)


def fill(stage: ScaleStage) -> list[Path]:
    """Let the edge hold every slice of the film; gives where."""
    slices = list(film_paths(stage.agent.cache, Film(FID, 1, SIZE_BYTES, SLICE_BYTES)))
    for path in slices:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(SLICE_BYTES)
    return slices


async def is_published(stage: ScaleStage) -> bool:
    """Whether the film is on the air."""
    found = await asyncio.to_thread(stage.operator.find, "titles", NAME)
    return found is not None and found.get("status", {}).get("phase") == "Published"


async def is_withdrawn(stage: ScaleStage) -> bool:
    """Whether page, workers, edge and status all say that the film is gone."""
    if not (stage.agent.cache / "tombstones" / FID).exists():
        return False
    shown = await asyncio.to_thread(stage.records[documents.TITLES].find_one, {"_id": NAME})
    async with stage.operator.redis.client() as client:
        blocked = await client.exists(keys.blocked_key(FID))
    if not blocked or shown is None or shown["state"] != "TakenDown":
        return False
    found = await asyncio.to_thread(stage.operator.find, "titles", NAME)
    conditions = (found or {}).get("status", {}).get("conditions", [])
    return any(one["type"] == "Withdrawn" and one["status"] == "True" for one in conditions)


async def is_clean(slices: Sequence[Path]) -> bool:
    """Whether no slice is left."""
    return not any(os.path.lexists(path) for path in slices)


async def take_down(stage: ScaleStage, slices: Sequence[Path]) -> tuple[float, float]:
    """Seconds from the request until the film is withdrawn, and until the edge's disk holds nothing of it."""
    began = time.monotonic()
    spec = {"state": "TakenDown", "takedown": TAKEDOWN}
    await asyncio.to_thread(stage.operator.api.patch, stage.operator.path("titles", NAME), {"spec": spec})

    async def seconds_until_withdrawn() -> float:
        await until_true(lambda: is_withdrawn(stage), PATIENCE_SECONDS)
        return time.monotonic() - began

    async def seconds_until_clean() -> float:
        await until_true(lambda: is_clean(slices), PATIENCE_SECONDS)
        return time.monotonic() - began

    withdrawn, clean = await asyncio.gather(seconds_until_withdrawn(), seconds_until_clean())
    return withdrawn, clean


async def one_takedown() -> tuple[float, float]:
    """A whole world with one film; see `take_down`."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            scale_stage(Path(folder)) as stage,
            Swarm(stage.plane, stage.operator.namespace, stage.operator.redis.url) as swarm,
        ):
            stage.worker_port = swarm.port
            await stage.start()
            stage.operator.declare(MODERATOR, roles=["Stream", "Moderate"])
            await stage.operator.until_shown(MODERATOR, "Active True/Serving")
            declare(stage, swarm)
            await until_true(lambda: is_published(stage), PATIENCE_SECONDS)
            slices = fill(stage)
            say(f"taking down {SIZE_BYTES >> 30} GiB in {len(slices)} slices")
            return await take_down(stage, slices)


async def main() -> int:
    """The slowest of a few takedowns; gives the exit status."""
    rounds = [await one_takedown() for _ in range(ROUNDS)]
    withdrawn, clean = (max(times) for times in zip(*rounds, strict=True))
    note = f"the slowest of {ROUNDS}"
    return report(
        "takedown_large_film",
        [
            Figure("takedown of 20 GiB: withdrawn", withdrawn, "s", at_most=WITHDRAWN_SECONDS, note=note),
            Figure("takedown of 20 GiB: cache clean", clean, "s", at_most=CLEAN_SECONDS, note=note),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(main()))
