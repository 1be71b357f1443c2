"""Source: the messages of the title's files, pictures and subtitles are deleted from the source channels."""

from streamvault_operator.domain import doomed
from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.store import StoreUnavailable

from .context import Context
from .messages import delete, held_up_by


async def run(ctx: Context) -> Outcome:
    """Delete what no other title uses.

    A film's message that another title shows as well holds up a takedown, visibly: deleting it would break that title
    and leave its slices. Shared pictures and subtitles, and what a deleted or edited title shared, stay where they are.
    """
    if not ctx.order.delete_source:
        return Done(requested=False)
    wanted = doomed.messages(ctx.files)
    try:
        users = await ctx.out.store.users_of(wanted)
    except StoreUnavailable as error:
        return Unfinished("Unreachable", str(error))
    films = doomed.messages(file for file in ctx.files if file.video)
    alone = {
        channel: kept
        for channel, ids in wanted.items()
        if (kept := [one for one in ids if (channel, one) not in users])
    }
    outcome = held_up_by(ctx.unreadable_files, await delete(ctx, alone))
    shared = sorted(pair for pair in users if pair[1] in films.get(pair[0], ()))
    if isinstance(outcome, Unfinished) or not shared or ctx.order.cause != "TakenDown":
        return outcome
    titles = ", ".join(sorted({users[pair] for pair in shared}))
    message = f"{len(shared)} messages belong to {titles} as well: take that down too, or set other files there"
    return Unfinished("StillPresent", message, outcome.counts + Counts(len(shared), 0, len(shared)))
