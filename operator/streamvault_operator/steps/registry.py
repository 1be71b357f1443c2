"""Every step of a takedown. A part that keeps a copy or a mention of titles adds its purge here, in one line."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamvault_operator.domain.takedown import LONGEST_BACKOFF_SECONDS, Outcome, Stage

from . import cache, database, mirrors, source, withdraw
from .context import Context


@dataclass(frozen=True)
class Step:
    """A step: when it runs, how it shows, and what it does (never raises for what a store or an agent does)."""

    name: str
    stage: Stage
    condition: str
    run: Callable[[Context], Awaitable[Outcome]]
    evidence: str
    longest_backoff_seconds: float = LONGEST_BACKOFF_SECONDS


STEPS = (
    Step("withdraw", Stage.AIR, "Withdrawn", withdraw.run, "{found} files are refused by workers and edges", 30),
    Step("cache", Stage.COPIES, "CachePurged", cache.run, "{removed} slices removed, none is left"),
    Step("source", Stage.COPIES, "SourcePurged", source.run, "{removed} messages deleted, none is left"),
    Step("mirrors", Stage.COPIES, "MirrorsPurged", mirrors.run, "{removed} messages deleted, none is left"),
    Step("database", Stage.RECORDS, "DatabasePurged", database.run, "{removed} documents erased, none is left"),
)
