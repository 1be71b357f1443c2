"""What Prometheus reads; the registry is an argument, so that tests and several operators never share counters."""

from collections.abc import Callable

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
        self._due = Gauge(
            "streamvault_operator_due_objects", "Objects whose reconciliation is overdue", ["resource"],
            registry=self.registry,
        )  # fmt: skip
        self._queue_age = Gauge(
            "streamvault_operator_queue_age_seconds", "For how long the oldest overdue object has been waiting",
            ["resource"], registry=self.registry,
        )  # fmt: skip
        self._api_calls = Counter(
            "streamvault_operator_api_calls", "Calls of the Kubernetes API by answer; code 0 = no answer",
            ["verb", "resource", "code"], registry=self.registry,
        )  # fmt: skip
        self._api_seconds = Histogram(
            "streamvault_operator_api_call_seconds", "Duration of one call of the Kubernetes API",
            ["verb", "resource"], registry=self.registry,
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

    def watch_queue(self, resource: str, due: Callable[[], float], age_seconds: Callable[[], float]) -> None:
        """A queue whose length and age are asked for whenever Prometheus reads."""
        self._due.labels(resource).set_function(due)
        self._queue_age.labels(resource).set_function(age_seconds)

    def api_call(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count a call of the Kubernetes API."""
        self._api_calls.labels(verb, resource, str(code)).inc()
        self._api_seconds.labels(verb, resource).observe(seconds)

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
