"""Starts the operator: reads the configuration, checks that the CRDs are served, then watches until it is stopped."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import kopf
from pydantic import ValidationError

from streamvault_common import logs
from streamvault_common.keys import API_VERSION, TITLES, WORKER_SESSIONS

from . import server
from .comparing import compare
from .config import InvalidConfig, OperatorSettings, load
from .deps import Deps
from .edge_alarm import watch_edges
from .handlers.memo import EDGE_OBJECT, Queues
from .handlers.watches import register
from .io.agents import AgentUnavailable
from .io.kube import Conflict, Unavailable
from .io.reports import ReportsUnavailable
from .io.store import StoreUnavailable
from .listening import listen
from .lookout import look_out
from .reconcile.edge import reconcile_edge
from .reconcile.session import reconcile_session
from .reconcile.title import reconcile_title
from .settings import kopf_settings
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

TRANSIENT = (Unavailable, Conflict, ReportsUnavailable, StoreUnavailable, AgentUnavailable)
API_SERVER_RETRY_SECONDS = 2.0
DEBTS_RETRY_SECONDS = 10.0


class MissingKinds(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """The cluster does not serve our resources."""


def main() -> int:
    """Run until a signal; returns the exit code."""
    try:
        settings = OperatorSettings()
        logs.setup("operator", settings.log_level)
        quieten_kopf()
        asyncio.run(run(settings))
    except (InvalidConfig, MissingKinds) as error:
        log.error("cannot start: %s", error)
        return 1
    except ValidationError as error:
        missing = ", ".join(str(fault["loc"][0]).upper() for fault in error.errors())
        sys.stderr.write(f"cannot start: missing or wrong environment: {missing}\n")
        return 1
    return 0


def quieten_kopf() -> None:
    """Keep kopf's warnings, without the dump of all its settings that it attaches to each."""
    logging.getLogger("kopf").setLevel(logging.WARNING)

    def without_settings(record: logging.LogRecord) -> bool:
        vars(record).pop("settings", None)
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(without_settings)


async def run(settings: OperatorSettings) -> None:
    """The whole life of the operator in one event loop; its HTTP port answers before the API server does."""
    deps = await Deps.connect(load(settings.streamvault_config), settings)
    queues = Queues(
        sessions=_queue(deps, "workersession", reconcile_session, 16),
        titles=_queue(deps, "title", reconcile_title, 32, reserved=8),
        edge=_queue(deps, "edge", reconcile_edge, 1),
        health=deps.health,
        metrics=deps.metrics,
    )
    watching = asyncio.Event()
    deps.wake_session = queues.sessions.add
    runner = await server.start(settings.port, deps.metrics, deps.health, queues.all(), watching)
    listening = asyncio.create_task(listen(deps, queues.sessions), name="listening")
    try:
        await require_kinds(deps)
        remembering = asyncio.create_task(remember_debts(deps, queues))
        comparing = asyncio.create_task(compare(deps, queues), name="comparing")
        looking_out = asyncio.create_task(look_out(deps.kube, queues), name="lookout")
        watching_edges = asyncio.create_task(watch_edges(deps), name="edge alarm")
        try:
            await watch(queues, settings.namespace, watching)
        finally:
            remembering.cancel()
            comparing.cancel()
            looking_out.cancel()
            watching_edges.cancel()
    finally:
        listening.cancel()
        await runner.cleanup()
        await deps.close()


async def require_kinds(deps: Deps) -> None:
    """Wait for the API server; raises MissingKinds when it does not know WorkerSession or Title."""
    while True:
        try:
            served = await deps.kube.served(API_VERSION)
            break
        except Unavailable as error:
            log.warning("the API server does not answer", extra={"error": str(error)})
            await asyncio.sleep(API_SERVER_RETRY_SECONDS)
    missing = {WORKER_SESSIONS, TITLES} - served
    if missing:
        names = ", ".join(sorted(f"{plural}.streamvault.io" for plural in missing))
        raise MissingKinds(f"the cluster does not serve {names}: install the chart's CRDs (crds.install=true)")


async def remember_debts(deps: Deps, queues: Queues) -> None:
    """Find out, once, of which titles removed files are still to be purged; also of titles that are gone."""
    while True:
        try:
            deps.indebted |= await deps.store.indebted_titles()
            break
        except StoreUnavailable as error:
            log.warning("the purge debts cannot be read yet", extra={"error": str(error)})
            await asyncio.sleep(DEBTS_RETRY_SECONDS)
    for title in sorted(deps.indebted):
        queues.titles.add(title)


async def watch(queues: Queues, namespace: str, watching: asyncio.Event) -> None:
    """Run kopf and the queues until a signal, or until one of them fails; sets `watching` once kopf has started."""
    registry = kopf.OperatorRegistry()
    register(registry)
    stop = asyncio.Event()
    working = [asyncio.create_task(queue.run(), name=f"queue {queue.resource}") for queue in queues.all()]
    for task in working:
        task.add_done_callback(lambda _: stop.set())
    queues.edge.add(EDGE_OBJECT)
    try:
        await kopf.operator(
            registry=registry,
            settings=kopf_settings(),
            memo=queues,
            namespaces=[namespace],
            standalone=True,
            stop_flag=stop,
            ready_flag=watching,
        )
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


def _queue(
    deps: Deps,
    resource: str,
    reconcile: Callable[[Deps, str], Awaitable[float | None]],
    at_once: int,
    *,
    reserved: int = 0,
) -> WorkQueue:
    act = partial(reconcile, deps)
    return WorkQueue(resource, act, deps.metrics, concurrency=at_once, reserved=reserved, transient=TRANSIENT)


if __name__ == "__main__":
    sys.exit(main())
