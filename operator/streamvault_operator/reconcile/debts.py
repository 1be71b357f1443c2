"""Files that left their title are purged like a small takedown: off every edge, and out of the source channel."""

import hashlib
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from streamvault_common.documents import PurgeDebt
from streamvault_operator.deps import Deps
from streamvault_operator.domain import doomed, takedown
from streamvault_operator.domain.conditions import timestamp
from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.domain.takedown import IN_PROGRESS, Unfinished
from streamvault_operator.io.kube import Manifest
from streamvault_operator.io.store import StoreUnavailable
from streamvault_operator.steps import cache, source
from streamvault_operator.steps.context import Context, Gateways
from streamvault_operator.steps.registry import STEPS

from .audit import Fact, Trail
from .edge_pods import edge_pods
from .moderators import active_moderators

log = logging.getLogger(__name__)

STORE_SECONDS = 15.0
BACKOFF = next(step for step in STEPS if step.name == "source")


async def settle(deps: Deps, title_id: str, current: Manifest | None) -> float | None:
    """Work off what is owed of a title; returns in how many seconds to go on, None when nothing is owed."""
    if title_id not in deps.indebted:
        return None
    try:
        debts = await deps.store.debts(title_id)
        if not debts:
            deps.indebted.discard(title_id)
            return None
        waits = {debt.id: _seconds_until(debt.next_attempt_at, deps.now()) for debt in debts}
        due = [debt for debt in debts if waits[debt.id] <= 0]
        if due:
            await _attempt(deps, title_id, current, due)
            return 0.0
        return min(waits.values())
    except StoreUnavailable as error:
        log.warning("purge of removed files waits", extra={"object": title_id, "error": str(error)})
        return STORE_SECONDS


async def _attempt(deps: Deps, title_id: str, current: Manifest | None, debts: Sequence[PurgeDebt]) -> None:
    context = await _context(deps, title_id, debts)
    outcomes = [await cache.run(context), await source.run(context)]
    lacking = [outcome for outcome in outcomes if isinstance(outcome, Unfinished)]
    now = deps.now()
    if lacking:
        again = now + timedelta(seconds=_wait(lacking, debts))
        why = next((outcome for outcome in lacking if outcome.reason != IN_PROGRESS), lacking[0])
        await deps.store.note_debts(_postponed(debt, why, again) for debt in debts)
        if why.reason != IN_PROGRESS:
            log.warning("purge of removed files waits", extra={"object": title_id, "error": why.message})
        return
    await _record(deps, current, context, debts)
    await deps.store.note_debts(debt.settled(timestamp(now)) for debt in debts)


async def _context(deps: Deps, title_id: str, debts: Sequence[PurgeDebt]) -> Context:
    now = deps.now()
    edges = await edge_pods(deps)
    return Context(
        title_id=title_id,
        uid="",
        audit_id="",
        order=Order("Deleted", "Removed"),
        files=tuple(map(DoomedFile.owed, debts)),
        mirrors={},
        contents=(),
        heads=(),
        edges=edges.addresses,
        every_edge=edges.complete,
        moderators=await active_moderators(deps),
        withdrawn_at=max(datetime.fromisoformat(debt.at) for debt in debts),
        now=now,
        out=Gateways(deps.store, deps.reports, deps.agents, deps.requests),
    )


async def _record(deps: Deps, current: Manifest | None, context: Context, debts: Sequence[PurgeDebt]) -> None:
    """A title that is gone has no object to tell it on; the debts themselves stay as what is known of them."""
    if current is None:
        return
    ids = doomed.ids_hash(doomed.messages(context.files))
    names = ", ".join(sorted({debt.name or debt.fid for debt in debts}))
    trail = Trail(deps, current, doomed.audit_id(current["metadata"]["uid"]), context.order, ids)
    told = f"{names}: purged from every edge and from the source channel"
    key = hashlib.sha256("\0".join(sorted(debt.id for debt in debts)).encode()).hexdigest()[:16]
    await trail.add(Fact("Files", "Verified", told, "FilesPurged", key=key))


def _wait(lacking: Sequence[Unfinished], debts: Sequence[PurgeDebt]) -> float:
    chance = random.random()  # noqa: S311 - spreads load, guards nothing
    attempts = 1 + max(debt.attempts for debt in debts)
    backoff = takedown.backoff_seconds(BACKOFF, attempts, chance)
    return max(backoff if one.after_seconds is None else one.after_seconds for one in lacking)


def _postponed(debt: PurgeDebt, why: Unfinished, until: datetime) -> PurgeDebt:
    hindered = why.reason != IN_PROGRESS
    return debt.model_copy(
        update={
            "attempts": debt.attempts + hindered,
            "next_attempt_at": timestamp(until + timedelta(seconds=1)),
            "last_error": f"{why.reason}: {why.message}" if hindered else "",
        }
    )


def _seconds_until(moment: str, now: datetime) -> float:
    return (datetime.fromisoformat(moment) - now).total_seconds() if moment else 0.0
