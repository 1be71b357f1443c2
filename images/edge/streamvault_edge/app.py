"""The agent's HTTP interface, for the operator alone."""

from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from streamvault_common.keys import SLICE_BYTES

from . import slices
from .access import BearerToken, problem
from .metrics import EdgeCollector, KeysZoneFailures, PurgeCounters
from .settings import AgentSettings
from .tombstones import Tombstones

FID = r"^[0-9a-f]{32}$"
MAX_FILE_BYTES = 1 << 40
MIN_SLICE_BYTES = 1 << 20

FidPath = Annotated[str, Path(pattern=FID)]
Generation = Annotated[int, Field(ge=1, le=10**12)]
SizeBytes = Annotated[int, Field(ge=1, le=MAX_FILE_BYTES)]
SliceSize = Annotated[int, Field(ge=MIN_SLICE_BYTES, le=MAX_FILE_BYTES)]


class Wire(BaseModel):
    """JSON in camelCase; unknown fields are refused, because a misspelt one would purge the wrong thing."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid"
    )


class PurgeOrder(Wire):
    """Which bytes to forget; `slice_bytes` differs only for slices cached under an older configuration."""

    fid: Annotated[str, Field(pattern=FID)]
    gen: Generation
    size_bytes: SizeBytes
    slice_bytes: SliceSize = SLICE_BYTES


class PurgeResult(Wire):
    """`remaining` = 0 means that this edge holds nothing of it."""

    removed: int
    remaining: int


class SlicesHeld(Wire):
    present: int
    expected: int
    bytes: int


class KeysZone(Wire):
    """`failures` is how often it was full since nginx started; null while nobody counts."""

    failures: int | None


class Tombstone(Wire):
    fid: str
    since: datetime


class TombstoneList(Wire):
    fids: list[str]


def create_app(settings: AgentSettings) -> FastAPI:
    """The agent; raises OSError when the cache's volume cannot be written."""
    tombstones = Tombstones(settings.cache_root / "tombstones")
    tombstones.prepare()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(BearerToken, token=settings.edge_agent_token.get_secret_value())
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    registry = CollectorRegistry()
    failures = KeysZoneFailures(settings.cache_root)
    registry.register(EdgeCollector(settings.nginx_status_url, settings.cache_root, tombstones, failures))
    _observation_routes(app, tombstones, failures, registry)
    _tombstone_routes(app, tombstones)
    _cache_routes(app, settings, PurgeCounters(registry))
    return app


def _observation_routes(
    app: FastAPI, tombstones: Tombstones, failures: KeysZoneFailures, registry: CollectorRegistry
) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", response_model=None)
    def readyz() -> Response | dict[str, str]:
        if tombstones.writable():
            return {"status": "ok"}
        return problem(503, "Not ready", "The tombstone folder cannot be written.")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/keys-zone")
    def keys_zone() -> KeysZone:
        return KeysZone(failures=failures.read())


def _tombstone_routes(app: FastAPI, tombstones: Tombstones) -> None:
    @app.get("/tombstones")
    def tombstone_list() -> TombstoneList:
        return TombstoneList(fids=tombstones.all())

    @app.put("/tombstones/{fid}", status_code=204)
    def raise_tombstone(fid: FidPath) -> None:
        tombstones.raise_(fid)

    @app.get("/tombstones/{fid}")
    def tombstone(fid: FidPath) -> Tombstone:
        since = tombstones.since(fid)
        if since is None:
            raise HTTPException(404, f"{fid} has no tombstone")
        return Tombstone(fid=fid, since=since)

    @app.delete("/tombstones/{fid}", status_code=204)
    def remove_tombstone(fid: FidPath) -> None:
        tombstones.remove(fid)


def _cache_routes(app: FastAPI, settings: AgentSettings, counters: PurgeCounters) -> None:
    @app.post("/purge")
    def purge(order: PurgeOrder) -> PurgeResult:
        film = slices.Film(order.fid, order.gen, order.size_bytes, order.slice_bytes)
        purged = slices.purge(settings.cache_root, film)
        counters.purges.inc()
        counters.removed.inc(purged.removed)
        return PurgeResult(removed=purged.removed, remaining=purged.remaining)

    @app.get("/slices/{fid}")
    def slices_held(
        fid: FidPath,
        gen: Annotated[Generation, Query()],
        size: Annotated[SizeBytes, Query()],
        slice_bytes: Annotated[SliceSize, Query(alias="sliceBytes")] = SLICE_BYTES,
    ) -> SlicesHeld:
        held = slices.presence(settings.cache_root, slices.Film(fid, gen, size, slice_bytes))
        return SlicesHeld(present=held.present, expected=held.expected, bytes=held.bytes)


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _validation_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
    return problem(422, "Invalid request", fields)
