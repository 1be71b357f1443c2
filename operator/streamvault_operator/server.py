"""The operator's own HTTP port: `/healthz`, `/readyz` and `/metrics`.

kopf's liveness endpoint only says that the event loop turns. Here `/healthz` fails when a queue, a loop or a watch is
wedged, and never because MongoDB, Redis or a worker is away: a restart would not bring those back.
"""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .health import Health
from .metrics import Metrics
from .workqueue import WorkQueue


async def start(
    port: int, metrics: Metrics, health: Health, queues: Sequence[WorkQueue], watching: asyncio.Event
) -> web.AppRunner:
    """Listen on `port` (0 picks a free one); ready once `watching` is set. The caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        faults = health.faults(queues)
        return web.Response(status=503 if faults else 200, text=f"wedged: {', '.join(faults)}" if faults else "ok")

    async def readyz(_: web.Request) -> web.Response:
        ready = watching.is_set()
        return web.Response(status=200 if ready else 503, text="ok" if ready else "waiting for the API server")

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", figures)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 - probes and Prometheus come from outside the pod
    return runner
