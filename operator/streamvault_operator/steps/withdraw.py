"""Withdraw: from now on nobody gets another byte of these files, whatever link or cached slice there is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamvault_operator.domain.doomed import DoomedFile
from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.io.store import StoreUnavailable

from .context import EDGE_MISSING, Context


@dataclass(frozen=True)
class _Told:
    """What one place says: why it is not withdrawn there, and how many slices went."""

    failure: str = ""
    swept: Counts = field(default_factory=Counts)


async def run(ctx: Context) -> Outcome:
    """Block the title in MongoDB, its files in Redis and on every edge, and cut who reads them there.

    No place waits for another one: a viewer whose bytes come from an edge is cut although MongoDB or another edge is
    away. What the resource declares goes first, what only MongoDB knows follows as soon as it answers.
    """
    told, unblocked, others = await asyncio.gather(_everywhere(ctx, ctx.files), _in_mongo(ctx), _others(ctx))
    more, told_more = others
    answers = [*told, _Told(unblocked), *told_more]
    lacking = "; ".join(dict.fromkeys(answer.failure for answer in answers if answer.failure))
    swept = sum((answer.swept for answer in answers), Counts())
    counts = Counts(found=len({file.fid for file in (*ctx.files, *more)}))
    return Unfinished("Unreachable", lacking, counts, swept=swept) if lacking else Done(counts, swept=swept)


async def _others(ctx: Context) -> tuple[Sequence[DoomedFile], Sequence[_Told]]:
    """Withdraw what only the catalogue knows: pictures, subtitles, generations that left the title."""
    try:
        files = [file for file in await ctx.catalogue() if file not in ctx.files]
    except StoreUnavailable as error:
        return (), (_Told(str(error)),)
    return files, await _everywhere(ctx, files)


async def _everywhere(ctx: Context, files: Sequence[DoomedFile]) -> Sequence[_Told]:
    if not files:
        return ()
    missing = () if ctx.every_edge else (_Told(EDGE_MISSING),)
    answers = await asyncio.gather(_in_redis(ctx, files), *(_on_edge(ctx, one, files) for one in ctx.edges))
    return (*answers, *missing)


async def _in_redis(ctx: Context, files: Sequence[DoomedFile]) -> _Told:
    try:
        await ctx.out.reports.block(_fids(files))
    except ReportsUnavailable as error:
        return _Told(str(error))
    return _Told()


async def _in_mongo(ctx: Context) -> str:
    try:
        left = await ctx.out.store.block(ctx.title_id, ctx.uid)
    except StoreUnavailable as error:
        return str(error)
    return f"{left} files are not blocked yet" if left else ""


async def _on_edge(ctx: Context, address: str, files: Sequence[DoomedFile]) -> _Told:
    """Tombstones refuse who asks; a running answer was let in before them and ends when its slices go."""
    agents, fids = ctx.out.agents, _fids(files)
    try:
        # one alone first: an edge that is away costs one timeout then, and not one for each file
        await agents.bury(address, fids[:1])
        await agents.bury(address, fids[1:])
        swept = await agents.purge(address, files)
    except AgentUnavailable as error:
        return _Told(str(error))
    return _Told(swept=Counts(swept.removed + swept.remaining, swept.removed, swept.remaining))


def _fids(files: Sequence[DoomedFile]) -> list[str]:
    return sorted({file.fid for file in files})
