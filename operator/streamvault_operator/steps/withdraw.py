"""Withdraw: from now on nobody gets another byte of these files, whatever link or cached slice there is."""

import asyncio

from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.io.store import StoreUnavailable

from .context import Context


async def run(ctx: Context) -> Outcome:
    """Block the title in MongoDB, its files in Redis and on every edge; every place is tried, then judged."""
    fids = sorted({file.fid for file in ctx.files})
    failures = await asyncio.gather(_in_redis(ctx, fids), _in_mongo(ctx), *_on_edges(ctx, fids))
    counts = Counts(found=len(fids))
    lacking = "; ".join(failure for failure in failures if failure)
    return Unfinished("Unreachable", lacking, counts) if lacking else Done(counts)


async def _in_redis(ctx: Context, fids: list[str]) -> str:
    try:
        await ctx.out.reports.block(fids)
    except ReportsUnavailable as error:
        return str(error)
    return ""


async def _in_mongo(ctx: Context) -> str:
    try:
        left = await ctx.out.store.block(ctx.title_id)
    except StoreUnavailable as error:
        return str(error)
    return f"{left} files are not blocked yet" if left else ""


def _on_edges(ctx: Context, fids: list[str]) -> list[asyncio.Task[str]]:
    async def nowhere() -> str:
        return "no edge agent is running"

    async def on(address: str) -> str:
        try:
            await ctx.out.agents.bury(address, fids)
        except AgentUnavailable as error:
            return str(error)
        return ""

    if ctx.edges is None:
        return [asyncio.create_task(nowhere())]
    return [asyncio.create_task(on(address)) for address in ctx.edges]
