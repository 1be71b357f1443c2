"""Figures of the whole chain on a running installation: Telegram -> worker -> edge -> viewer.

Prints a table and writes build/bench/whole_chain.json. The film is purged from the edge before every cold figure. CPU
seconds are the kubelet's (`/stats/summary`), read when it has measured again, so that they hold on any cluster.
"""

import json
import statistics
import sys
import time
from datetime import datetime
from typing import Any

from bench_targets import Figure, report
from installed_edge import CachedFile, InstalledEdge, installed_edge
from sandbox_control import getfile_calls
from site_under_test import Site, eventually

from demo.cluster import kubectl

TITLE, QUALITY = "aurora-drift", "1080p"
SLICE = 8 * 1024 * 1024
MIB = 1024 * 1024
WARM_ROUNDS = 12


def main() -> int:
    """Measure, print, write; returns the exit status."""
    site = Site(patience_seconds=0)
    source = site.source(TITLE, QUALITY)
    with installed_edge() as edge:
        edge.purge(CachedFile.of(source))
        return report("whole_chain", [*cold_first_bytes(site, edge, source), *whole_film(site, edge, source)])


def first_byte_seconds(site: Site, url: str, start: int) -> float:
    """Time from the request to the first byte of a slice."""
    began = time.perf_counter()
    with site.http.stream("GET", url, headers={"Range": f"bytes={start}-{start + MIB - 1}"}) as answer:
        answer.raise_for_status()
        body = answer.iter_raw(1)
        next(body)
        first = time.perf_counter() - began
        for _ in body:
            pass
    return first


def cold_first_bytes(site: Site, edge: InstalledEdge, source: dict[str, Any]) -> list[Figure]:
    """First byte of slices that the edge does not have, then of the same slices from its disk.

    The last one first, so that none was read ahead, and without the first one, which a play grant warms.
    """
    starts = range(SLICE, source["sizeBytes"] - SLICE, SLICE)[::-1]
    cold = [first_byte_seconds(site, source["url"], start) for start in starts]
    eventually(lambda: edge.slices(CachedFile.of(source)) >= len(starts), 30, "the slices are stored")
    warm = [first_byte_seconds(site, source["url"], start) for start in starts]
    return [
        Figure("first byte, cold slice, median", statistics.median(cold) * 1000, "ms", note=f"{len(cold)} slices"),
        Figure("first byte, warm slice, median", statistics.median(warm) * 1000, "ms", note=f"{len(warm)} slices"),
    ]


def whole_film(site: Site, edge: InstalledEdge, source: dict[str, Any]) -> list[Figure]:
    """One whole cold film, then the same film again from the cache; CPU of workers and edge for each."""
    megabytes = source["sizeBytes"] / 1e6
    edge.purge(CachedFile.of(source))
    calls, cpu, began = getfile_calls(), cpu_seconds(), time.perf_counter()
    site.sha256(source["url"])
    cold_seconds = time.perf_counter() - began
    calls = getfile_calls() - calls
    after_cold = cpu_seconds()
    began = time.perf_counter()
    for _ in range(WARM_ROUNDS):
        site.sha256(source["url"])
    warm_seconds = time.perf_counter() - began
    after_warm = cpu_seconds()
    worker = after_cold["worker"] - cpu["worker"]
    serving = after_warm["edge"] - after_cold["edge"]
    return [
        Figure("getFile calls per delivered MiB, cold", calls / (source["sizeBytes"] / MIB), "", note="1.00 is ideal"),
        Figure("whole film, cold", megabytes / cold_seconds, "MB/s", note="one viewer"),
        Figure("whole film, warm", WARM_ROUNDS * megabytes / warm_seconds, "MB/s", note="one viewer, hashing"),
        Figure("worker, cold", megabytes / worker, "MB per CPU-second", note="all workers together"),
        Figure("edge, warm", WARM_ROUNDS * megabytes / serving, "MB per CPU-second", note="nginx and agent"),
    ]


def cpu_seconds() -> dict[str, float]:
    """CPU seconds of the workers and of the edge, measured by the kubelet after this call began."""
    since = time.time()
    node = json.loads(kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    deadline = time.monotonic() + 60
    while True:
        pods = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))["pods"]
        ours = [pod for pod in pods if pod["podRef"]["name"].startswith(("ws-", "edge-"))]
        if ours and all(_measured(container) > since for pod in ours for container in pod["containers"]):
            break
        if time.monotonic() > deadline:
            raise TimeoutError("the kubelet did not measure the pods within 60 s")
        time.sleep(1)
    total = {"worker": 0.0, "edge": 0.0}
    for pod in ours:
        part = "edge" if pod["podRef"]["name"].startswith("edge-") else "worker"
        total[part] += sum(container["cpu"]["usageCoreNanoSeconds"] for container in pod["containers"]) / 1e9
    return total


def _measured(container: dict[str, Any]) -> float:
    return datetime.fromisoformat(container["cpu"]["time"]).timestamp()


if __name__ == "__main__":
    sys.exit(main())
