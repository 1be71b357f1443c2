"""A title that is to vanish, and gateways made of tables, for tests of the steps of a takedown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from titles import CHANNEL, NOW

from streamvault_common.documents import Part
from streamvault_common.requests import MessagesReply, ReplyOutcome, RequestKind
from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.io.agents import AgentUnavailable, Swept
from streamvault_operator.steps.context import Context, Gateways

TAKEDOWN = Order("TakenDown", "CopyrightClaim", "CASE-88", "legal")
DELETION = Order("Deleted", "Deleted")


def doomed(*messages: int, gen: int = 1, video: bool = True, fid: str = "a" * 32) -> DoomedFile:
    """A file of these messages."""
    parts = tuple(Part(channel_id=CHANNEL, message_id=one, size_bytes=1000) for one in messages)
    return DoomedFile(fid, gen, 1000 * len(parts), video, parts)


@dataclass
class Edges:
    """Slices by address; an address that is not here does not answer."""

    slices: dict[str, int] = field(default_factory=dict)
    stubborn: int = 0

    async def purge(self, address: str, files: Sequence[DoomedFile]) -> Swept:
        if address not in self.slices:
            raise AgentUnavailable(f"edge agent at {address}: ClientConnectorError")
        removed, self.slices[address] = self.slices[address] - self.stubborn, self.stubborn
        return Swept(removed, self.stubborn)


@dataclass
class Channels:
    """Sessions that answer from a table of messages; `says` overrides what a session answers."""

    present: dict[int, set[int]] = field(default_factory=dict)
    says: dict[str, MessagesReply] = field(default_factory=dict)
    undeletable: set[int] = field(default_factory=set)
    asked: list[tuple[str, RequestKind, int]] = field(default_factory=list)

    async def ask(self, session: str, kind: RequestKind, channel: int, ids: list[int]) -> MessagesReply:
        assert 0 < len(ids) <= 100
        self.asked.append((session, kind, len(ids)))
        if session in self.says:
            return self.says[session]
        known = self.present.setdefault(channel, set())
        if kind is RequestKind.DELETE_MESSAGES:
            known -= set(ids) - self.undeletable
        return MessagesReply(outcome=ReplyOutcome.DONE, present=tuple(sorted(known & set(ids))))


@dataclass
class Catalogue:
    """Which messages other titles use."""

    users: dict[tuple[int, int], str] = field(default_factory=dict)

    async def users_of(self, messages: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], str]:
        wanted = {(channel, one) for channel, ids in messages.items() for one in ids}
        return {pair: title for pair, title in self.users.items() if pair in wanted}


def context(
    *files: DoomedFile,
    order: Order = TAKEDOWN,
    mirrors: Mapping[int, Sequence[int]] | None = None,
    edges: Sequence[str] | None = ("10.0.0.1",),
    moderators: Sequence[str] = ("four",),
    withdrawn_at: datetime = NOW,
    now: datetime = NOW,
    out: Any = None,
) -> Context:
    """One attempt; `out` maps a gateway's name to what stands in for it; without `edges` one is not running."""
    ways: dict[str, Any] = {"store": Catalogue(), "reports": None, "agents": Edges(), "requests": Channels()}
    return Context(
        title_id="blue-tape",
        uid="u1",
        audit_id="f" * 32,
        order=order,
        files=files or (doomed(1, 2, 3),),
        mirrors=mirrors or {},
        contents=(),
        heads=(),
        edges=edges or (),
        every_edge=edges is not None,
        moderators=moderators,
        withdrawn_at=withdrawn_at,
        now=now,
        out=Gateways(**(ways | (out or {}))),
    )
