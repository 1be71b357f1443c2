"""Titles that the site shows and no resource declares: somebody took the finalizer off, or was faster than it.

Such a title is withdrawn and keeps its messages: whoever went around the purge may have lost the cluster's database
instead, and declaring the title again puts it back on the air.
"""

import asyncio
import logging
from collections.abc import Sequence

from streamvault_common.documents import TitleDocument
from streamvault_common.keys import API_VERSION, TITLES
from streamvault_operator.deps import Deps
from streamvault_operator.domain import doomed
from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.domain.takedown import Unfinished
from streamvault_operator.io.kube import TITLE, Unavailable
from streamvault_operator.steps import withdraw as step
from streamvault_operator.steps.context import Context, Gateways

from .audit import Trail
from .edge_pods import edge_pods

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
ORDER = Order("Deleted", "NoResource")


async def withdraw(deps: Deps, name: str) -> float | None:
    """Take a title without a resource off the air; returns when to go on (seconds), None when nothing of it is shown.

    Raises StoreUnavailable, and Unavailable when the API server does not serve Titles at all: then none is missing.
    """
    document = await deps.store.title(name)
    if document is None:
        return None
    if TITLES not in await deps.kube.served(API_VERSION):
        raise Unavailable("Titles are not served: their CRD is gone")
    files = await _files(deps, name)
    context = await _context(deps, document, files)
    outcome, _ = await asyncio.gather(step.run(context), step.cut(context))
    if isinstance(outcome, Unfinished):
        log.warning("a title without a resource is not off the air yet", extra={"object": name, "why": outcome.message})
        return RETRY_SECONDS
    stub = {
        "apiVersion": TITLE.api_version,
        "kind": TITLE.kind,
        "metadata": {"name": name, "uid": document.uid or name},
    }
    ids = doomed.ids_hash(doomed.messages(files))
    await Trail(deps, stub, doomed.audit_id(document.uid or name), ORDER, ids).orphaned()
    await deps.store.delete_title(name)
    return None


async def _files(deps: Deps, name: str) -> tuple[DoomedFile, ...]:
    stored = (await deps.store.stored_files(name)).values()
    return doomed.gather(map(DoomedFile.stored, stored), map(DoomedFile.owed, await deps.store.debts(name)))


async def _context(deps: Deps, document: TitleDocument, files: Sequence[DoomedFile]) -> Context:
    edges, now = await edge_pods(deps), deps.now()
    return Context(
        title_id=document.id,
        uid=document.uid,
        audit_id="",
        order=ORDER,
        files=files,
        mirrors={},
        contents=(),
        heads=(),
        edges=edges.addresses,
        every_edge=edges.complete,
        moderators=(),
        withdrawn_at=now,
        now=now,
        out=Gateways(deps.store, deps.reports, deps.agents, deps.requests),
    )
