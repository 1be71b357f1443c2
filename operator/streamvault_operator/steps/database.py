"""Database: nothing of the title is stored any more but that it was taken down, and by which audit record."""

from streamvault_common.documents import Denial
from streamvault_operator.domain.conditions import timestamp
from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.store import StoreUnavailable

from .context import Context


async def run(ctx: Context) -> Outcome:
    """Note the denial first, then erase, then count what is left."""
    at = timestamp(ctx.now)
    taken_down = ctx.order.cause == "TakenDown"
    try:
        if taken_down:
            await ctx.out.store.deny(
                Denial(id=ctx.audit_id, title=ctx.title_id, contents=tuple(ctx.contents), heads=tuple(ctx.heads), at=at)
            )
        erased, left = await ctx.out.store.erase(ctx.title_id, ctx.uid, ctx.order.cause, at)
    except StoreUnavailable as error:
        return Unfinished("Unreachable", str(error))
    counts = Counts(found=erased + left, removed=erased, remaining=left)
    return Unfinished("StillPresent", f"{left} documents came back", counts) if left else Done(counts)
