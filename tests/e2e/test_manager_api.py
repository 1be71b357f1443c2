"""The catalogue API on the real document database: what is listed, what is granted, and what an outage looks like."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from catalogue_samples import film, image_asset, season, stored_files, subtitle_asset
from conditions import until_true
from motor.motor_asyncio import AsyncIOMotorClient
from stores import database, far_end, through
from wire import Wire

from streamvault_common.documents import FILES, TITLES, Quality, StoredFile, TitleDocument, asset_id
from streamvault_common.signing import LinkKeys, Tier, verify
from streamvault_manager.app import Services, create_app
from streamvault_manager.metrics import Metrics
from streamvault_manager.services.catalogue import Catalogue
from streamvault_manager.services.details import DetailsEditor
from streamvault_manager.services.grants import Grants
from streamvault_manager.stores import mongo
from streamvault_manager.stores.mongo import MongoCatalogue

pytestmark = pytest.mark.cluster
TOKEN = "a-token-for-tests-only"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
KEYS = LinkKeys("k1", {"k1": bytes(range(32))})
LINK_SECONDS = 3600
SOON_SECONDS = 25
"""Less than a driver waits by itself for a database that is away."""


@dataclass
class Site:
    """The manager's application over a database of its own, and the way to that database."""

    http: httpx.AsyncClient
    store: MongoCatalogue
    wire: Wire
    collections: Any

    async def add(self, *titles: TitleDocument, **changes: Any) -> None:
        """What the operator does."""
        for title in titles:
            document = title.model_dump(mode="json", by_alias=True)
            await self.collections[TITLES].replace_one({"_id": title.id}, document, upsert=True)
            for file in stored_files(title, **changes):
                await self.keep(file)

    async def keep(self, file: StoredFile) -> None:
        """Store one file's document."""
        document = file.model_dump(mode="json", by_alias=True)
        await self.collections[FILES].replace_one({"_id": file.id}, document, upsert=True)

    async def listed(self, query: str = "") -> list[str]:
        """Ids of one page of the list."""
        answer = await self.http.get(f"/api/titles{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]


@pytest.fixture
async def site(mongodb: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The manager has more patience with its database here than it has in truth: the machine may be busy."""
    monkeypatch.setattr(mongo, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(mongo, "SELECT_SECONDS", 60.0)
    async with running_site(mongodb) as running:
        await running.store.ensure_indexes()
        yield running


@pytest.fixture
async def impatient_site(mongodb: str) -> AsyncIterator[Site]:
    """The manager as it is."""
    async with running_site(mongodb) as running:
        yield running


@asynccontextmanager
async def running_site(mongodb: str) -> AsyncIterator[Site]:
    """The application over an empty database."""
    async with database(mongodb) as name, Wire(*far_end(mongodb)) as wire:
        store = MongoCatalogue(through(mongodb, wire.port), name)
        catalogue = Catalogue(store)
        services = Services(
            catalogue=catalogue,
            grants=Grants(catalogue, store, KEYS, LINK_SECONDS, time.time),
            editor=DetailsEditor(store),
            metrics=Metrics(),
            serving=lambda: True,
            failed=lambda *told: pytest.fail(f"unexpected error: {told}"),
        )
        direct: Any = AsyncIOMotorClient(mongodb)
        transport = httpx.ASGITransport(create_app(services, TOKEN))
        async with httpx.AsyncClient(transport=transport, base_url="http://manager") as http:
            yield Site(http, store, wire, direct[name])
        direct.close()
        await asyncio.to_thread(store.close)  # it says good-bye by the wire, which is in this thread


async def test_only_published_titles_are_listed_newest_first(site: Site) -> None:
    await site.add(
        film("older", published_at="2026-01-01T00:00:00Z"),
        film("newer", published_at="2026-02-01T00:00:00Z"),
        season("night-s1", episodes=1, published_at="2026-01-15T00:00:00Z"),
        film("unlisted", state="Unlisted"),
        film("pending", state="Pending"),
        film("gone", state="TakenDown"),
    )

    assert await site.listed() == ["newer", "night-s1", "older"]
    assert await site.listed("?kind=Season") == ["night-s1"]
    assert (await site.http.get("/api/titles")).json()["total"] == 3


async def test_pages_follow_each_other_without_gaps_although_dates_are_equal_or_missing(site: Site) -> None:
    dates = ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", None]
    await site.add(*(film(f"t{number}", published_at=dates[number % 3]) for number in range(9)))

    seen: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        answer = (
            await site.http.get("/api/titles", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [item["id"] for item in answer["items"]]
        assert answer["total"] == 9
        cursor, pages = answer["nextCursor"], pages + 1

    assert seen == ["t0", "t3", "t6", "t1", "t4", "t7", "t2", "t5", "t8"]
    assert pages == 5


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("drift", ["aurora"]),
        ("DRIFT", ["aurora"]),
        ("ora d", ["aurora"]),
        ("night", ["night-s1"]),
        ("a.*t", []),
        ("(", []),
    ],
)
async def test_search_finds_a_piece_of_a_name_and_takes_every_sign_as_it_is(
    site: Site, words: str, found: list[str]
) -> None:
    await site.add(film("aurora", display_name="Aurora Drift"), season("night-s1", episodes=1, display_name="Signals"))

    answer = await site.http.get("/api/titles", params={"q": words})

    assert [item["id"] for item in answer.json()["items"]] == found


async def test_a_malformed_document_hides_no_other(site: Site) -> None:
    await site.add(film("aurora"))
    await site.collections[TITLES].insert_one({"_id": "broken", "state": "Published", "published_at": "2026"})

    assert await site.listed() == ["aurora"]


async def test_titles_are_counted_by_state(site: Site) -> None:
    assert await site.store.count_by_state() == {}
    await site.add(film("one"), film("two"), film("gone", state="TakenDown"))
    assert await site.store.count_by_state() == {"Published": 2, "TakenDown": 1}


async def test_a_title_page_by_state(site: Site) -> None:
    await site.add(film("aurora"), film("hidden", state="Unlisted"), film("soon", state="Pending"))
    await site.add(film("gone", state="TakenDown", display_name="Do Not Tell"))

    assert (await site.http.get("/api/titles/aurora")).json()["displayName"] == "Aurora"
    assert (await site.http.get("/api/titles/hidden")).status_code == 200
    for unknown in ("soon", "never", "NOT A LABEL", "%00"):
        assert (await site.http.get(f"/api/titles/{unknown}")).status_code == 404
    gone = await site.http.get("/api/titles/gone")
    assert gone.status_code == 410
    assert gone.json()["detail"] == ""
    assert "Do Not Tell" not in gone.text


async def test_a_film_is_granted_with_links_that_the_edge_accepts(site: Site) -> None:
    await site.add(film("aurora", display_name="Aurora Drift"))
    tracks = [subtitle_asset(), subtitle_asset("film.de.vtt", language="de", label="Deutsch")]
    await site.http.put(
        "/api/admin/titles/aurora/details", json={"codecs": {"720p": "avc1"}, "assets": tracks}, headers=ADMIN
    )

    before = int(time.time())
    grant = (await site.http.post("/api/play/aurora")).json()

    assert before + LINK_SECONDS <= grant["expiresAt"] <= time.time() + LINK_SECONDS
    assert [source["quality"] for source in grant["sources"]] == ["2160p", "720p"]
    assert [source["codecs"] for source in grant["sources"]] == [None, "avc1"]
    for source in grant["sources"]:
        path, token = source["url"].split("?t=")
        assert verify(KEYS, path, token, time.time()).tier is Tier.GUEST
        path, token = source["downloadUrl"].split("?t=")
        scope, name = path.rsplit("/", 1)
        verify(KEYS, scope, token, time.time())
        assert unquote(name) == f"Aurora.Drift.2026.{source['quality']}.mp4"
    assert [track["language"] for track in grant["tracks"]] == ["en", "de"]
    path, token = grant["tracks"][1]["url"].split("?t=")
    assert path == f"/s/{asset_id('aurora', 'film.de.vtt')}/de.vtt"
    verify(KEYS, path.rsplit("/", 1)[0], token, time.time())


async def test_a_season_is_granted_by_episode(site: Site) -> None:
    await site.add(season("night-s1", episodes=2), film("aurora"))
    tracks = [subtitle_asset(f"e{number}.vtt", episode=number) for number in (1, 2)]
    await site.http.put("/api/admin/titles/night-s1/details", json={"assets": tracks}, headers=ADMIN)

    grant = (await site.http.post("/api/play/night-s1", json={"episode": 2})).json()

    assert [source["quality"] for source in grant["sources"]] == ["1080p", "720p"]
    assert len(grant["tracks"]) == 1
    assert (await site.http.post("/api/play/night-s1")).status_code == 422
    assert (await site.http.post("/api/play/night-s1", json={"episode": 9})).status_code == 409
    assert (await site.http.post("/api/play/aurora", json={"episode": 1})).status_code == 422


async def test_what_is_withdrawn_is_granted_no_more(site: Site) -> None:
    title = film("aurora", qualities=(Quality.UHD, Quality.HD))
    await site.add(title)
    withdrawn = stored_files(title, blocked=True)
    await site.keep(withdrawn[0])
    grant = (await site.http.post("/api/play/aurora")).json()
    assert [source["quality"] for source in grant["sources"]] == ["720p"]

    await site.keep(withdrawn[1])
    assert (await site.http.post("/api/play/aurora")).status_code == 409

    await site.add(film("aurora", state="TakenDown"))
    assert (await site.http.post("/api/play/aurora")).status_code == 410
    assert (await site.http.post("/api/play/never")).status_code == 404


async def test_details_are_replaced_as_a_whole_and_putting_them_twice_changes_nothing(site: Site) -> None:
    await site.add(film("aurora"))
    first = {"plot": "A light answers.", "assets": [image_asset(), subtitle_asset()]}
    for _ in range(2):
        answer = await site.http.put("/api/admin/titles/aurora/details", json=first, headers=ADMIN)
        assert answer.status_code == 200, answer.text
    files = site.collections[FILES]
    assert await files.count_documents({"title": "aurora", "kind": {"$ne": "video"}}) == 2
    assert (await site.http.get("/api/titles/aurora")).json()["posters"][0]["url"] == (
        f"/i/{asset_id('aurora', 'poster-200.webp')}"
    )
    read_back = (await site.http.get("/api/admin/titles/aurora/details", headers=ADMIN)).json()
    assert read_back["plot"] == "A light answers."
    assert [asset["name"] for asset in read_back["assets"]] == ["poster-200.webp", "film.en.vtt"]

    await site.http.put("/api/admin/titles/aurora/details", json={"assets": [subtitle_asset()]}, headers=ADMIN)

    kept = await files.distinct("name", {"title": "aurora", "kind": {"$ne": "video"}})
    assert sorted(kept) == ["film.en.vtt", "poster-200.webp"], "a takedown has to find the poster's copies"
    assert await files.count_documents({"title": "aurora", "kind": "video"}) == 2
    page = (await site.http.get("/api/titles/aurora")).json()
    assert (page["plot"], page["posters"]) == ("", [])


async def test_details_do_not_bring_back_what_was_withdrawn(site: Site) -> None:
    await site.add(film("aurora"), film("gone", state="TakenDown"))
    details = {"assets": [subtitle_asset()]}
    await site.http.put("/api/admin/titles/aurora/details", json=details, headers=ADMIN)
    await site.collections[FILES].update_one({"_id": asset_id("aurora", "film.en.vtt")}, {"$set": {"blocked": True}})

    await site.http.put("/api/admin/titles/aurora/details", json=details, headers=ADMIN)

    assert (await site.http.post("/api/play/aurora")).json()["tracks"] == []
    assert (await site.http.put("/api/admin/titles/gone/details", json=details, headers=ADMIN)).status_code == 410
    other = {"assets": [subtitle_asset(sizeBytes=9, parts=[{"channelId": -1, "messageId": 1, "sizeBytes": 9}])]}
    refused = await site.http.put("/api/admin/titles/aurora/details", json=other, headers=ADMIN)
    assert refused.status_code == 409
    assert "film.en.vtt" in refused.json()["detail"]


@pytest.mark.parametrize("fault", ["cut", "freeze"])
async def test_an_outage_is_soon_a_503_and_ends_by_itself(impatient_site: Site, fault: str) -> None:
    site = impatient_site

    async def answers() -> bool:
        return (await site.http.get("/api/titles/aurora")).status_code == 200

    await site.add(film("aurora"))
    await until_true(answers)
    if fault == "cut":
        site.wire.cut()
    else:
        site.wire.freeze()

    for path in ("/api/titles", "/api/titles/aurora"):
        async with asyncio.timeout(SOON_SECONDS):
            answer = await site.http.get(path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0

    site.wire.mend()
    await until_true(answers)
