"""Deleting messages through the sessions that may, verified by asking for them again."""

from collections.abc import Iterator, Mapping, Sequence

from streamvault_common.requests import MAX_MESSAGES, MessagesReply, ReplyOutcome, RequestKind
from streamvault_operator.domain.takedown import Counts, Done, Outcome, Unfinished
from streamvault_operator.io.reports import ReportsUnavailable

from .context import Context


class Refused(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """No moderator could do it; `outcome` says why and when to ask again."""

    def __init__(self, outcome: Unfinished) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


async def delete(ctx: Context, wanted: Mapping[int, Sequence[int]]) -> Outcome:
    """Delete messages by channel. One that is gone already counts as done; a channel that fails stops no other."""
    if not wanted:
        return Done()
    if not ctx.moderators:
        message = "no active session with the role Moderate"
        return Unfinished("NoModerator", message, Counts(remaining=_count(wanted)))
    counts, hindered = Counts(), []
    for channel, ids in wanted.items():
        for chunk in _chunks(ids):
            try:
                counts += await _delete(ctx, channel, chunk)
            except Refused as refusal:
                hindered.append(refusal.outcome)
                counts += refusal.outcome.counts
    if not hindered:
        return Done(counts)
    worst = next((one for one in hindered if one.reason == "FloodWait"), hindered[0])
    return Unfinished(worst.reason, worst.message, counts, worst.after_seconds)


def held_up_by(unreadable: Sequence[str], outcome: Outcome) -> Outcome:
    """What cannot be read was not deleted: the step waits, visibly, until the object or its schema is put right."""
    if not unreadable or isinstance(outcome, Unfinished):
        return outcome
    message = f"spec.{', spec.'.join(unreadable)}: no message can be read from it"
    return Unfinished("Unreadable", message, outcome.counts)


async def _delete(ctx: Context, channel: int, ids: list[int]) -> Counts:
    present = await _ask(ctx, RequestKind.FIND_MESSAGES, channel, ids, Counts(remaining=len(ids)))
    if not present:
        return Counts()
    before = Counts(found=len(present), remaining=len(present))
    await _ask(ctx, RequestKind.DELETE_MESSAGES, channel, present, before)
    left = await _ask(ctx, RequestKind.FIND_MESSAGES, channel, present, before)
    counts = Counts(found=len(present), removed=len(present) - len(left), remaining=len(left))
    if left:
        raise Refused(Unfinished("StillPresent", f"{len(left)} messages of channel {channel} are still there", counts))
    return counts


async def _ask(ctx: Context, kind: RequestKind, channel: int, ids: list[int], so_far: Counts) -> list[int]:
    """Ask one moderator after the other until one could; returns which ids it says exist."""
    replies: list[MessagesReply] = []
    for session in ctx.moderators:
        try:
            reply = await ctx.out.requests.ask(session, kind, channel, ids)
        except ReportsUnavailable as error:
            raise Refused(Unfinished("Unreachable", str(error), so_far)) from error
        if reply.outcome is ReplyOutcome.DONE:
            return list(reply.present)
        replies.append(reply)
    raise Refused(_hindrance(replies, so_far))


def _hindrance(replies: Sequence[MessagesReply], so_far: Counts) -> Unfinished:
    """Why nobody could: a wait that Telegram ordered goes first, because it ends by itself."""
    waits = [reply.wait_seconds for reply in replies if reply.outcome is ReplyOutcome.FLOODED]
    if waits:
        seconds = min(waits)
        return Unfinished("FloodWait", f"Telegram ordered a wait of {seconds} s", so_far, after_seconds=seconds)
    denied = [reply for reply in replies if reply.outcome is ReplyOutcome.DENIED]
    if denied:
        return Unfinished("PermissionDenied", denied[0].message, so_far)
    return Unfinished("Unreachable", replies[0].message, so_far)


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), MAX_MESSAGES):
        yield list(ids[start : start + MAX_MESSAGES])


def _count(wanted: Mapping[int, Sequence[int]]) -> int:
    return sum(len(ids) for ids in wanted.values())
