"""Figures of the cache and of the nginx beside it, read when Prometheus asks."""

import logging
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .tombstones import Tombstones

log = logging.getLogger(__name__)
STATUS_SECONDS = 2.0
KEYS_ZONE_FAILURES = "keys-zone-failures"
"""File on the cache's volume in which start-edge counts them."""
_STATUS = re.compile(
    r"Active connections: (?P<active>\d+).*?\n\s*(?P<accepts>\d+) (?P<handled>\d+) (?P<requests>\d+)"
    r".*?Reading: (?P<reading>\d+) Writing: (?P<writing>\d+) Waiting: (?P<waiting>\d+)",
    re.DOTALL,
)


def read_status(url: str) -> dict[str, int] | None:
    """nginx's stub_status by field; None when nginx does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=STATUS_SECONDS) as response:  # noqa: S310 - a setting, loopback
            match = _STATUS.search(response.read().decode())
    except OSError as error:
        log.warning("nginx gives no status", extra={"url": url, "reason": str(error)})
        return None
    return {name: int(value) for name, value in match.groupdict().items()} if match else None


class KeysZoneFailures:
    """How often nginx found no room for a new cache entry since it started, as errors.awk writes it down."""

    def __init__(self, cache_root: Path) -> None:
        self._file = cache_root / KEYS_ZONE_FAILURES
        self._known: int | None = None

    def read(self) -> int | None:
        """The count, or the former one at a moment when a new one is being written; None while nobody counts."""
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            self._known = None
            return None
        if text.endswith("\n"):
            self._known = int(text)
        return self._known


class EdgeCollector(Collector):
    """What nginx, the volume and the tombstones look like at this moment."""

    def __init__(
        self, status_url: str, cache_root: Path, tombstones: Tombstones, keys_zone_failures: KeysZoneFailures
    ) -> None:
        self._status_url = status_url
        self._cache_root = cache_root
        self._keys_zone_failures = keys_zone_failures
        self._tombstones = tombstones

    def describe(self) -> list[Metric]:
        """Nothing ahead of time: registering must not ask nginx."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families; those of nginx are left out while it is down."""
        status = read_status(self._status_url)
        yield _gauge("nginx_up", "1 when nginx answers", float(status is not None))
        if status is not None:
            yield from _nginx(status)
        failures = self._keys_zone_failures.read()
        if failures is not None:
            text = "Cache entries that nginx could not make because a keys zone was full"
            yield CounterMetricFamily("streamvault_edge_keys_zone_failures", text, value=failures)
        volume = os.statvfs(self._cache_root)
        yield _gauge("cache_volume_bytes", "Size of the cache's volume", volume.f_blocks * volume.f_frsize)
        yield _gauge("cache_volume_free_bytes", "Free bytes of the cache's volume", volume.f_bavail * volume.f_frsize)
        yield _gauge("tombstones", "Files that are answered with 410", len(self._tombstones.all()))


class PurgeCounters:
    """What the agent did so far."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.purges = Counter("streamvault_edge_purges", "Purges asked for", registry=registry)
        self.removed = Counter("streamvault_edge_purged_entries", "Cache entries removed by purges", registry=registry)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"streamvault_edge_{name}", text, value=value)


def _nginx(status: dict[str, int]) -> Iterator[Metric]:
    connections = GaugeMetricFamily("streamvault_edge_connections", "Connections by what they do", labels=["state"])
    for state in ("active", "reading", "writing", "waiting"):
        connections.add_metric([state], status[state])
    yield connections
    for name, text in (
        ("accepts", "Connections accepted"),
        ("handled", "Connections handled"),
        ("requests", "Requests"),
    ):
        yield CounterMetricFamily(f"streamvault_edge_nginx_{name}", text, value=status[name])
