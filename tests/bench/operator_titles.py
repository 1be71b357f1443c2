"""The operator with 20,000 Titles: first sight, a restart, a takedown while it settles, and rest.

Run: make bench, or with its environment build/venv/bin/python tests/bench/operator_titles.py [titles]. A control plane
of its own (kine on SQLite, kube-apiserver); MongoDB is the installation's. The first thousand are published by the
operator from nothing, the others are copies of the first. Ends with 1 when a target is missed.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from api_server import Manifest
from bench_targets import Figure, report, run, say
from copied_titles import TitleCopies
from fault_stage import CHANNEL, MODERATOR, TAKEDOWN
from played_swarm import Swarm
from scale_stage import PAUSE_SECONDS, ScaleStage, scale_stage

from streamvault_common import documents, keys
from streamvault_common.documents import file_id
from streamvault_common.keys import API_VERSION
from streamvault_operator.domain.resources import SpecFile
from streamvault_operator.domain.title import parts_hash

TITLES = 20_000
PUBLISHED = 1_000
QUALITIES = ("1080p", "720p")
REST_SECONDS = 60
RSS_MIB = 256
SETTLES_SECONDS = 90
TAKEDOWN_SECONDS = 5
PATIENCE_SECONDS = 900
OBJECTS = ("titles", "titles/status", "events", "workersessions", "workersessions/status", "pods")


def title(number: int) -> str:
    """Name of a film."""
    return f"film-{number:05}"


def size_bytes(number: int) -> int:
    """Of each of its files; no two films have the same."""
    return 700_000_000 + number


def message(number: int, place: int) -> int:
    """The message that holds one of its files."""
    return 1_000_000_000 + len(QUALITIES) * number + place


def file_of(number: int, place: int) -> Manifest:
    """An entry of `spec.files`."""
    part = {"channelID": CHANNEL, "messageID": message(number, place), "sizeBytes": size_bytes(number)}
    return {"name": QUALITIES[place], "quality": QUALITIES[place], "parts": [part]}


def words(number: int) -> list[str]:
    """What is said of one film only."""
    said = [title(number), str(size_bytes(number))]
    for place, quality in enumerate(QUALITIES):
        hashed = parts_hash(SpecFile.model_validate(file_of(number, place)))
        said += [file_id(title(number), quality), str(message(number, place)), hashed]
    return said


def declared(count: int) -> Iterator[Manifest]:
    """Films of two files, with what the site shows of them."""
    for number in range(count):
        files = [file_of(number, place) for place, _ in enumerate(QUALITIES)]
        spec = {"kind": "Movie", "displayName": f"The {title(number)}", "year": 2020, "files": files}
        yield {"apiVersion": API_VERSION, "kind": "Title", "metadata": {"name": title(number)}, "spec": spec}


async def settled(stage: ScaleStage, count: int, since: float) -> float:
    """Seconds since `since` until the operator knows every title and nothing is due."""
    while True:
        known, due = await stage.known("title")
        if known >= count and due == 0:
            return time.monotonic() - since
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise TimeoutError(f"{known} of {count} titles are known, {due} are due\n{stage.operator.log()[-3000:]}")
        await asyncio.sleep(PAUSE_SECONDS)


async def first_sight(stage: ScaleStage, count: int) -> list[Figure]:
    """Publish everything."""
    await settled(stage, count, time.monotonic())
    writes = await stage.writes("titles/status")
    published = stage.records[documents.TITLES].count_documents({"state": "Published"})
    if published != count:
        raise RuntimeError(f"{published} of {count} titles are published\n{stage.operator.log()[-3000:]}")
    return [
        Figure("first sight: status writes per Title", writes / count, "", at_most=1),
        Figure("first sight: operator's CPU per Title", 1000 * stage.cpu_seconds() / count, "ms"),
        Figure("first sight: operator's peak RSS", stage.memory_mib("VmHWM"), "MiB"),
    ]


async def at_rest(stage: ScaleStage) -> list[Figure]:
    """Nothing happens, so nothing may be written."""
    before, looks = await stage.writes(*OBJECTS), await stage.looks("title")
    cpu = stage.cpu_seconds()
    await asyncio.sleep(REST_SECONDS)
    looks, cpu = await stage.looks("title") - looks, stage.cpu_seconds() - cpu
    writes = await stage.writes(*OBJECTS) - before
    return [
        Figure("at rest: operator's RSS", stage.memory_mib(), "MiB", at_most=RSS_MIB),
        Figure(f"at rest: writes in {REST_SECONDS} s", writes, "", at_most=0, note=f"{looks} Titles looked at"),
        Figure("at rest: operator's CPU", 100 * cpu / REST_SECONDS, "% of a core"),
    ]


async def restarted(stage: ScaleStage, count: int) -> list[Figure]:
    """The operator starts among titles that are all published."""
    before, began = await stage.writes("titles", "titles/status"), time.monotonic()
    await stage.start()
    seconds = await settled(stage, count, began)
    writes = await stage.writes("titles", "titles/status") - before
    return [
        Figure("restart: settles", seconds, "s", at_most=SETTLES_SECONDS, note=f"{count / seconds:.0f} Titles/s"),
        Figure("restart: operator's CPU", stage.cpu_seconds(), "s"),
        Figure("restart: writes of Titles", writes, "", at_most=0),
        Figure("restart: operator's peak RSS", stage.memory_mib("VmHWM"), "MiB"),
    ]


async def takedown_meanwhile(stage: ScaleStage, count: int) -> list[Figure]:
    """Restarted once more, and a title that is among the last to be listed is taken down while it settles."""
    await stage.kill()
    await stage.start()
    while (before := (await stage.known("title"))[0]) < count // 10:  # noqa: ASYNC110 - another process
        await asyncio.sleep(PAUSE_SECONDS)
    seconds = await withdrawal(stage, count - 1)
    after = (await stage.known("title"))[0]
    note = f"{before} of {count} Titles known when it was asked, {after} when it was done"
    return [Figure("takedown while it settles: withdrawn", seconds, "s", at_most=TAKEDOWN_SECONDS, note=note)]


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
        async with (
            scale_stage(Path(folder)) as stage,
            Swarm(stage.plane, stage.operator.namespace, stage.operator.redis.url) as swarm,
        ):
            stage.worker_port = swarm.port
            for number in range(count):
                swarm.sizes |= {file_id(title(number), quality): size_bytes(number) for quality in QUALITIES}
            figures = await measured(stage, count)
    return report("operator_titles", figures)


async def measured(stage: ScaleStage, count: int) -> list[Figure]:
    """All figures, in the order of the objects' life."""
    await stage.start()
    stage.operator.declare(MODERATOR, roles=["Stream", "Moderate"])
    await stage.operator.until_shown(MODERATOR, "Active True/Serving")
    published = min(PUBLISHED, count)
    say(f"publishing {published} Titles")
    await stage.create("titles", declared(published))
    figures = await first_sight(stage, published)
    await stage.kill()
    say(f"copying the first {count - published} times")
    others = [dict(zip(words(0), words(one), strict=True)) for one in range(published, count)]
    await TitleCopies(stage, title(0)).make(others)
    say("restarting")
    figures += await restarted(stage, count)
    say("resting")
    figures += await at_rest(stage)
    say("restarting, with a takedown")
    return figures + await takedown_meanwhile(stage, count)


if __name__ == "__main__":
    sys.exit(run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TITLES)))
