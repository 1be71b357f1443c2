"""What a Title declares, written into the catalogue: files with their generations, and the projection of the title."""

from collections.abc import Collection, Sequence

from streamvault_common.documents import PurgeCause, PurgeDebt, StoredFile, TitleDocument
from streamvault_operator.deps import Deps
from streamvault_operator.domain import title as files_of
from streamvault_operator.domain.conditions import timestamp
from streamvault_operator.domain.resources import Title
from streamvault_operator.domain.title import PlannedFile

from .edge_pods import tell_edges


async def plan(deps: Deps, title: Title, stored: dict[str, StoredFile]) -> list[PlannedFile]:
    """The declared files with their generations."""
    planned = files_of.plan_files(title, {})
    if not any(file.renewed for file in planned):
        return planned
    owed = await deps.store.purge_gens(file.fid for file in planned)
    used = {fid: max(file.gen, owed.get(fid, 0)) for fid, file in stored.items()}
    planned = files_of.plan_files(title, {**owed, **used})
    return [files_of.adopt(file, stored.get(file.fid)) for file in planned]


async def put(deps: Deps, title: Title, files: Sequence[PlannedFile], stored: dict[str, StoredFile]) -> None:
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
    renewed = await deps.store.purge_gens(file.fid for file in files if file.renewed)
    blocked = {fid for fid, entry in stored.items() if entry.blocked and (entry.kind != "video" or fid in declared)}
    await _allow_again(deps, {*renewed, *blocked})


async def project(deps: Deps, title: Title, files: Sequence[PlannedFile]) -> bool:
    """Write the entry that the site shows; False when the title was withdrawn meanwhile."""
    state = files_of.projection_state(title, files)
    before = await deps.store.title(title.metadata.name)
    since = before.published_at if before else None
    if state == "Published" and since is None:
        since = timestamp(deps.now())
    document: TitleDocument = files_of.title_document(title, files, state, since)
    return document == before or await deps.store.put_title(document)


async def _allow_again(deps: Deps, fids: Collection[str]) -> None:
    """Serve again what was withdrawn: a file removed once, or everything of a title that had lost its resource."""
    if not fids:
        return
    await deps.store.set_blocked(fids, on=False)
    await deps.reports.unblock(fids)
    await tell_edges(deps, lambda address: deps.agents.unbury(address, fids))


async def _refuse(deps: Deps, fids: Sequence[str]) -> None:
    await deps.reports.block(fids)
    await tell_edges(deps, lambda address: deps.agents.bury(address, fids))


async def _owe(deps: Deps, files: Sequence[StoredFile], reason: PurgeCause) -> None:
    """Note what must be purged; entries of removed files leave the catalogue, replaced ones are written over."""
    at = timestamp(deps.now())
    owed = [PurgeDebt.of(file, reason, at) for file in files]
    deps.indebted.update(debt.title for debt in owed)
    if reason == "Replaced":
        await deps.store.note_debts(owed)
    else:
        await deps.store.retire_files(owed)
