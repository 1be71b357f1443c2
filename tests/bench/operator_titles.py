"""The operator with 20,000 Titles: their first sight, at rest, a restart, and a takedown while it settles.

Run: make bench, or with its environment build/venv/bin/python tests/bench/operator_titles.py [titles]. A control plane
of its own (kine on SQLite, kube-apiserver); MongoDB is the installation's. Ends with 1 when a target is missed.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from api_server import Manifest
from bench_targets import Figure, report
from fault_stage import CHANNEL, MODERATOR, TAKEDOWN
from scale_stage import PAUSE_SECONDS, ScaleStage, scale_stage

from streamvault_common import documents, keys
from streamvault_common.documents import file_id
from streamvault_common.keys import API_VERSION

TITLES = 20_000
QUALITIES = ("1080p", "720p")
REST_SECONDS = 60
RSS_MIB = 256
SETTLES_SECONDS = 90
TAKEDOWN_SECONDS = 5
PATIENCE_SECONDS = 3600
OBJECTS = ("titles", "titles/status", "events", "workersessions", "workersessions/status", "pods")


def title(number: int) -> str:
    """Name of a film."""
    return f"film-{number:05}"


def size_bytes(number: int) -> int:
    """Of each of its files; no two films have the same."""
    return 700_000_000 + number


def declared(count: int) -> Iterator[Manifest]:
    """Films of two files, with what the site shows of them."""
    for number in range(count):
        files = [
            {
                "name": quality,
                "quality": quality,
                "parts": [{"channelID": CHANNEL, "messageID": 2 * number + place + 1, "sizeBytes": size_bytes(number)}],
            }
            for place, quality in enumerate(QUALITIES)
        ]
        spec = {"kind": "Movie", "displayName": f"Film number {number}", "year": 2020, "files": files}
        yield {"apiVersion": API_VERSION, "kind": "Title", "metadata": {"name": title(number)}, "spec": spec}


async def settled(stage: ScaleStage, count: int, since: float) -> float:
    """Seconds since `since` until every title was looked at and nothing is due."""
    while True:
        done, due = await stage.looks("title")
        if done >= count and due == 0:
            return time.monotonic() - since
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise TimeoutError(
                f"{done} of {count} titles were looked at, {due} are due\n{stage.operator.log()[-3000:]}"
            )
        await asyncio.sleep(PAUSE_SECONDS)


async def first_sight(stage: ScaleStage, count: int) -> list[Figure]:
    """Publish everything."""
    before, began = await stage.writes("titles/status"), time.monotonic()
    await settled(stage, count, began)
    seconds = time.monotonic() - began
    writes = await stage.writes("titles/status") - before
    published = stage.records[documents.TITLES].count_documents({"state": "Published"})
    if published != count:
        raise RuntimeError(f"{published} of {count} titles are published\n{stage.operator.log()[-3000:]}")
    return [
        Figure("first sight: status writes per Title", writes / count, "", at_most=1),
        Figure("first sight: Titles per second", count / seconds, "1/s", note=f"{seconds:.0f} s for all"),
        Figure("first sight: operator's peak RSS", stage.memory_mib("VmHWM"), "MiB"),
    ]


async def at_rest(stage: ScaleStage) -> list[Figure]:
    """Nothing happens, so nothing may be written."""
    before, looks = await stage.writes(*OBJECTS), (await stage.looks("title"))[0]
    await asyncio.sleep(REST_SECONDS)
    return [
        Figure("at rest: operator's RSS", stage.memory_mib(), "MiB", at_most=RSS_MIB),
        Figure(
            f"at rest: writes in {REST_SECONDS} s",
            await stage.writes(*OBJECTS) - before,
            "",
            at_most=0,
            note=f"{(await stage.looks('title'))[0] - looks} Titles looked at",
        ),
    ]


async def restarted(stage: ScaleStage, count: int) -> list[Figure]:
    """The operator starts again among titles that are all published; the one that is looked at last is taken down."""
    await stage.kill()
    before, began = await stage.writes("titles", "titles/status"), time.monotonic()
    await stage.start()
    while (done := (await stage.looks("title"))[0]) < count // 10:  # noqa: ASYNC110 - another process
        await asyncio.sleep(PAUSE_SECONDS)
    doomed = await withdrawal(stage, count - 1)
    (done, _), writes = await stage.looks("title"), await stage.writes("titles", "titles/status") - before
    seconds = await settled(stage, count, began)
    return [
        Figure("restart: settles", seconds, "s", at_most=SETTLES_SECONDS, note=f"{count / seconds:.0f} Titles/s"),
        Figure("restart: operator's RSS", stage.memory_mib(), "MiB", at_most=RSS_MIB),
        Figure("restart: operator's peak RSS", stage.memory_mib("VmHWM"), "MiB"),
        Figure(
            "restart: a takedown meanwhile is withdrawn",
            doomed,
            "s",
            at_most=TAKEDOWN_SECONDS,
            note=f"{done} of {count} Titles looked at",
        ),
        Figure("restart: writes of Titles until then", writes, "", note="all of the takedown"),
    ]


async def withdrawal(stage: ScaleStage, number: int) -> float:
    """Seconds from the request until page, links, edge and status say that a title is withdrawn."""
    asked = time.monotonic()
    spec = {"state": "TakenDown", "takedown": TAKEDOWN}
    await asyncio.to_thread(stage.operator.api.patch, stage.operator.path("titles", title(number)), {"spec": spec})
    while not await is_withdrawn(stage, title(number)):
        if time.monotonic() - asked > PATIENCE_SECONDS:
            raise TimeoutError(f"{title(number)} is not withdrawn\n{stage.operator.log()[-3000:]}")
        await asyncio.sleep(0.02)
    return time.monotonic() - asked


async def is_withdrawn(stage: ScaleStage, name: str) -> bool:
    """Whether nothing of a title is served any more, and its status says so."""
    fids = [file_id(name, quality) for quality in QUALITIES]
    if not all((stage.agent.cache / "tombstones" / fid).exists() for fid in fids):
        return False
    shown = await asyncio.to_thread(stage.records[documents.TITLES].find_one, {"_id": name})
    async with stage.operator.redis.client() as client:
        blocked = await client.exists(*(keys.blocked_key(fid) for fid in fids))
    if shown is None or shown["state"] != "TakenDown" or blocked != len(fids):
        return False
    found = await asyncio.to_thread(stage.operator.find, "titles", name)
    conditions = (found or {}).get("status", {}).get("conditions", [])
    return any(one["type"] == "Withdrawn" and one["status"] == "True" for one in conditions)


async def main(count: int) -> int:
    """Everything in one life of the objects; gives the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        async with scale_stage(Path(folder)) as stage:
            stage.swarm.sizes |= {
                file_id(title(number), quality): size_bytes(number) for number in range(count) for quality in QUALITIES
            }
            stage.swarm.messages[CHANNEL] = set(range(1, len(QUALITIES) * count + 1))
            await stage.start()
            stage.operator.declare(MODERATOR, roles=["Stream", "Moderate"])
            await stage.operator.until_shown(MODERATOR, "Active True/Serving")
            began = time.monotonic()
            print(f"making {count} Titles", flush=True)
            creating = asyncio.create_task(stage.create("titles", declared(count)))
            figures = await first_sight(stage, count)
            await creating
            print(f"published after {time.monotonic() - began:.0f} s", flush=True)
            figures += await at_rest(stage)
            figures += await restarted(stage, count)
    return report("operator_titles", figures)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TITLES)))
