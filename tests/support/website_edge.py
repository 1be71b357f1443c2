"""Stands in for edge and manager around the website: catalogue, grants, ranges, and faults that a test switches on."""

import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
import website_samples as samples
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from streamvault_common.api import PlayGrant, PlaySource, PlayTrack, Problem, TitleCard, TitleList, TitlePage
from streamvault_common.documents import Quality, asset_id

GONE = "taken-down-title"
HOSTILE = "hostile-title"
LINK_SECONDS = 6 * 3600
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
RANGE_START = re.compile(r"^bytes (\d+)-")


@dataclass
class Faults:
    """What goes wrong at present; a test sets and clears it."""

    api_down: bool = False
    library_empty: bool = False
    takedown_status: int = 410
    blocked_by: str = ""
    play_status: int | None = None
    file_status: dict[Quality, int] = field(default_factory=dict)
    cut_after_bytes: int | None = None
    """The connection of every film breaks after so many bytes of its body."""
    held_bytes: int | None = None
    """Nobody can read a film from here on: it breaks here, and what begins later is answered with 503."""

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


@dataclass
class Journal:
    """What was asked of the stand-in."""

    calls: Counter[str] = field(default_factory=Counter)
    film_starts: list[tuple[Quality, int]] = field(default_factory=list)

    def clear(self) -> None:
        self.calls.clear()
        self.film_starts.clear()


