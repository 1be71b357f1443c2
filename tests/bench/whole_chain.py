"""The byte path of a running installation, on any cluster: Telegram -> worker -> edge -> viewer, one film of it.

Run: `make bench`, or for an installation of your own `KUBECONFIG=... make bench-installation TITLE=... QUALITY=...
SITE=https://... NAMESPACE=...`. Prints a table, writes build/bench/whole_chain.json, ends with 1 when a target is
missed. Nothing is broken on purpose and nobody else should watch meanwhile; the film is purged from the edge before
every cold figure. Calls and their times are the workers' own metrics, CPU and memory the kubelets'.
"""

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
from bench_targets import Figure, report
from cluster_cpu import Usage, usage
from downloads import download, viewing
from installed_edge import CachedFile, InstalledEdge, installed_edge
from installed_workers import swarm_metrics
from site_under_test import SITE_URL, Site, at_rest, secret_value

from demo.cluster import forwarded
from streamvault_common.keys import COMPONENT_EDGE, COMPONENT_WORKER, HTTP_PORT, MIB, SLICE_BYTES, WORKERS_SERVICE
from streamvault_common.signing import Grant, LinkKeys, Tier, play_scope, sign

LINK_SECONDS = 3600
LEAST_SLICES = 3
REST_SECONDS = 1.0
ALONE = 5
ROUNDS = 3
FAR_MS = 50.0
"""From here on a getFile is waiting rather than work of this machine, and a seek need not cost much more than one."""
HERD, CROWDS = 50, (10, 100)
WARM_BYTES = 4e9
ANSWERS, CALLS, SECONDS, COUNT = (
    f"streamvault_worker_{name}"
    for name in ("responses_total", "getfile_calls_total", "getfile_seconds_sum", "getfile_seconds_count")
)


@dataclass(frozen=True)
class Film:
    """A stored file of the installation, and who reads it."""

    file: CachedFile
    edge: InstalledEdge
    keys: LinkKeys
    viewer: aiohttp.ClientSession

    @property
    def size(self) -> int:
        """In bytes."""
        return self.file.size_bytes

    def url(self, user: str = "bench") -> str:
        """The signed address at the edge, as a viewer has it whom no tier slows down."""
        scope = play_scope(self.file.fid, self.file.gen)
        token = sign(self.keys, Grant(scope, int(time.time()) + LINK_SECONDS, Tier.PREMIUM, user))
        return f"{SITE_URL}{scope}?t={token}"

    def fresh(self) -> None:
        """No slice at the edge, nothing under way."""
        metrics_at_rest()
        self.edge.purge(self.file)


def metrics_at_rest() -> dict[str, float]:
    """The workers' metrics, once nothing was asked of Telegram for a while: these figures need that nobody watches."""
    at_rest(lambda: swarm_metrics()[CALLS], REST_SECONDS, 180, "nobody reads films")
    return swarm_metrics()


