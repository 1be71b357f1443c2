"""What a worker counts; names follow `streamvault_worker_<what>_<unit>`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one worker in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.getfile_calls = Counter(
            "streamvault_worker_getfile_calls_total", "upload.getFile requests sent.", registry=self.registry
        )
        self.getfile_bytes = Counter(
            "streamvault_worker_getfile_bytes_total", "Bytes that Telegram answered.", registry=self.registry
        )
        self.getfile_seconds = Histogram(
            "streamvault_worker_getfile_seconds",
            "Time of one upload.getFile.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.errors = Counter(
            "streamvault_worker_telegram_errors_total",
            "Telegram requests that went wrong.",
            ["kind"],
            registry=self.registry,
        )
        self.streams = Gauge(
            "streamvault_worker_streams_in_flight", "Reads being answered now.", registry=self.registry
        )
        self.first_byte_seconds = Histogram(
            "streamvault_worker_first_byte_seconds",
            "Time from request to first byte in hand.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.delivered_bytes = Counter(
            "streamvault_worker_delivered_bytes_total", "Body bytes handed to the edge.", registry=self.registry
        )
        self.responses = Counter(
            "streamvault_worker_responses_total", "Answers by status.", ["status"], registry=self.registry
        )
        self.relays = Counter(
            "streamvault_worker_relays_total", "Reads that went on with another worker's bytes.", registry=self.registry
        )
        self.hedges = Counter(
            "streamvault_worker_hedges_total", "Late pieces that another worker was asked for.", registry=self.registry
        )
        self.resets = Counter(
            "streamvault_worker_resets_total", "Answers cut after their status line.", registry=self.registry
        )

    def render(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
