"""Where the edges' agents are, and how all of them are told something."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamvault_common.keys import COMPONENT_EDGE
from streamvault_operator.deps import Deps
from streamvault_operator.io.agents import AgentUnavailable
from streamvault_operator.io.kube import POD
from streamvault_operator.render.common import selector
from streamvault_operator.steps.context import EDGE_MISSING


@dataclass(frozen=True)
class EdgePods:
    """Addresses of the edges that run, and whether those are all there should be."""

    addresses: tuple[str, ...] = ()
    complete: bool = True


async def edge_pods(deps: Deps) -> EdgePods:
    """The edge's pods; none, and complete, when no edge is configured."""
    if deps.config.edge is None or deps.config.edge.replicas == 0:
        return EdgePods()
    pods = await deps.kube.select(POD, labels=selector(deps.config.instance, COMPONENT_EDGE))
    running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    addresses = tuple(str(pod["status"]["podIP"]) for pod in running if pod["status"].get("podIP"))
    enough = len(addresses) >= deps.config.edge.replicas and len(addresses) == len(running)
    return EdgePods(addresses, enough)


async def tell_edges(deps: Deps, tell: Callable[[str], Awaitable[None]]) -> None:
    """Do something at every edge, by its address; raises AgentUnavailable, after all that run were told."""
    edges = await edge_pods(deps)
    answers = await asyncio.gather(*map(tell, edges.addresses), return_exceptions=True)
    for answer in answers:
        if answer is not None:
            raise answer
    if not edges.complete:
        raise AgentUnavailable(EDGE_MISSING)
