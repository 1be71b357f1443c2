"""What handlers get from kopf: one queue per resource."""

from dataclasses import dataclass, field
from typing import Self

from streamvault_operator.health import Health
from streamvault_operator.metrics import Metrics
from streamvault_operator.workqueue import WorkQueue

EDGE_OBJECT = "edge"


@dataclass
class Queues:
    """The queues, and the versions of Titles seen; kopf copies its memo for every object, so a copy is the same one."""

    sessions: WorkQueue
    titles: WorkQueue
    edge: WorkQueue
    health: Health = field(default_factory=Health)
    """Told of every object that the watches tell of."""
    metrics: Metrics = field(default_factory=Metrics)
    seen: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def __copy__(self) -> Self:
        return self

    def all(self) -> tuple[WorkQueue, ...]:
        """Every queue."""
        return self.sessions, self.titles, self.edge

    def is_news(self, title: str, version: tuple[object, ...]) -> bool:
        """Whether this version of a Title was not seen before."""
        if self.seen.get(title) == version:
            return False
        self.seen[title] = version
        return True

    def forget(self, title: str) -> None:
        """A Title is gone."""
        self.seen.pop(title, None)
