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
from streamvault_operator.domain.takedown import Outcome, Stage, Unfinished
from streamvault_operator.domain.title_status import taking_down
from streamvault_operator.io.kube import Manifest
from streamvault_operator.io.store import StoreUnavailable
from streamvault_operator.steps.context import Context, Gateways
from streamvault_operator.steps.registry import STEPS, Step

from .audit import Trail
from .edge import edge_addresses
from .moderators import active_moderators
from .title_writing import write_status

log = logging.getLogger(__name__)

BUSY_SECONDS = 2.0
"""When to look again at a purge for which there is no slot: withdrawals of other titles must not wait behind purges."""


class Takedown:
    """One title's takedown; `status` is how far it is, and `current` what the API server holds."""

    def __init__(self, deps: Deps, current: Manifest, title: Title) -> None:
        self._deps = deps
        self.current = current
        self._title = title
        self._order: Order = doomed.order_of(title)
        self.status: TakedownStatus = title.status.takedown

    @property
    def finished(self) -> bool:
        """Whether every step is verified."""
        return self.status.completed_at is not None

    async def proceed(self) -> float | None:
        """Run what is due; returns in how many seconds something is due again, None when all is verified."""
        now = self._deps.now()
        self.status = takedown.begin(self.status, now)
        names = takedown.due(self.status, STEPS, now)
        steps = [step for step in STEPS if step.name in names]
        if steps and all(step.stage is Stage.AIR for step in steps):
            await self._run(steps)
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

    async def _run(self, steps: Sequence[Step]) -> None:
        files, unknown = await self._known_files()
        trail = self._trail(files)
        if not unknown:
            await self._on_record(trail)
        context = await self._context(files)
        if unknown and any(step.stage is not Stage.AIR for step in steps):
            outcomes = self._all(steps, Unfinished("Unreachable", unknown))
        else:
            outcomes = self._outcomes(steps, context)
        async for step, outcome in outcomes:
            await self._take_note(trail, step, outcome)

    async def _take_note(self, trail: Trail, step: Step, outcome: Outcome) -> None:
        """An outcome counts once it is on record: without MongoDB no step is verified."""
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
        before, now = self.status, self._deps.now()
        self.status = takedown.advance(before, step, outcome, now, chance)
        try:
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

    async def _all(self, steps: Sequence[Step], outcome: Outcome) -> AsyncIterator[tuple[Step, Outcome]]:
        for step in steps:
            yield step, outcome

    async def _context(self, files: Sequence[DoomedFile]) -> Context:
        deps, now = self._deps, self._deps.now()
        return Context(
            title_id=self._title.metadata.name,
            audit_id=doomed.audit_id(self._title.metadata.uid),
            order=self._order,
            files=files,
            mirrors=doomed.mirrored(self._title),
            contents=doomed.contents(self._title),
            edges=await edge_addresses(deps),
            moderators=await active_moderators(deps),
            withdrawn_at=self.status.withdrawn_at or now,
            now=now,
            out=Gateways(deps.store, deps.reports, deps.agents, deps.requests),
        )

    async def _known_files(self) -> tuple[tuple[DoomedFile, ...], str]:
        """The title's files, and why they are only the declared ones."""
        try:
            return await self._files(), ""
        except StoreUnavailable as error:
            return doomed.gather(doomed.declared_files(self._title)), str(error)

    async def _files(self) -> tuple[DoomedFile, ...]:
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
