"""The catalogue in MongoDB: titles and files as the operator projects them, details as the admin API writes them."""

import logging
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import ValidationError
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.errors import ConfigurationError, PyMongoError

from streamvault_common.documents import (
    DETAILS,
    FILES,
    TITLES,
    DetailsDocument,
    StoredFile,
    TitleDocument,
    TitleKind,
)
from streamvault_common.settings import InvalidSetting

from .errors import StoreUnavailable

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
SELECT_SECONDS = 1.5

_INDEXES = {
    TITLES: [
        IndexModel([("state", ASCENDING), ("published_at", DESCENDING), ("_id", ASCENDING)], name="newest"),
        IndexModel([("state", ASCENDING), ("kind", ASCENDING)], name="kind"),
    ],
    FILES: [IndexModel([("title", ASCENDING), ("kind", ASCENDING)], name="title")],
}


@dataclass(frozen=True)
class Position:
    """Place of a title in the newest-first order."""

    published_at: str | None
    title_id: str


@dataclass(frozen=True)
class TitleQuery:
    """Which Published titles to list; `text` is looked for in names, without regard to case."""

    kind: TitleKind | None = None
    text: str = ""
    after: Position | None = None
    limit: int = 24


class MongoCatalogue:
    """Reads and writes the catalogue; every method raises StoreUnavailable within about ANSWER_SECONDS."""

    def __init__(self, uri: str, database: str) -> None:
        if not uri.startswith(("mongodb://", "mongodb+srv://")):
            raise InvalidSetting("MONGODB_URI must begin with mongodb:// or mongodb+srv://")
        try:
            self._client: Any = AsyncIOMotorClient(
                uri,
                appname="streamvault-manager",
                timeoutMS=int(ANSWER_SECONDS * 1000),
                serverSelectionTimeoutMS=int(SELECT_SECONDS * 1000),
                connectTimeoutMS=int(SELECT_SECONDS * 1000),
            )
        except (ConfigurationError, ValueError) as error:
            raise InvalidSetting(f"MONGODB_URI is not a MongoDB connection string ({type(error).__name__})") from None
        self._titles = self._client[database][TITLES]
        self._files = self._client[database][FILES]
        self._details = self._client[database][DETAILS]

    def close(self) -> None:
        """Drop every connection."""
        self._client.close()

    async def ping(self) -> None:
        """Return when the server answers."""
        async with _answering():
            await self._client.admin.command("ping")

    async def ensure_indexes(self) -> None:
        """Create what the queries below need; harmless when it exists."""
        collections = {TITLES: self._titles, FILES: self._files}
        async with _answering():
            for name, indexes in _INDEXES.items():
                await collections[name].create_indexes(indexes)

    async def published(self, query: TitleQuery) -> tuple[list[TitleDocument], int]:
        """At most `query.limit` titles from `query.after` on, newest first, and the number of all that match."""
        matching = _filter(query)
        page = matching if query.after is None else {"$and": [matching, _after(query.after)]}
        order = [("published_at", DESCENDING), ("_id", ASCENDING)]
        async with _answering():
            found = await self._titles.find(page).sort(order).limit(query.limit).to_list(query.limit)
            total = await self._titles.count_documents(matching)
        return list(_readable_titles(found)), int(total)

    async def title(self, title_id: str) -> TitleDocument | None:
        """One title in any state."""
        async with _answering():
            found = await self._titles.find_one({"_id": title_id})
        return None if found is None else TitleDocument.model_validate(found)

    async def details(self, title_ids: Sequence[str]) -> dict[str, DetailsDocument]:
        """Metadata by title id, of those that have any."""
        async with _answering():
            found = await self._details.find({"_id": {"$in": list(title_ids)}}).to_list(None)
        return {item["_id"]: DetailsDocument.model_validate(item) for item in found}

    async def files(self, title_id: str) -> dict[str, StoredFile]:
        """Stored files of a title by fid: videos and assets, withdrawn ones too."""
        async with _answering():
            found = await self._files.find({"title": title_id}).to_list(None)
        return {item["_id"]: StoredFile.model_validate(item) for item in found}

    async def replace_details(self, details: DetailsDocument, assets: Sequence[StoredFile]) -> None:
        """Store a title's metadata and its images and subtitles; a withdrawn one stays withdrawn.

        One that the metadata names no longer stays known: its copies are still in the channel and on the edges, and a
        takedown has to find them.
        """
        document = details.model_dump(mode="json", by_alias=True)
        async with _answering():
            if assets:
                await self._files.bulk_write([_upsert(asset) for asset in assets], ordered=False)
            await self._details.replace_one({"_id": details.id}, document, upsert=True)

    async def count_by_state(self) -> dict[str, int]:
        """Number of titles by state."""
        async with _answering():
            groups = await self._titles.aggregate([{"$group": {"_id": "$state", "count": {"$sum": 1}}}]).to_list(None)
        return {str(group["_id"]): int(group["count"]) for group in groups}


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except PyMongoError as error:
        raise StoreUnavailable("mongodb", error) from error


def _filter(query: TitleQuery) -> dict[str, Any]:
    matching: dict[str, Any] = {"state": "Published"}
    if query.kind is not None:
        matching["kind"] = query.kind.value
    if query.text:
        pattern = {"$regex": re.escape(query.text), "$options": "i"}
        matching["$or"] = [{"display_name": pattern}, {"series.name": pattern}]
    return matching


def _after(position: Position) -> dict[str, Any]:
    same = {"published_at": position.published_at, "_id": {"$gt": position.title_id}}
    if position.published_at is None:
        return same
    return {"$or": [{"published_at": {"$lt": position.published_at}}, same, {"published_at": None}]}


def _upsert(asset: StoredFile) -> UpdateOne:
    document = asset.model_dump(mode="json", by_alias=True, exclude={"blocked"})
    fid = document.pop("_id")
    return UpdateOne({"_id": fid}, {"$set": document, "$setOnInsert": {"blocked": False}}, upsert=True)


def _readable_titles(found: Iterable[dict[str, Any]]) -> Iterable[TitleDocument]:
    for item in found:
        try:
            yield TitleDocument.model_validate(item)
        except ValidationError as error:
            log.error(
                "title left out of the list: its document is malformed", extra={"title": item["_id"], "why": str(error)}
            )
