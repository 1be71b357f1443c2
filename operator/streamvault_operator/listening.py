"""Looks at what workers report every two seconds: a flood or a dead account need not wait for the next round."""

import asyncio
import logging

from streamvault_common.models import SessionReport, Verdict

from .deps import Deps
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0

Word = tuple[object, ...]


async def listen(deps: Deps, sessions: WorkQueue) -> None:
    """Make a session due whenever its worker says something new; runs until cancelled."""
    heard: dict[str, Word] = {}
    while True:
        deps.health.turned("listening")
        try:
            heard = await _news(deps, sessions, heard)
        except Exception:
            log.exception("cannot look at the reports")
        await asyncio.sleep(PAUSE_SECONDS)


async def _news(deps: Deps, sessions: WorkQueue, heard: dict[str, Word]) -> dict[str, Word]:
    names = deps.roster.names()
    if not names:
        return heard
    board = await deps.reports.board(names[0])
    if board.since is None:
        return heard
    words = {name: word(board.reports.get(name), board.verdicts.get(name)) for name in names}
    for name, said in words.items():
        if name in heard and heard[name] != said:
            sessions.add(name)
    return words


def word(report: SessionReport | None, verdict: Verdict | None) -> Word:
    """What of a report makes a difference: not its time."""
    if report is None:
        return (None, verdict)
    idle = report.in_flight == 0
    return report.state, report.flood_at, report.flood_seconds, report.revision, report.pod_uid, idle, verdict