async def one_getfile(film: Film) -> float:
    """Milliseconds of one getFile of 1 MiB that a worker was asked for alone."""
    with forwarded(WORKERS_SERVICE, HTTP_PORT) as worker:
        url = f"{worker}/files/{film.file.fid}/{film.file.gen}"
        await download(film.viewer, url, 0, MIB - 1)  # connections are opened, the file's place is found
        before = metrics_at_rest()
        for number in range(ALONE):
            first = (number * 2 + 1) * MIB % (film.size // MIB * MIB)
            await download(film.viewer, url, first, first + MIB - 1)
        after = metrics_at_rest()
    return 1000 * (after[SECONDS] - before[SECONDS]) / (after[COUNT] - before[COUNT])


async def first_bytes(film: Film) -> list[Figure]:
    """First bytes of cold slices at their start and in their middle, then of warm ones; against one getFile."""
    baseline = await one_getfile(film)
    aligned: list[float] = []
    middle: list[float] = []
    warm: list[float] = []
    # The last one first, so that none was read ahead.
    starts = range(0, film.size - SLICE_BYTES, SLICE_BYTES)[::-1]
    for turn in range(ROUNDS):
        film.fresh()
        for number, start in enumerate(starts, turn):
            into = SLICE_BYTES // 2 * (number % 2)
            (middle if into else aligned).append(await first_byte(film, start + into))
            metrics_at_rest()
        warm += [await first_byte(film, start) for start in starts]
    at_start, in_middle = statistics.median(aligned), statistics.median(middle)
    return [
        Figure("one getFile of 1 MiB", baseline, "ms", note=f"the baseline: a worker alone, mean of {ALONE}"),
        Figure("first byte, cold slice", at_start, "ms", note=f"median of {len(aligned)}"),
        Figure("first byte later than one getFile by", at_start - baseline, "ms", at_most=25),
        Figure("first byte in the middle of a cold slice", in_middle, "ms", note=f"median of {len(middle)}"),
        Figure("middle / start", in_middle / at_start, "x", at_most=1.5 if baseline >= FAR_MS else None),
        Figure("first byte, warm slice", statistics.median(warm), "ms", note=f"median of {len(warm)}"),
    ]


async def first_byte(film: Film, at: int) -> float:
    """Milliseconds to a byte of the film."""
    seconds, _ = await download(film.viewer, film.url(), at, at + 99)
    return seconds * 1000


async def cold_film(film: Film) -> list[Figure]:
    """One whole cold film: calls, speed against one piece after another, the workers' CPU."""
    film.fresh()
    before, cpu = swarm_metrics(), usage()[COMPONENT_WORKER]
    began = time.perf_counter()
    await download(film.viewer, film.url())
    seconds = time.perf_counter() - began
    after, cpu_after = metrics_at_rest(), usage()[COMPONENT_WORKER]
    calls = after[CALLS] - before[CALLS]
    one_by_one = calls / (after[SECONDS] - before[SECONDS]) * MIB / 1e6
    megabytes = film.size / 1e6
    per_cpu = megabytes / spent(cpu, cpu_after)
    return [
        Figure("getFile calls per piece of 1 MiB, cold", calls / -(-film.size // MIB), "", at_most=1.02),
        Figure("whole film, cold", megabytes / seconds, "MB/s", note="one viewer"),
        Figure("the same calls one after another", one_by_one, "MB/s", note="for comparison, by their own times"),
        Figure("workers, cold", per_cpu, "MB per CPU-second", note="all workers together"),
    ]


async def herd(film: Film) -> list[Figure]:
    """Many viewers of the cold film, all at its beginning."""
    film.fresh()
    before = metrics_at_rest()
    await asyncio.gather(*(download(film.viewer, film.url(f"bench{n}")) for n in range(HERD)))
    after = metrics_at_rest()
    asked = (after[ANSWERS] - before[ANSWERS]) / -(-film.size // SLICE_BYTES)
    largest = usage()[COMPONENT_WORKER].largest_bytes / MIB
    return [
        Figure(f"origin requests per slice, {HERD} cold viewers", asked, "", at_least=1, at_most=1),
        Figure("memory of the largest worker after them", largest, "MiB", at_most=512),
    ]


async def crowds(film: Film) -> list[Figure]:
    """The edge's CPU for what few and many viewers of the warm film read."""
    await download(film.viewer, film.url())
    figures, costs = [], []
    for viewers in CROWDS:
        before = usage()[COMPONENT_EDGE]
        began = time.perf_counter()
        read = await crowd(film, viewers, max(1, round(WARM_BYTES / film.size / viewers)))
        seconds = time.perf_counter() - began
        used = spent(before, usage()[COMPONENT_EDGE])
        costs.append(used / read)
        named = f"edge, {viewers} viewers of the warm film"
        note = f"{read / 1e6 / seconds:.0f} MB/s"
        figures.append(Figure(named, read / 1e6 / used, "MB per CPU-second", note=note))
    return [*figures, Figure("CPU per GB, highest / lowest of them", max(costs) / min(costs), "x", at_most=1.3)]


async def crowd(film: Film, viewers: int, times: int) -> int:
    """Bytes that this many viewers read, each the whole film some times."""

    async def watch(number: int) -> int:
        return sum([(await download(film.viewer, film.url(f"bench{number}")))[1] for _ in range(times)])

    return sum(await asyncio.gather(*(watch(number) for number in range(viewers))))


def spent(before: Usage, after: Usage) -> float:
    """CPU seconds between two readings."""
    return after.cpu_seconds - before.cpu_seconds


def chosen(title: str, quality: str, episode: int | None) -> dict[str, Any]:
    """The source that was asked for. SystemExit with what is wrong."""
    try:
        sources = Site(patience_seconds=0).grant(title, episode)["sources"]
    except httpx.HTTPStatusError as refused:
        raise SystemExit(
            f"{SITE_URL} gives no {title}: {refused.response.status_code} {refused.response.text}"
        ) from None
    except httpx.TransportError as error:
        raise SystemExit(f"{SITE_URL} does not answer: {error}") from None
    for source in sources:
        if source["quality"] == quality:
            found: dict[str, Any] = source
            return found
    raise SystemExit(f"{title} has no {quality}, but {', '.join(source['quality'] for source in sources)}")


async def measure(title: str, quality: str, episode: int | None) -> list[Figure]:
    """All figures of one film."""
    source = chosen(title, quality, episode)
    keys = LinkKeys.parse(secret_value("streamvault-link-keys", "LINK_KEYS"))
    with installed_edge() as edge:
        async with viewing() as viewer:
            film = Film(CachedFile.of(source), edge, keys, viewer)
            if film.size < LEAST_SLICES * SLICE_BYTES:
                raise SystemExit(f"{title} in {quality} has {film.size} bytes: name a film of {LEAST_SLICES} slices")
            return [figure for part in (cold_film, first_bytes, herd, crowds) for figure in await part(film)]


def main() -> int:
    """Measure, print, write; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", default="aurora-drift", help="name of a published Title of at least three slices")
    parser.add_argument("--quality", default="1080p")
    parser.add_argument("--episode", type=int)
    asked = parser.parse_args()
    return report("whole_chain", asyncio.run(measure(asked.title, asked.quality, asked.episode)))


if __name__ == "__main__":
    sys.exit(main())
