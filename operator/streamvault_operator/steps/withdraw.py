"""Withdraw: from now on nobody gets another byte of these files, whatever link or cached slice there is."""

import asyncio
from collections.abc import Sequence

from streamvault_operator.domain.doomed import DoomedFile
from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.io.store import StoreUnavailable

from .context import EDGE_MISSING, Context


async def run(ctx: Context) -> Outcome:
    """Block the title in MongoDB and its files in Redis and on every edge; every place is told at once, then judged.

    What the resource declares goes first, what only MongoDB knows follows as soon as it answers.
    """
    told, unblocked, (more, told_more) = await asyncio.gather(_tell(ctx, ctx.files), _in_mongo(ctx), _tell_others(ctx))
    missing = "" if ctx.every_edge else EDGE_MISSING
    failures = dict.fromkeys(failure for failure in (*told, missing, unblocked, *told_more) if failure)
    counts = Counts(found=len({file.fid for file in (*ctx.files, *more)}))
    return Unfinished("Unreachable", "; ".join(failures), counts) if failures else Done(counts)


async def cut(ctx: Context) -> Counts:
    """Cut who reads from an edge's slices, on every edge that answers; returns what went.

    A tombstone refuses who asks. An answer under way was let in before it and ends only when its slices go, so this
    waits for no other place: not for MongoDB, nor for an edge that is away. The cache step does it again and verifies.
    """
    swept = await asyncio.gather(*(_sweep(ctx, address, ctx.files) for address in ctx.edges), _sweep_others(ctx))
    return sum(swept, Counts())


async def _tell(ctx: Context, files: Sequence[DoomedFile]) -> Sequence[str]:
    """Why these files are not withdrawn yet, by place."""
    fids = _fids(files)
    return await asyncio.gather(_in_redis(ctx, fids), *(_on_edge(ctx, address, fids) for address in ctx.edges))


async def _tell_others(ctx: Context) -> tuple[Sequence[DoomedFile], Sequence[str]]:
    try:
        files = await _others(ctx)
    except StoreUnavailable as error:
        return (), (str(error),)
    return files, await _tell(ctx, files)


async def _others(ctx: Context) -> Sequence[DoomedFile]:
    """What only the catalogue knows: pictures, subtitles, generations that left the title; raises StoreUnavailable."""
    return [file for file in await ctx.catalogue() if file not in ctx.files]


async def _in_redis(ctx: Context, fids: list[str]) -> str:
    try:
        await ctx.out.reports.block(fids)
    except ReportsUnavailable as error:
        return str(error)
    return ""


async def _in_mongo(ctx: Context) -> str:
    try:
        left = await ctx.out.store.block(ctx.title_id, ctx.uid)
    except StoreUnavailable as error:
        return str(error)
    return f"{left} files are not blocked yet" if left else ""


async def _on_edge(ctx: Context, address: str, fids: list[str]) -> str:
    try:
        # one alone first: an edge that is away costs one timeout then, and not one for each file
        await ctx.out.agents.bury(address, fids[:1])
        await ctx.out.agents.bury(address, fids[1:])
    except AgentUnavailable as error:
        return str(error)
    return ""


async def _sweep(ctx: Context, address: str, files: Sequence[DoomedFile]) -> Counts:
    """Tombstones first, else a slice is fetched again by the next request; what fails is told by `run`."""
    try:
        if not files or await _on_edge(ctx, address, _fids(files)):
            return Counts()
        swept = await ctx.out.agents.purge(address, files)
    except AgentUnavailable:
        return Counts()
    return Counts(swept.removed + swept.remaining, swept.removed, swept.remaining)


async def _sweep_others(ctx: Context) -> Counts:
    try:
        files = await _others(ctx)
    except StoreUnavailable:
        return Counts()
    return sum(await asyncio.gather(*(_sweep(ctx, address, files) for address in ctx.edges)), Counts())


def _fids(files: Sequence[DoomedFile]) -> list[str]:
    return sorted({file.fid for file in files})
