"""The watches: an event names an object, and its queue finds out what to do by looking."""

import random
from collections.abc import Mapping
from typing import Any

import kopf

from streamvault_common.keys import (
    COMPONENT_EDGE,
    COMPONENT_WORKER,
    GROUP,
    LABEL_COMPONENT,
    LABEL_SESSION,
    PURGE_FINALIZER,
    TITLES,
    VERSION,
    WORKER_SESSIONS,
)
from streamvault_common.models import TitlePhase, TitleState
from streamvault_operator.domain.settled import settled

from .memo import EDGE_OBJECT, Queues

FIRST_LOOKS_SECONDS = 3600.0
"""Over so long the first looks at titles that owe nothing are spread after a start."""


def register(registry: kopf.OperatorRegistry) -> None:
    """Add every handler; ids are fixed names, as kopf stores some of them in objects."""
    kopf.on.login(registry=registry, id="login")(login)
    kopf.on.event(GROUP, VERSION, WORKER_SESSIONS, registry=registry, id="session")(session_changed)
    kopf.on.event(GROUP, VERSION, TITLES, registry=registry, id="title")(title_changed)
    worker, edge = {LABEL_COMPONENT: COMPONENT_WORKER}, {LABEL_COMPONENT: COMPONENT_EDGE}
    kopf.on.event("", "v1", "pods", labels=worker, registry=registry, id="worker-pod")(worker_pod_changed)
    kopf.on.event("apps", "v1", "statefulsets", labels=edge, registry=registry, id="edge-set")(edge_changed)
    kopf.on.event("", "v1", "services", labels=edge, registry=registry, id="edge-service")(edge_changed)
    kopf.on.event("", "v1", "configmaps", labels=edge, registry=registry, id="edge-settings")(edge_changed)


async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """The pod's service account, else KUBECONFIG."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


async def session_changed(name: str, meta: Mapping[str, Any], memo: Queues, **_: Any) -> None:
    """A WorkerSession changed."""
    memo.health.heard(WORKER_SESSIONS, meta["resourceVersion"])
    memo.sessions.add(name)


async def title_changed(
    name: str,
    meta: Mapping[str, Any],
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    memo: Queues,
    event: Mapping[str, Any],
    **_: Any,
) -> None:
    """A Title changed; writes of its status, mostly the operator's own, are no news. Takedowns are urgent till done."""
    memo.health.heard(TITLES, meta["resourceVersion"])
    if event["type"] == "DELETED":
        memo.forget(name)
        memo.titles.calm(name)
        memo.titles.add(name)
        return
    deleting, first = "deletionTimestamp" in meta, name not in memo.seen
    if deleting or spec.get("state") == TitleState.TAKEN_DOWN:
        if status.get("phase") == TitlePhase.TAKEN_DOWN:
            memo.titles.calm(name)
        else:
            memo.titles.hurry(name)
    # a finalizer that somebody took off changes no generation: it is put on again before it is needed
    unguarded = PURGE_FINALIZER not in meta.get("finalizers", [])
    if not memo.is_news(name, (meta["uid"], meta.get("generation"), deleting)) and not unguarded:
        return
    if first and settled(meta, spec, status):
        memo.metrics.title_phase(name, status["phase"])
        memo.titles.add(name, random.uniform(0, FIRST_LOOKS_SECONDS))  # noqa: S311 - spreads load, guards nothing
    else:
        memo.titles.add(name)


async def worker_pod_changed(labels: Mapping[str, str], memo: Queues, **_: Any) -> None:
    """A worker pod changed."""
    if LABEL_SESSION in labels:
        memo.sessions.add(labels[LABEL_SESSION])


async def edge_changed(memo: Queues, **_: Any) -> None:
    """An object of the edge changed or vanished."""
    memo.edge.add(EDGE_OBJECT)
