"""What Prometheus reads; the registry is an argument, so that tests and several operators never share counters."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streamvault_common.models import SessionPhase, TitlePhase


class Metrics:
    """The operator's figures, and the phases that they are counted from."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.reconciles = Counter(
            "streamvault_operator_reconciles", "Reconciliations by outcome", ["resource", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.durations = Histogram(
            "streamvault_operator_reconcile_seconds", "Duration of one reconciliation", ["resource"],
            registry=self.registry,
        )  # fmt: skip
        self.queued = Gauge(
            "streamvault_operator_due_objects", "Objects whose reconciliation is overdue", ["resource"],
            registry=self.registry,
        )  # fmt: skip
        self.status_writes = Counter(
            "streamvault_operator_status_writes", "Status writes", ["resource"], registry=self.registry
        )
        self.takedown_seconds = Histogram(
            "streamvault_operator_takedown_step_seconds", "Time from a takedown's start until a step is verified",
            ["step"], buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400), registry=self.registry,
        )  # fmt: skip
        self._sessions = Gauge(
            "streamvault_operator_sessions_count", "WorkerSessions by phase", ["phase"], registry=self.registry
        )
        self._titles = Gauge("streamvault_operator_titles_count", "Titles by phase", ["phase"], registry=self.registry)
        self._phases: dict[tuple[str, str], str] = {}
        for session_phase in SessionPhase:
            self._sessions.labels(session_phase.value).set(0)
        for title_phase in TitlePhase:
            self._titles.labels(title_phase.value).set(0)

    def session_phase(self, name: str, phase: str | None) -> None:
        """Count a session under its phase; None for one that is gone."""
        self._count(self._sessions, ("session", name), phase)

    def title_phase(self, name: str, phase: str | None) -> None:
        """Count a title under its phase; None for one that is gone."""
        self._count(self._titles, ("title", name), phase)

    def _count(self, gauge: Gauge, key: tuple[str, str], phase: str | None) -> None:
        before = self._phases.pop(key, None)
        if before is not None:
            gauge.labels(before).dec()
        if phase is not None:
            self._phases[key] = phase
            gauge.labels(phase).inc()
