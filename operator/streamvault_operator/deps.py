"""Everything that reconciliations need, made once per process and handed to kopf as its memo."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from streamvault_common.keys import COMPONENT_WORKER, LABEL_COMPONENT

from .config import OperatorConfig, OperatorSettings
from .health import Health
from .io.agents import Agents
from .io.kube import POD, WORKER_SESSION, Kube
from .io.reports import Reports
from .io.requests import Requests
from .io.store import Store
from .io.workers import Workers
from .metrics import Metrics
from .roster import Roster
from .secret_users import SecretUsers


def utc_now() -> datetime:
    """The clock of everything but tests."""
    return datetime.now(UTC)


@dataclass
class Deps:
    """Gateways, configuration, metrics and the clock."""

    config: OperatorConfig
    kube: Kube
    store: Store
    reports: Reports
    workers: Workers
    agents: Agents
    requests: Requests
    version: str = "unknown"
    """Of the operator, for the audit trail."""
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)
    now: Callable[[], datetime] = utc_now
    roster: Roster = field(init=False)
    secret_users: SecretUsers = field(init=False)
    podless_since: dict[str, float] = field(default_factory=dict)
    """Since when (by the clock of `reports`) this process has seen no pod of a session."""
    wake_session: Callable[[str], None] = lambda _: None
    """Makes another session's reconciliation due."""
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    """Bounds the first-slice checks that run at once over all titles."""
    purging: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    """Bounds the takedowns that delete at once; to withdraw, no takedown waits for it."""
    indebted: set[str] = field(default_factory=set)
    """Titles of which removed files may still have to be purged; filled from MongoDB at the start."""

    def __post_init__(self) -> None:
        self.roster = Roster(lambda: self.kube.select(WORKER_SESSION))
        self.secret_users = SecretUsers(lambda: self.kube.select(POD, labels={LABEL_COMPONENT: COMPONENT_WORKER}))

    @classmethod
    async def connect(cls, config: OperatorConfig, settings: OperatorSettings) -> Self:
        """Open the clients; only Kubernetes' configuration is read, nothing is sent yet."""
        metrics, health = Metrics(), Health()
        return cls(
            config=config,
            kube=await Kube.connect(settings.namespace, on_call=metrics.api_call, on_write=health.wrote),
            store=Store.connect(settings.mongodb_uri.get_secret_value(), settings.mongodb_database),
            reports=Reports.connect(settings.redis_url.get_secret_value()),
            workers=Workers.connect(),
            agents=Agents.connect(settings.edge_agent_token.get_secret_value()),
            requests=Requests.connect(settings.redis_url.get_secret_value()),
            version=settings.operator_version,
            metrics=metrics,
            health=health,
        )

    async def close(self) -> None:
        """Close every client."""
        gateways = (self.kube, self.reports, self.workers, self.agents, self.requests)
        await asyncio.gather(*(gateway.close() for gateway in gateways))
        self.store.close()
