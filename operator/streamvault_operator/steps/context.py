"""What every step gets: the title, what is to vanish, how far the step is, and the gateways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.io.agents import Agents
from streamvault_operator.io.reports import Reports
from streamvault_operator.io.requests import Requests
from streamvault_operator.io.store import Store


@dataclass(frozen=True)
class Gateways:
    """The ways out."""

    store: Store
    reports: Reports
    agents: Agents
    requests: Requests


@dataclass(frozen=True)
class Context:
    """One attempt of one step."""

    title_id: str
    audit_id: str
    order: Order
    files: Sequence[DoomedFile]
    mirrors: Mapping[int, Sequence[int]]
    contents: Sequence[str]
    """`content_hash` of every declared file, for the deny list."""
    edges: Sequence[str] | None
    """Addresses of the agents; None when an edge exists but cannot be reached."""
    moderators: Sequence[str]
    """Names of the sessions that may delete messages."""
    withdrawn_at: datetime
    now: datetime
    out: Gateways
