"""Cache: no edge holds a slice, an image or a subtitle of the title, also not one that was written late."""

import asyncio
from datetime import timedelta

from streamvault_operator.domain.takedown import IN_PROGRESS, Counts, Done, Outcome, Unfinished
from streamvault_operator.io.agents import AgentUnavailable, Swept

from .context import EDGE_MISSING, Context

LATE_WRITERS = timedelta(seconds=60)
"""A slice that nginx had begun to fetch before the withdrawal may still be stored after a sweep."""


async def run(ctx: Context) -> Outcome:
    """Purge every edge; verified by a sweep that finds nothing a minute or more after the withdrawal."""
    swept, failures = await _sweep(ctx)
    counts = Counts(found=swept.removed + swept.remaining, removed=swept.removed, remaining=swept.remaining)
    if failures:
        return Unfinished("Unreachable", "; ".join(failures), counts)
    if swept.remaining:
        return Unfinished("StillPresent", f"{swept.remaining} slices came back", counts, after_seconds=5)
    to_wait = (ctx.withdrawn_at + LATE_WRITERS - ctx.now).total_seconds()
    if to_wait > 0:
        return Unfinished(IN_PROGRESS, "swept; once more for late writers", counts, after_seconds=to_wait)
    if swept.removed:
        late = LATE_WRITERS.total_seconds()
        return Unfinished(IN_PROGRESS, "slices were found; once more for late writers", counts, after_seconds=late)
    return Done(counts)


async def _sweep(ctx: Context) -> tuple[Swept, list[str]]:
    purges = (ctx.out.agents.purge(one, ctx.files) for one in ctx.edges)
    answers = await asyncio.gather(*purges, return_exceptions=True)
    failures = [str(answer) for answer in answers if isinstance(answer, AgentUnavailable)]
    if not ctx.every_edge:
        failures.append(EDGE_MISSING)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, AgentUnavailable):
            raise answer
    swept = [answer for answer in answers if isinstance(answer, Swept)]
    return Swept(sum(one.removed for one in swept), sum(one.remaining for one in swept)), failures
