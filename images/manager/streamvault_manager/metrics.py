"""What the manager counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters of one manager; each instance has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "streamvault_manager_http_requests",
            "Answered requests",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "streamvault_manager_http_request_seconds",
            "Time to the end of an answer",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.grants = Counter("streamvault_manager_grants", "Play grants made", ("tier",), registry=self.registry)
        self.warmings = Counter(
            "streamvault_manager_warmings",
            "Slices that the edge was asked to hold before a player does",
            ("outcome",),
            registry=self.registry,
        )
        self.store_failures = Counter(
            "streamvault_manager_store_failures", "Requests that a store failed", ("store",), registry=self.registry
        )
        self.bot_online = Gauge(
            "streamvault_manager_bot_online", "1 while the bot is connected", registry=self.registry
        )
        self.bot_starts = Counter(
            "streamvault_manager_bot_starts", "Attempts to connect the bot", ("outcome",), registry=self.registry
        )
        self.reports = Counter(
            "streamvault_manager_reports", "Messages to the Admin Channel", ("outcome",), registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