class Library:
    """The sample titles by id, their films by fid, and the link tokens that are accepted."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.journal = Journal()
        self.pages: dict[str, TitlePage] = {sample.id: samples.title_page(sample) for sample in samples.SAMPLES}
        self.unlisted = {HOSTILE: _hostile(self.pages[samples.MOVIES[0].id])}
        self._films: dict[str, Quality] = {}
        self._pictures: dict[str, tuple[samples.Sample, int, str]] = {}
        self._tokens: set[str] = set()
        for sample in samples.SAMPLES:
            for suffix in samples.FORMATS:
                for width in samples.WIDTHS:
                    self._pictures[asset_id(sample.id, f"poster-{width}.{suffix}")] = (sample, width, suffix)

    def page(self, title_id: str) -> TitlePage | None:
        return self.pages.get(title_id) or self.unlisted.get(title_id)

    def listed(self, kind: str | None, words: str) -> list[TitleCard]:
        if self.faults.library_empty:
            return []
        cards = [TitleCard.model_validate(page.model_dump()) for page in self.pages.values()]
        return [
            card for card in cards if (kind is None or card.kind == kind) and words.lower() in card.display_name.lower()
        ]

    def grant(self, page: TitlePage, episode: int | None) -> PlayGrant | None:
        files = page.files if episode is None else next((e.files for e in page.episodes if e.number == episode), ())
        if not files:
            return None
        token = secrets.token_urlsafe(12)
        self._tokens.add(token)
        sources = []
        for file in files:
            fid = samples.fid_of(page.id, file.quality, episode)
            self._films[fid] = file.quality
            sources.append(
                PlaySource(
                    quality=file.quality,
                    url=f"/v/{fid}/1?t={token}",
                    download_url=f"/d/{fid}/1/{page.id}-{file.name}.mp4?t={token}",
                    size_bytes=file.size_bytes,
                    content_type="video/mp4",
                    codecs=file.codecs,
                )
            )
        tracks = tuple(
            PlayTrack(language=language, label=label, url=f"/s/{asset_id(page.id, language)}/{language}.vtt?t={token}")
            for language, (label, _) in samples.SUBTITLES.items()
        )
        return PlayGrant(
            title=page.id,
            episode=episode,
            tier="guest",
            expires_at=int(time.time()) + LINK_SECONDS,
            sources=tuple(sources),
            tracks=tracks,
        )

    def expire_links(self) -> None:
        """Every link handed out so far is refused from now on."""
        self._tokens.clear()

    def accepts(self, token: str | None) -> bool:
        return token in self._tokens

    def film_quality(self, fid: str) -> Quality | None:
        return self._films.get(fid)

    def picture(self, fid: str) -> tuple[bytes, str] | None:
        known = self._pictures.get(fid)
        return None if known is None else (samples.picture_bytes(*known), f"image/{known[2]}")


def _hostile(page: TitlePage) -> TitlePage:
    """A title whose words try to leave the places where they are put."""
    name = "</script><script>window.hacked=1</script>\"'<b>&"
    return page.model_copy(update={"id": HOSTILE, "display_name": name, "plot": f"{name} {'x' * 50}", "color": "red;}"})


class StandIn:
    """Routes of the edge and the manager; everything else goes to the website."""

    def __init__(self, library: Library, website_port: int) -> None:
        self._library = library
        # A connection for each request: on one that is kept, the website's idle limit may meet the next request.
        self._website = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{website_port}",
            timeout=60,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def app(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            await self._website.aclose()

        routes = [
            Route("/api/titles", self.titles),
            Route("/api/titles/{id}", self.title),
            Route("/api/play/{id}", self.play, methods=["POST"]),
            Route("/v/{fid}/{gen:int}", self.film),
            Route("/d/{fid}/{gen:int}/{name}", self.film),
            Route("/s/{fid}/{name}", self.subtitle),
            Route("/i/{fid}", self.picture),
            Route("/{path:path}", self.website, methods=["GET", "POST", "HEAD"]),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def titles(self, request: Request) -> Response:
        self._library.journal.calls["titles"] += 1
        if self._library.faults.api_down:
            return problem(request, 503, "The catalogue is not available")
        query = request.query_params
        cards = self._library.listed(query.get("kind"), query.get("q", ""))
        start, limit = int(query.get("cursor") or 0), int(query.get("limit") or 24)
        following = str(start + limit) if start + limit < len(cards) else None
        answer = TitleList(items=tuple(cards[start : start + limit]), next_cursor=following, total=len(cards))
        return JSONResponse(answer.model_dump(mode="json"))

    async def title(self, request: Request) -> Response:
        title_id = request.path_params["id"]
        self._library.journal.calls[f"title {title_id}"] += 1
        if self._library.faults.api_down:
            return problem(request, 503, "The catalogue is not available")
        if title_id == GONE:
            gone = problem(request, self._library.faults.takedown_status, "Taken down")
            if self._library.faults.blocked_by:
                gone.headers["link"] = f'<{self._library.faults.blocked_by}>; rel="blocked-by"'
            return gone
        page = self._library.page(title_id)
        return problem(request, 404, "Unknown title") if page is None else JSONResponse(page.model_dump(mode="json"))

    async def play(self, request: Request) -> Response:
        self._library.journal.calls["play"] += 1
        status = self._library.faults.play_status
        page = self._library.page(request.path_params["id"])
        if status is not None or page is None:
            return problem(request, status or 404, "No links")
        grant = self._library.grant(page, (await request.json())["episode"])
        return (
            problem(request, 409, "Nothing to play") if grant is None else JSONResponse(grant.model_dump(mode="json"))
        )

    async def film(self, request: Request) -> Response:
        library = self._library
        quality = library.film_quality(request.path_params["fid"])
        if not library.accepts(request.query_params.get("t")):
            return Response(status_code=403)
        if quality is None:
            return Response(status_code=404)
        status = library.faults.file_status.get(quality)
        if status is not None:
            return Response(status_code=status)
        content = samples.film(quality).read_bytes()
        return broken(ranged(request, content, "video/mp4", library.journal, quality), library.faults)

    async def subtitle(self, request: Request) -> Response:
        if not self._library.accepts(request.query_params.get("t")):
            return Response(status_code=403)
        language = request.path_params["name"].removesuffix(".vtt")
        return Response(samples.subtitle(language), media_type="text/vtt")

    async def picture(self, request: Request) -> Response:
        found = self._library.picture(request.path_params["fid"])
        if found is None:
            return Response(status_code=404)
        return Response(found[0], media_type=found[1], headers={"cache-control": "public, max-age=31536000, immutable"})

    async def website(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "accept-encoding"}}
        headers["host"] = request.headers.get("host", "localhost")
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        answer = await self._website.request(request.method, target, headers=headers, content=await request.body())
        dropped = {"content-length", "transfer-encoding", "connection", "content-encoding", "date", "server"}
        response = Response(answer.content, status_code=answer.status_code)
        for name, value in answer.headers.multi_items():
            if name not in dropped:
                response.headers.append(name, value)
        return response


def ranged(request: Request, content: bytes, kind: str, journal: Journal, quality: Quality) -> Response:
    """200, 206 or 416 as RFC 9110 has it, for one range."""
    headers = {"accept-ranges": "bytes"}
    wanted = RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None:
        journal.film_starts.append((quality, 0))
        return Response(content, media_type=kind, headers=headers)
    first = int(wanted[1]) if wanted[1] else len(content) - int(wanted[2])
    last = min(int(wanted[2]) if wanted[1] and wanted[2] else len(content) - 1, len(content) - 1)
    if first > last:
        return Response(status_code=416, headers={"content-range": f"bytes */{len(content)}"})
    journal.film_starts.append((quality, first))
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], status_code=206, media_type=kind, headers=headers)


class CutShort(Response):
    """The head of an answer and the beginning of its body; then the connection is dropped."""

    def __init__(self, answer: Response, kept_bytes: int) -> None:
        super().__init__(bytes(answer.body)[:kept_bytes], answer.status_code)
        self.raw_headers = answer.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})


def broken(answer: Response, faults: Faults) -> Response:
    """What becomes of a film's answer by the faults that are switched on."""
    start = int(RANGE_START.findall(answer.headers.get("content-range", "bytes 0-"))[0])
    limits = [] if faults.cut_after_bytes is None else [faults.cut_after_bytes]
    if faults.held_bytes is not None:
        if start >= faults.held_bytes:
            return Response(status_code=503, headers={"retry-after": "1"})
        limits.append(faults.held_bytes - start)
    kept = min(limits, default=len(answer.body))
    return CutShort(answer, kept) if kept < len(answer.body) else answer


def problem(request: Request, status: int, title: str) -> Response:
    """RFC 9457, with the id of the request that was given."""
    request_id = request.headers.get("x-request-id", "made-by-the-stand-in")
    body = Problem(title=title, status=status, request_id=request_id).model_dump(mode="json")
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


@contextmanager
def serve(library: Library, port: int, website_port: int) -> Iterator[None]:
    """Runs the stand-in in a thread of its own until the block ends."""
    config = uvicorn.Config(
        StandIn(library, website_port).app(), host="127.0.0.1", port=port, log_level="critical", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the stand-in for the edge did not start")
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
