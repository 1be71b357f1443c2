"""MongoDB: the documents that the operator owns. Every write can be repeated."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import ReplaceOne
from pymongo.errors import DuplicateKeyError, PyMongoError

from streamvault_common.documents import (
    AUDIT,
    DENIALS,
    DETAILS,
    FILES,
    PURGES,
    TITLES,
    AuditRecord,
    Denial,
    Document,
    PurgeCause,
    PurgeDebt,
    StoredFile,
    TitleDocument,
    TitleKind,
)
from streamvault_operator.domain.comparison import Projection

log = logging.getLogger(__name__)

TIMEOUT_MILLISECONDS = 5000
LISTED_AT_ONCE = 1000
"""A batch is decoded in one go: larger ones would hold up everything else."""
UNSET = {"$in": ["", None]}
"""Matches a text that is empty or was never written."""


class StoreUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """MongoDB did not do what was asked; try again."""


class Store:
    """The catalogue, what is owed of it, what must not come back, and the audit trail."""

    def __init__(self, client: AsyncIOMotorClient[dict[str, Any]], database: str) -> None:
        self._client = client
        self._database: AsyncIOMotorDatabase[dict[str, Any]] = client[database]
        self._indexed = False

    @classmethod
    def connect(cls, uri: str, database: str) -> Self:
        """Prepare a client; nothing is sent before the first call."""
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=TIMEOUT_MILLISECONDS,
            connectTimeoutMS=TIMEOUT_MILLISECONDS,
            socketTimeoutMS=2 * TIMEOUT_MILLISECONDS,
        )
        return cls(client, database)

    def close(self) -> None:
        """Close the connection pool."""
        self._client.close()

    async def _ensure_indexes(self) -> None:
        """What the operator's own queries need; before the first of them, because MongoDB may start later than us."""
        if not self._indexed:
            await self._database[FILES].create_index("title")
            await self._database[FILES].create_index("parts.message_id")
            await self._database[PURGES].create_index("fid")
            await self._database[PURGES].create_index("title")
            await self._database[DENIALS].create_index("title")
            await self._database[DENIALS].create_index("contents")
            await self._database[DENIALS].create_index("heads")
            self._indexed = True

    async def stored_files(self, title_id: str) -> dict[str, StoredFile]:
        """Every entry of `files` of a title by fid, images and subtitles included."""
        async with _mapped(f"read the files of {title_id}"):
            await self._ensure_indexes()
            found = self._database[FILES].find({"title": title_id})
            return {entry["_id"]: StoredFile.model_validate(entry) async for entry in found}

    async def purge_gens(self, fids: Iterable[str]) -> dict[str, int]:
        """The highest generation that was purged or waits for it, by fid."""
        async with _mapped("read the purge debts"):
            gens: dict[str, int] = {}
            async for entry in self._database[PURGES].find({"fid": {"$in": list(fids)}}):
                gens[entry["fid"]] = max(entry["gen"], gens.get(entry["fid"], 0))
            return gens

    async def put_files(self, files: Iterable[StoredFile]) -> None:
        """Write entries of `files`."""
        writes = [ReplaceOne({"_id": file.id}, _document(file), upsert=True) for file in files]
        if writes:
            async with _mapped("write files"):
                await self._database[FILES].bulk_write(writes, ordered=False)

    async def note_debts(self, debts: Iterable[PurgeDebt]) -> None:
        """Write what is owed, or how far it is paid."""
        notes = [ReplaceOne({"_id": debt.id}, _document(debt), upsert=True) for debt in debts]
        if notes:
            async with _mapped("note purge debts"):
                await self._database[PURGES].bulk_write(notes, ordered=False)

    async def retire_files(self, debts: Iterable[PurgeDebt]) -> None:
        """Remove entries of `files`, after noting what is owed for them."""
        owed = list(debts)
        await self.note_debts(owed)
        if owed:
            async with _mapped("retire files"):
                await self._database[FILES].delete_many({"_id": {"$in": [debt.fid for debt in owed]}})

    async def debts(self, title_id: str) -> list[PurgeDebt]:
        """What is owed of a title."""
        async with _mapped(f"read the purge debts of {title_id}"):
            found = self._database[PURGES].find({"title": title_id, "settled_at": UNSET})
            return [PurgeDebt.model_validate(entry) async for entry in found]

    async def indebted_titles(self) -> set[str]:
        """Ids of all titles of which something is owed."""
        async with _mapped("read the purge debts"):
            return set(await self._database[PURGES].distinct("title", {"settled_at": UNSET}))

    async def users_of(self, messages: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], str]:
        """Which of these messages a file that is not withdrawn is made of, with the id of its title."""
        ids = sorted({one for group in messages.values() for one in group})
        if not ids:
            return {}
        users: dict[tuple[int, int], str] = {}
        async with _mapped("look for other users of messages"):
            await self._ensure_indexes()
            query = {"parts.message_id": {"$in": ids}, "blocked": {"$ne": True}}
            async for entry in self._database[FILES].find(query, {"title": 1, "parts": 1}):
                for part in entry["parts"]:
                    if part["message_id"] in messages.get(part["channel_id"], ()):
                        users[part["channel_id"], part["message_id"]] = entry["title"]
        return users

    async def deny(self, denial: Denial) -> None:
        """Put what was taken down on the deny list."""
        async with _mapped(f"deny {denial.title}"):
            await self._database[DENIALS].replace_one({"_id": denial.id}, _document(denial), upsert=True)

    async def denial(self, title_id: str, contents: Sequence[str], heads: Sequence[str]) -> Denial | None:
        """The entry of the deny list that forbids this title, by its id or by messages or bytes of one of its files."""
        async with _mapped(f"ask the deny list for {title_id}"):
            await self._ensure_indexes()
            by_files = [{"contents": {"$in": list(contents)}}, {"heads": {"$in": list(heads)}}]
            found = await self._database[DENIALS].find_one({"$or": [{"title": title_id}, *by_files]})
            return Denial.model_validate(found) if found else None

    async def erase(self, title_id: str, uid: str, cause: PurgeCause, at: str) -> tuple[int, int]:
        """Forget a title but for the generations it used; returns how many documents went, and how many are left.

        Of a title that was taken down a nameless entry stays, so that its address goes on answering that it is gone.
        """
        files = (await self.stored_files(title_id)).values()
        paid = [PurgeDebt.of(file, cause, at).settled(at) for file in files if file.kind == "video"]
        await self.note_debts([*paid, *(debt.settled(at) for debt in await self.debts(title_id))])
        async with _mapped(f"erase {title_id}"):
            went = (await self._database[FILES].delete_many({"title": title_id})).deleted_count
            went += (await self._database[DETAILS].delete_many({"_id": title_id})).deleted_count
            left = await self._database[FILES].count_documents({"title": title_id})
            left += await self._database[DETAILS].count_documents({"_id": title_id})
        if cause == "TakenDown":
            async with _mapped(f"erase {title_id}"):
                await self._database[TITLES].replace_one({"_id": title_id}, _gone(title_id, uid), upsert=True)
        else:
            await self.delete_title(title_id)
        return int(went), int(left)

    async def record(self, entry: AuditRecord) -> bool:
        """Append to the audit trail; False when this fact is on record already."""
        async with _mapped("write the audit trail"):
            try:
                await self._database[AUDIT].insert_one(_document(entry))
            except DuplicateKeyError:
                return False
            return True

    async def ids_asked_for(self, audit_id: str) -> str:
        """The hash of the message ids that a purge was asked for; "" when it is not on record."""
        async with _mapped("read the audit trail"):
            asked = await self._database[AUDIT].find_one({"audit_id": audit_id, "kind": "Requested"})
            return str(asked["ids_sha256"]) if asked else ""

    async def title(self, title_id: str) -> TitleDocument | None:
        """The projection of a Title, or None."""
        async with _mapped(f"read title {title_id}"):
            found = await self._database[TITLES].find_one({"_id": title_id})
            return TitleDocument.model_validate(found) if found else None

    async def put_title(self, title: TitleDocument) -> bool:
        """Write the projection of a Title; False when this very object was withdrawn meanwhile, which stands.

        A look that is broken off by a takedown may have sent its last write already, and that one may come late.
        """
        open_to_it = {"_id": title.id, "$nor": [{"state": "TakenDown", "uid": title.uid}]}
        async with _mapped(f"write title {title.id}"):
            try:
                await self._database[TITLES].replace_one(open_to_it, _document(title), upsert=True)
            except DuplicateKeyError:
                return False
            return True

    async def projections(self) -> list[Projection]:
        """Every title of the catalogue, with the files that it shows."""
        async with _mapped("list the titles"):
            wanted = {"uid": 1, "files.fid": 1, "files.gen": 1}
            found = self._database[TITLES].find({}, wanted, batch_size=LISTED_AT_ONCE)
            return [_projection(entry) async for entry in found]

    async def stored_gens(self) -> dict[str, int]:
        """The generation of every stored video file by fid."""
        async with _mapped("list the files"):
            found = self._database[FILES].find({"kind": "video"}, {"gen": 1}, batch_size=LISTED_AT_ONCE)
            return {entry["_id"]: int(entry["gen"]) async for entry in found}

    async def delete_title(self, title_id: str) -> None:
        """Remove the projection of a Title."""
        async with _mapped(f"delete title {title_id}"):
            await self._database[TITLES].delete_one({"_id": title_id})

    async def block(self, title_id: str, uid: str) -> int:
        """Take a title and all its files off; returns how many files are not blocked afterwards (0 is success)."""
        off = {"state": "TakenDown", "uid": uid}
        nameless = {name: value for name, value in _gone(title_id, uid).items() if name not in {"_id", *off}}
        async with _mapped(f"block {title_id}"):
            change = {"$set": off, "$setOnInsert": nameless}
            await self._database[TITLES].update_one({"_id": title_id}, change, upsert=True)
            await self._database[FILES].update_many({"title": title_id}, {"$set": {"blocked": True}})
            return int(await self._database[FILES].count_documents({"title": title_id, "blocked": {"$ne": True}}))

    async def set_blocked(self, fids: Collection[str], *, on: bool) -> None:
        """Refuse single files, or serve them again."""
        if fids:
            async with _mapped("block files" if on else "unblock files"):
                await self._database[FILES].update_many({"_id": {"$in": list(fids)}}, {"$set": {"blocked": on}})


def _projection(entry: Mapping[str, Any]) -> Projection:
    files = tuple((file["fid"], int(file["gen"])) for file in entry.get("files", ()))
    return Projection(entry["_id"], entry.get("uid", ""), files)


def _gone(title_id: str, uid: str) -> dict[str, Any]:
    """The nameless entry of a title that was taken down."""
    return _document(TitleDocument(id=title_id, kind=TitleKind.MOVIE, display_name="", state="TakenDown", uid=uid))


def _document(model: Document) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True)


@asynccontextmanager
async def _mapped(what: str) -> AsyncIterator[None]:
    try:
        yield
    except PyMongoError as error:
        # the driver's text differs with every attempt, and this one ends in conditions
        log.debug("MongoDB failed", extra={"what": what, "error": str(error)})
        raise StoreUnavailable(f"MongoDB could not {what} ({type(error).__name__})") from error
