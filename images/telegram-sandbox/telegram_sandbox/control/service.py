"""Control API: endpoints, faults, counters, documents, connections, health and metrics."""

from fastapi import APIRouter, HTTPException, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from telegram_sandbox.backend import Backend
from telegram_sandbox.control.acting import document_view
from telegram_sandbox.control.models import (
    ConnectionView,
    CounterReport,
    CountView,
    DocumentChange,
    DocumentView,
    Endpoints,
    ReferenceExpiry,
)
from telegram_sandbox.faults import ActiveFault, Fault
from telegram_sandbox.listener import Listener
from telegram_sandbox.state.world import find_account


def service_router(backend: Backend, listener: Listener) -> APIRouter:
    """/control/endpoints, /control/public-key, /healthz, /readyz, /metrics."""
    router = APIRouter(tags=["service"])
    registry = CollectorRegistry()
    registry.register(_Metrics(backend, listener))

    @router.get("/control/endpoints")
    async def endpoints() -> Endpoints:
        addresses = {dc_id: backend.address(dc_id) for dc_id in sorted(backend.ports)}
        return Endpoints(
            dcs={dc_id: port for dc_id, (_, port) in addresses.items()},
            dc_map=",".join(f"{dc_id}={host}:{port}" for dc_id, (host, port) in addresses.items()),
            public_key=backend.server_key.public_pem(),
            fingerprint=backend.server_key.fingerprint,
        )

    @router.get("/control/public-key")
    async def public_key() -> Response:
        return Response(backend.server_key.public_pem(), media_type="application/x-pem-file")

    @router.get("/healthz")
    @router.get("/readyz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def counters_router(backend: Backend, listener: Listener) -> APIRouter:
    """/control/counters and /control/connections."""
    router = APIRouter(tags=["counters"])

    @router.get("/control/counters")
    async def counters(account: str | None = None, method: str | None = None) -> CounterReport:
        account_id = None if account is None else find_account(backend.store.accounts, account).id
        items = [
            CountView(account=who, method=name, calls=count.calls, errors=count.errors, bytes=count.bytes)
            for (who, name), count in sorted(backend.counters.snapshot().items())
            if account_id in (None, who) and method in (None, name)
        ]
        return CounterReport(
            calls=sum(one.calls for one in items),
            errors=sum(one.errors for one in items),
            bytes=sum(one.bytes for one in items),
            items=items,
        )

    @router.delete("/control/counters", status_code=204)
    async def reset_counters() -> None:
        backend.counters.reset()

    @router.get("/control/connections")
    async def connections() -> list[ConnectionView]:
        return [ConnectionView(**one.describe()) for one in listener.connections]

    @router.delete("/control/connections")
    async def reset_connections(account: str | None = None) -> int:
        """Reset every connection, or an account's; gives how many."""
        account_id = None if account is None else find_account(backend.store.accounts, account).id
        hit = [one for one in listener.connections if account_id in (None, one.account_id)]
        for connection in hit:
            connection.abort(reset=True)
        return len(hit)

    return router


def faults_router(backend: Backend) -> APIRouter:
    """/control/faults, /control/file-references/expire, /control/documents."""
    router = APIRouter(prefix="/control", tags=["faults"])

    @router.get("/faults")
    async def list_faults() -> list[ActiveFault]:
        return backend.faults.all()

    @router.post("/faults", status_code=201)
    async def order_fault(rule: Fault) -> ActiveFault:
        if rule.account is not None:
            rule.account = find_account(backend.store.accounts, rule.account).id
        return backend.faults.add(rule)

    @router.delete("/faults", status_code=204)
    async def lift_faults() -> None:
        backend.faults.clear()

    @router.delete("/faults/{fault_id}", status_code=204)
    async def lift_fault(fault_id: int) -> None:
        if not backend.faults.remove(fault_id):
            raise HTTPException(404, f"no fault {fault_id}")

    @router.post("/file-references/expire", status_code=204)
    async def expire(order: ReferenceExpiry) -> None:
        account_id = find_account(backend.store.accounts, order.account).id if order.account is not None else 0
        backend.store.documents.expire_references(account_id, order.document or 0)

    @router.get("/documents")
    async def list_documents(name: str | None = Query(default=None)) -> list[DocumentView]:
        return [document_view(one) for one in backend.store.documents.all() if name in (None, one.name)]

    @router.patch("/documents/{document_id}")
    async def move_document(document_id: int, change: DocumentChange) -> DocumentView:
        backend.store.documents.move(document_id, change.dc_id)
        document = backend.store.documents.get(document_id)
        if document is None:
            raise HTTPException(404, f"no document {document_id}")
        return document_view(document)

    return router


class _Metrics:
    """Counters as Prometheus families, made when asked."""

    def __init__(self, backend: Backend, listener: Listener) -> None:
        self._backend = backend
        self._listener = listener

    def collect(self) -> list[Metric]:
        """Called by the registry."""
        labels = ["account", "method"]
        calls = CounterMetricFamily("streamvault_sandbox_calls", "API calls", labels=labels)
        errors = CounterMetricFamily("streamvault_sandbox_errors", "API calls answered by an error", labels=labels)
        moved = CounterMetricFamily("streamvault_sandbox_file_bytes", "File bytes moved", labels=labels)
        for (account_id, method), count in self._backend.counters.snapshot().items():
            names = [str(account_id), method]
            calls.add_metric(names, count.calls)
            errors.add_metric(names, count.errors)
            moved.add_metric(names, count.bytes)
        open_now = GaugeMetricFamily(
            "streamvault_sandbox_connections", "Open client connections", value=len(self._listener.connections)
        )
        return [calls, errors, moved, open_now]
