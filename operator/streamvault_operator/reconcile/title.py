"""One Title: its declaration becomes documents, and it is published once every file's first bytes were read."""

import logging
import random
from datetime import timedelta

from pydantic import ValidationError

from streamvault_common.documents import PurgeCause, PurgeDebt, StoredFile, TitleDocument
from streamvault_common.keys import PURGE_FINALIZER
from streamvault_common.models import TitleState
from streamvault_operator.deps import Deps
from streamvault_operator.domain import doomed, title_status
from streamvault_operator.domain import title as files_of
from streamvault_operator.domain.conditions import timestamp
from streamvault_operator.domain.errors import InvalidResource, Retry
from streamvault_operator.domain.resources import Metadata, Title, TitleStatus
from streamvault_operator.domain.title import PlannedFile
from streamvault_operator.domain.title_status import Outcome
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.kube import TITLE, Manifest, NotFound
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.io.store import StoreUnavailable

from . import debts
from .edge import edge_addresses
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
        return await debts.settle(deps, name, None)
    metadata = Metadata.model_validate(current["metadata"])
    if metadata.deleting and PURGE_FINALIZER not in metadata.finalizers:
        return None
    if not metadata.deleting:
        await deps.kube.set_finalizer(TITLE, current, PURGE_FINALIZER, present=True)
    if metadata.deleting or current["spec"].get("state") == TitleState.TAKEN_DOWN:
        return await _take_down(deps, current)
    try:
        title = Title.parse(current)
    except InvalidResource as error:
        await write_invalid(deps, current, str(error))
        return None
    outcome = await _proceed(deps, title)
    await write_status(deps, current, title, outcome)
    owed = await debts.settle(deps, name, current)
    again = RESYNC_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
    if outcome.retry is not None:
        again = outcome.retry.after_seconds
    return again if owed is None else min(again, owed)


async def _take_down(deps: Deps, current: Manifest) -> float | None:
    """Go on with the takedown; then keep a tombstone, or let a deleted object go."""
    title = _readable(current)
    takedown = Takedown(deps, current, title)
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


def _readable(current: Manifest) -> Title:
    """The title; what a stricter schema would refuse of it today must not keep it on the air."""
    try:
        return Title.parse(current)
    except InvalidResource as error:
        log.warning("purging an invalid object", extra={"object": current["metadata"]["name"], "error": str(error)})
    spec = {"kind": "Movie", "displayName": current["metadata"]["name"]}
    for name in ("files", "mirrors", "state", "takedown"):
        kept = {**spec, name: current["spec"].get(name)}
        try:
            Title.parse({"metadata": current["metadata"], "spec": kept})
        except InvalidResource:
            continue
        spec = kept
    try:
        status = TitleStatus.model_validate(current.get("status", {}))
    except ValidationError:
        status = TitleStatus()
    title = Title.parse({"metadata": current["metadata"], "spec": spec})
    return title.model_copy(update={"status": status})


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
        for address in await _edges(deps):
            await deps.agents.unbury(address, fids)
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
    files = await _plan(deps, title, stored)
    if title.status.phase not in files_of.PUBLISHED_PHASES or any(file.renewed for file in files):
        denial = await deps.store.denial(title_id, doomed.contents(title))
        if denial is not None:
            told = (
                f"{denial.title} was taken down (audit {denial.id}): neither its id nor its messages can be used again"
            )
            return title_status.refused(title, told)
    await _put(deps, title, files, stored)
    checked, retry = await verify(deps, files)
    await _project(deps, title, checked)
    entries = [files_of.status_file(file) for file in checked]
    return title_status.waiting(title, entries, retry) if retry else title_status.published(title, entries)


async def _plan(deps: Deps, title: Title, stored: dict[str, StoredFile]) -> list[PlannedFile]:
    planned = files_of.plan_files(title, {})
    if not any(file.renewed for file in planned):
        return planned
    owed = await deps.store.purge_gens(file.fid for file in planned)
    used = {fid: max(file.gen, owed.get(fid, 0)) for fid, file in stored.items()}
    planned = files_of.plan_files(title, {**owed, **used})
    return [files_of.adopt(file, stored.get(file.fid)) for file in planned]


async def _put(deps: Deps, title: Title, files: list[PlannedFile], stored: dict[str, StoredFile]) -> None:
    """Write what changed, and note a purge for generations that are no longer declared."""
    title_id = title.metadata.name
    wanted = [files_of.stored_file(title_id, file) for file in files]
    replaced = [stored[entry.id] for entry in wanted if entry.id in stored and stored[entry.id].gen != entry.gen]
    if replaced:
        await _owe(deps, replaced, "Replaced")
    await deps.store.put_files(entry for entry in wanted if stored.get(entry.id) != entry)
    declared = {entry.id for entry in wanted}
    removed = [entry for fid, entry in stored.items() if entry.kind == "video" and fid not in declared]
    if removed:
        await _refuse(deps, [entry.id for entry in removed])
        await _owe(deps, removed, "Removed")
    await _allow_again(deps, [file.fid for file in files if file.renewed])


async def _allow_again(deps: Deps, fids: list[str]) -> None:
    """A file that was removed once and is declared again must be served again, under its new generation."""
    if not fids or not await deps.store.purge_gens(fids):
        return
    await deps.reports.unblock(fids)
    for address in await _edges(deps):
        await deps.agents.unbury(address, fids)


async def _project(deps: Deps, title: Title, files: list[PlannedFile]) -> None:
    state = files_of.projection_state(title, files)
    before = await deps.store.title(title.metadata.name)
    since = before.published_at if before else None
    if state == "Published" and since is None:
        since = timestamp(deps.now())
    document: TitleDocument = files_of.title_document(title, files, state, since)
    if document != before:
        await deps.store.put_title(document)


async def _refuse(deps: Deps, fids: list[str]) -> None:
    await deps.reports.block(fids)
    for address in await _edges(deps):
        await deps.agents.bury(address, fids)


async def _edges(deps: Deps) -> list[str]:
    addresses = await edge_addresses(deps)
    if addresses is None:
        raise AgentUnavailable("no edge agent is running")
    return addresses


async def _owe(deps: Deps, files: list[StoredFile], reason: PurgeCause) -> None:
    """Note what must be purged; entries of removed files leave the catalogue, replaced ones are written over."""
    at = timestamp(deps.now())
    owed = [PurgeDebt.of(file, reason, at) for file in files]
    deps.indebted.update(debt.title for debt in owed)
    if reason == "Replaced":
        await deps.store.note_debts(owed)
    else:
        await deps.store.retire_files(owed)
