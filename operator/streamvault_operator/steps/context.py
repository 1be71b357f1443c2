"""What every step gets: the title, what is to vanish, how far the step is, and the gateways."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.io.agents import Agents
from streamvault_operator.io.reports import Reports
from streamvault_operator.io.requests import Requests
from streamvault_operator.io.store import Store

EDGE_MISSING = "an edge is not running"


@dataclass(frozen=True)
class Gateways:
    """The ways out."""

    store: Store
    reports: Reports
    agents: Agents
    requests: Requests


Catalogue = Callable[[], Awaitable[Sequence[DoomedFile]]]


async def nothing_else() -> Sequence[DoomedFile]:
    """The catalogue was asked already."""
    return ()


@dataclass(frozen=True)
class Context:
    """One attempt of one step."""

    title_id: str
    uid: str
    """Of the resource."""
    audit_id: str
    order: Order
    files: Sequence[DoomedFile]
    mirrors: Mapping[int, Sequence[int]]
    contents: Sequence[str]
    """`content_hash` of every declared file, for the deny list."""
    heads: Sequence[str]
    """`head_id` of every file that was read, for the deny list."""
    edges: Sequence[str]
    """Addresses of the agents that run."""
    every_edge: bool
    """Whether those are all the edges there should be."""
    moderators: Sequence[str]
    """Names of the sessions that may delete messages."""
    withdrawn_at: datetime
    now: datetime
    out: Gateways
    catalogue: Catalogue = nothing_else
    """Files that `files` may lack, because MongoDB was not asked yet; raises StoreUnavailable."""
    unreadable_files: Sequence[str] = ()
    """Places in the resource that name messages and cannot be read."""
    unreadable_mirrors: Sequence[str] = ()
