"""A takedown: run the steps that are due, put on record what they found, and keep it in the status."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from streamvault_operator.deps import Deps
from streamvault_operator.domain import doomed, takedown
from streamvault_operator.domain.doomed import DoomedFile, Order
from streamvault_operator.domain.resources import TakedownStatus, Title
from streamvault_operator.domain.salvage import Salvaged
from streamvault_operator.domain.takedown import Outcome, Stage, Unfinished
from streamvault_operator.domain.title_status import taking_down
from streamvault_operator.io.kube import Manifest
from streamvault_operator.io.store import StoreUnavailable
from streamvault_operator.steps.context import Catalogue, Context, Gateways, nothing_else
from streamvault_operator.steps.registry import STEPS, Step
from streamvault_operator.steps.withdraw import cut

from .audit import Trail
from .edge_pods import edge_pods
from .moderators import active_moderators
from .title_writing import write_status

log = logging.getLogger(__name__)

CACHE = "cache"
"""The step for which slices count that go with the withdrawal."""
BUSY_SECONDS = 2.0
"""When to look again at a purge for which there is no slot: withdrawals of other titles must not wait behind purges."""


class Takedown:
    """One title's takedown; `status` is how far it is, and `current` what the API server holds."""

    def __init__(self, deps: Deps, current: Manifest, doomed_title: Salvaged) -> None:
        self._deps = deps
        self.current = current
        self._salvaged = doomed_title
        self._title: Title = doomed_title.title
        self._order: Order = doomed.order_of(self._title)
        self.status: TakedownStatus = self._title.status.takedown

    @property
    def finished(self) -> bool:
        """Whether every step is verified."""
        return self.status.completed_at is not None

    async def proceed(self) -> float | None:
        """Run what is due; returns in how many seconds something is due again, None when all is verified."""
        now = self._deps.now()
        self.status = takedown.ordered(takedown.begin(self.status, now), STEPS, self._order.cause)
        names = takedown.due(self.status, STEPS, now)
        steps = [step for step in STEPS if step.name in names]
        if steps and all(step.stage is Stage.AIR for step in steps):
            await self._withdraw(steps)
        elif steps:
            if self._deps.purging.locked():
                return BUSY_SECONDS
            async with self._deps.purging:
                await self._run(steps)
        await self._finish()
        await self._write()
        return takedown.seconds_until_due(self.status, STEPS, self._deps.now())

    async def release(self) -> None:
        """Put on record that the resource goes; raises StoreUnavailable."""
        await self._trail(await self._files()).released()

    async def _withdraw(self, steps: Sequence[Step]) -> None:
        """What the resource declares goes off the air at once; MongoDB, and the record, need not answer first."""
        name = self._title.metadata.name
        declared = doomed.gather(doomed.declared_files(self._title))
        context = await self._context(declared, lambda: asyncio.shield(asking))
        asking = asyncio.create_task(self._files(), name=f"{name}/files")
        cutting = asyncio.create_task(cut(context), name=f"{name}/cut")
        try:
            async for step, outcome in self._outcomes(steps, context):
                try:
                    trail, unknown = self._trail(await asking), ""
                except StoreUnavailable as error:
                    trail, unknown = self._trail(declared), str(error)
                else:
                    await self._on_record(trail)
                await self._take_note(trail, step, outcome, unknown)
            self.status = takedown.credit(self.status, CACHE, await cutting)
        finally:
            for task in (asking, cutting):
                task.cancel()
            await asyncio.gather(asking, cutting, return_exceptions=True)

    async def _run(self, steps: Sequence[Step]) -> None:
        try:
            files = await self._files()
        except StoreUnavailable as error:
            trail = self._trail(doomed.declared_files(self._title))
            for step in steps:
                await self._take_note(trail, step, Unfinished("Unreachable", str(error)), str(error))
            return
        trail = self._trail(files)
        await self._on_record(trail)
        async for step, outcome in self._outcomes(steps, await self._context(files)):
            await self._take_note(trail, step, outcome)

    async def _take_note(self, trail: Trail, step: Step, outcome: Outcome, unknown: str = "") -> None:
        """An outcome counts once it is on record: without MongoDB (`unknown` is why) no step is verified."""
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
        before, now = self.status, self._deps.now()
        self.status = takedown.advance(before, step, outcome, now, chance)
        try:
            if unknown:
                raise StoreUnavailable(unknown)
            await trail.attempted(step, takedown.step(self.status, step.name))
        except StoreUnavailable as error:
            if not isinstance(outcome, Unfinished):
                off_record = Unfinished("Unreachable", str(error), outcome.counts)
                self.status = takedown.advance(before, step, off_record, now, chance)
        known = takedown.step(self.status, step.name)
        if known.completed_at and self.status.started_at:
            seconds = (known.completed_at - self.status.started_at).total_seconds()
            self._deps.metrics.takedown_seconds.labels(step.name).observe(seconds)
        await self._write()

    async def _on_record(self, trail: Trail) -> None:
        """The request itself; withdrawing does not wait for MongoDB."""
        if self.status.audit_id:
            return
        try:
            await trail.requested()
        except StoreUnavailable as error:
            log.warning("the request is not on record yet", extra={"object": trail.audit_id, "error": str(error)})
        else:
            self.status = self.status.model_copy(update={"audit_id": trail.audit_id})

    async def _finish(self) -> None:
        done = takedown.complete(self.status, STEPS, self._deps.now())
        if done is self.status:
            return
        await self._trail(await self._files()).completed()
        self.status = done

    async def _outcomes(self, steps: Sequence[Step], context: Context) -> AsyncIterator[tuple[Step, Outcome]]:
        """Run steps side by side; each outcome as soon as it is there."""

        async def one(step: Step) -> tuple[Step, Outcome]:
            return step, await step.run(context)

        running = [asyncio.create_task(one(step), name=f"{context.title_id}/{step.name}") for step in steps]
        try:
            for finished in asyncio.as_completed(running):
                yield await finished
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _context(self, files: Sequence[DoomedFile], catalogue: Catalogue = nothing_else) -> Context:
        deps, now = self._deps, self._deps.now()
        edges = await edge_pods(deps)
        return Context(
            title_id=self._title.metadata.name,
            uid=self._title.metadata.uid,
            audit_id=doomed.audit_id(self._title.metadata.uid),
            order=self._order,
            files=files,
            mirrors=doomed.mirrored(self._title),
            contents=doomed.contents(self._title),
            heads=doomed.heads(self._title.status.files),
            edges=edges.addresses,
            every_edge=edges.complete,
            moderators=await active_moderators(deps),
            withdrawn_at=self.status.withdrawn_at or now,
            now=now,
            out=Gateways(deps.store, deps.reports, deps.agents, deps.requests),
            catalogue=catalogue,
            unreadable_files=self._salvaged.unreadable_files,
            unreadable_mirrors=self._salvaged.unreadable_mirrors,
        )

    async def _files(self) -> tuple[DoomedFile, ...]:
        """Everything that is or was stored of the title; raises StoreUnavailable."""
        name = self._title.metadata.name
        stored = (await self._deps.store.stored_files(name)).values()
        debts = await self._deps.store.debts(name)
        return doomed.gather(
            map(DoomedFile.stored, stored), doomed.declared_files(self._title), map(DoomedFile.owed, debts)
        )

    def _trail(self, files: Sequence[DoomedFile]) -> Trail:
        ids = doomed.ids_hash(doomed.messages(files), doomed.mirrored(self._title))
        return Trail(self._deps, self.current, doomed.audit_id(self._title.metadata.uid), self._order, ids)

    async def _write(self) -> None:
        now: datetime = self._deps.now()
        outcome = taking_down(self._title, self.status, takedown.conditions(self.status, STEPS, now))
        self.current, self._title = await write_status(self._deps, self.current, self._title, outcome)
