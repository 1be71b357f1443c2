"""One Title: its declaration becomes documents, and it is published once every file's first bytes were read."""

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from streamvault_common.documents import Denial
from streamvault_common.keys import PURGE_FINALIZER
from streamvault_common.models import TitleState
from streamvault_operator.deps import Deps
from streamvault_operator.domain import doomed, title_status
from streamvault_operator.domain import title as files_of
from streamvault_operator.domain.errors import InvalidResource, Retry
from streamvault_operator.domain.resources import Metadata, StatusFile, Title
from streamvault_operator.domain.salvage import salvage
from streamvault_operator.domain.title import PlannedFile
from streamvault_operator.domain.title_status import Outcome
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.kube import TITLE, Conflict, Manifest, NotFound
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.io.store import StoreUnavailable

from . import debts, orphans, title_catalogue
from .edge_pods import tell_edges
from .first_slice import verify
from .invalid import write_invalid
from .takedown import Takedown
from .title_writing import write_status

log = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 5.0
RESYNC_SECONDS = 6 * 3600.0
"""Every title is looked at again now and then, spread evenly: documents that got lost come back."""
TOMBSTONE_DAYS = 365


async def reconcile_title(deps: Deps, name: str) -> float | None:
    """Bring one title to its declared state; returns when to look again (seconds), None when it is gone."""
    current = await deps.kube.find(TITLE, name)
    if current is None:
        deps.metrics.title_phase(name, None)
        return _earliest(await orphans.withdraw(deps, name), await debts.settle(deps, name, None))
    metadata = Metadata.model_validate(current["metadata"])
    taken_down = (current.get("spec") or {}).get("state") == TitleState.TAKEN_DOWN
    if not metadata.deleting:
        await _guard(deps, current, needed=not taken_down)
    if metadata.deleting or taken_down:
        return await _take_down(deps, current)
    try:
        title = Title.parse(current)
    except InvalidResource as error:
        await write_invalid(deps, current, str(error))
        return None
    outcome = await _proceed(deps, title)
    await write_status(deps, current, title, outcome)
    again = RESYNC_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
    if outcome.retry is not None:
        again = outcome.retry.after_seconds
    owed = None if title.spec.suspend else await debts.settle(deps, name, current)
    return _earliest(again, owed)


async def _guard(deps: Deps, current: Manifest, *, needed: bool) -> None:
    """Put the finalizer on; a takedown goes on without, because an invalid object may refuse every change."""
    try:
        await deps.kube.set_finalizer(TITLE, current, PURGE_FINALIZER, present=True)
    except Conflict as error:
        if needed:
            raise
        log.warning("no finalizer yet", extra={"object": current["metadata"]["name"], "error": str(error)})


def _earliest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


async def _take_down(deps: Deps, current: Manifest) -> float | None:
    """Go on with the takedown; then keep a tombstone, or let a deleted object go."""
    salvaged = salvage(current)
    title = salvaged.title
    if PURGE_FINALIZER not in title.metadata.finalizers and title.status.takedown.completed_at is not None:
        return None  # let go already, and held by somebody else's finalizer
    if salvaged.fault:
        log.warning("purging an invalid object", extra={"object": title.metadata.name, "error": salvaged.fault})
    takedown = Takedown(deps, current, salvaged)
    wait = await takedown.proceed()
    if wait is not None:
        return wait
    if title.metadata.deleting:
        await takedown.release()
        await _let_go(deps, title)
        return None
    days = title.spec.takedown.tombstone_days if title.spec.takedown else TOMBSTONE_DAYS
    since = takedown.status.completed_at or deps.now()
    left = (since + timedelta(days=days) - deps.now()).total_seconds()
    if left <= 0:
        log.info("the tombstone has expired", extra={"object": title.metadata.name})
        await deps.kube.delete(TITLE, title.metadata.name, uid=title.metadata.uid)
    return min(max(left, STORE_RETRY_SECONDS), RESYNC_SECONDS)


async def _let_go(deps: Deps, title: Title) -> None:
    """Take the finalizer off. The last traces of a takedown go with its tombstone; those of a deletion keep old links
    dead until the same file is declared again."""
    name = title.metadata.name
    if doomed.order_of(title).cause == "TakenDown":
        await _lift(deps, sorted({file.fid for file in doomed.declared_files(title)}))
    await deps.store.delete_title(name)
    try:
        latest = await deps.kube.get(TITLE, name)
        if latest["metadata"]["uid"] == title.metadata.uid:
            await deps.kube.set_finalizer(TITLE, latest, PURGE_FINALIZER, present=False)
    except NotFound:
        log.debug("already gone", extra={"object": name})
    deps.metrics.title_phase(name, None)


async def _lift(deps: Deps, fids: list[str]) -> None:
    """Tidying up only: nothing is left that could be served."""
    try:
        await deps.reports.unblock(fids)
        await tell_edges(deps, lambda address: deps.agents.unbury(address, fids))
    except (ReportsUnavailable, AgentUnavailable) as error:
        log.info("tombstones stay", extra={"error": str(error)})


async def _proceed(deps: Deps, title: Title) -> Outcome:
    if title.spec.suspend:
        return title_status.unusable(title, "Suspended", "spec.suspend is set: nothing is touched")
    if not title.spec.files:
        return title_status.unusable(title, "Pending", "spec.files is empty and ingest is not built yet")
    try:
        return await _publish(deps, title)
    except StoreUnavailable as error:
        known = title.status.files
        return title_status.waiting(title, known, Retry(STORE_RETRY_SECONDS, "Pending", str(error)))


async def _publish(deps: Deps, title: Title) -> Outcome:
    title_id = title.metadata.name
    stored = await deps.store.stored_files(title_id)
    files = await title_catalogue.plan(deps, title, stored)
    if title.status.phase not in files_of.PUBLISHED_PHASES or not all(file.verified for file in files):
        denial = await deps.store.denial(title_id, doomed.contents(title), doomed.heads(_entries(files)))
        if denial is not None:
            return title_status.refused(title, title.status.files, _told(denial))
    await title_catalogue.put(deps, title, files, stored)
    read, retry = await verify(deps, files)
    checked, denial = await _without_denied(deps, title_id, files, read)
    if not await title_catalogue.project(deps, title, checked):
        retry = Retry(STORE_RETRY_SECONDS, "Pending", "the title is being withdrawn")
    if denial is not None:
        return title_status.refused(title, _entries(checked), _told(denial))
    entries = _entries(checked)
    return title_status.waiting(title, entries, retry) if retry else title_status.published(title, entries)


def _entries(files: Iterable[PlannedFile]) -> list[StatusFile]:
    return [files_of.status_file(file) for file in files]


def _told(denial: Denial) -> str:
    taken = f"{denial.title} was taken down (audit {denial.id})"
    return f"{taken}: neither its id nor its messages nor the same bytes can be used again"


async def _without_denied(
    deps: Deps, title_id: str, before: Sequence[PlannedFile], read: Sequence[PlannedFile]
) -> tuple[list[PlannedFile], Denial | None]:
    """The files but for the check of those that hold bytes which were taken down, and the denial if there are any.

    Only reading a file tells: the same bytes may have been stored again as other messages.
    """
    checked, found = list(read), None
    for place, (old, file) in enumerate(zip(before, read, strict=True)):
        if file.verified and not old.verified:
            denial = await deps.store.denial(title_id, (), doomed.heads(_entries([file])))
            if denial is not None:
                await deps.store.set_blocked([file.fid], on=True)
                checked[place], found = replace(file, verified=False), denial
    return checked, found
