"""The first-slice check: a file is published only after its first bytes came through a worker, once per generation."""

import asyncio
from dataclasses import replace

from streamvault_common.keys import COMPONENT_WORKER
from streamvault_operator.deps import Deps
from streamvault_operator.domain.errors import Retry
from streamvault_operator.domain.pods import PodView
from streamvault_operator.domain.reading import judge
from streamvault_operator.domain.title import FIRST_SLICE_BYTES, PlannedFile
from streamvault_operator.io.kube import POD
from streamvault_operator.render.common import selector

NO_WORKER = Retry(5, "Pending", "no worker is ready to read the files")
MAX_WORKERS_ASKED = 3


async def verify(deps: Deps, files: list[PlannedFile]) -> tuple[list[PlannedFile], Retry | None]:
    """Read the start of every file that was not read yet; returns the files, and what is missing if something is."""
    unread = [file for file in files if not file.verified]
    if not unread:
        return files, None
    addresses = await _ready_workers(deps)
    if not addresses:
        return files, NO_WORKER
    answers = await asyncio.gather(*(_read(deps, file, addresses) for file in unread))
    answered = {file.fid: answer for file, answer in zip(unread, answers, strict=True)}
    failures = {fid: answer for fid, answer in answered.items() if isinstance(answer, Retry)}
    heads = {fid: answer for fid, answer in answered.items() if isinstance(answer, str)}
    checked = [
        replace(file, verified=True, head_sha256=heads[file.fid]) if file.fid in heads else file for file in files
    ]
    if not failures:
        return checked, None
    first = next(iter(failures.values()))
    message = f"{len(failures)} of {len(files)} files cannot be read yet; {first.message}"
    return checked, Retry(max(failure.after_seconds for failure in failures.values()), first.reason, message)


async def _ready_workers(deps: Deps) -> list[str]:
    pods = await deps.kube.select(POD, labels=selector(deps.config.instance, COMPONENT_WORKER))
    views = [PodView.of(pod) for pod in pods]
    return [view.ip for view in views if view.ready and view.ip and not view.terminating]


async def _read(deps: Deps, file: PlannedFile, addresses: list[str]) -> Retry | str:
    """SHA-256 of the first bytes when one worker delivered those of exactly this file; else what the last one said."""
    start = int(file.fid, 16) % len(addresses)
    asked = [*addresses[start:], *addresses[:start]][:MAX_WORKERS_ASKED]
    length = min(FIRST_SLICE_BYTES, file.size_bytes)
    answer = NO_WORKER
    for address in asked:
        async with deps.reading:
            reading = await deps.workers.first_bytes(address, file.fid, file.gen, length)
        verdict = judge(file, reading.status, reading.total_bytes, reading.body_bytes, reading.retry_after_seconds)
        if verdict is None:
            return reading.body_sha256
        answer = verdict
    return answer
