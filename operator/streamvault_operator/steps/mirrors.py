"""Mirrors: the copies of the messages in further channels are deleted."""

from streamvault_operator.domain.takedown import Done, Outcome

from .context import Context
from .messages import delete, held_up_by


async def run(ctx: Context) -> Outcome:
    """Delete every mirror's messages."""
    if not ctx.order.delete_mirrors:
        return Done(requested=False)
    return held_up_by(ctx.unreadable_mirrors, await delete(ctx, ctx.mirrors))
