"""MongoDB: the stored files."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from streamvault_common.documents import FILES, StoredFile
from streamvault_worker.errors import CatalogueUnavailable

TIMEOUT_MILLISECONDS = 2000


class MongoFiles:
    """Reads the collection `files`."""

    def __init__(self, uri: str, database: str) -> None:
        self._client: Any = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=TIMEOUT_MILLISECONDS,
            connectTimeoutMS=TIMEOUT_MILLISECONDS,
            timeoutMS=TIMEOUT_MILLISECONDS,
            appname="streamvault-worker",
        )
        self._files: Any = self._client[database][FILES]

    async def find(self, fid: str) -> StoredFile | None:
        """The stored file, None when there is none; raises CatalogueUnavailable."""
        try:
            document = await self._files.find_one({"_id": fid})
        except PyMongoError as error:
            raise CatalogueUnavailable(f"the database does not answer: {type(error).__name__}", 5) from error
        return None if document is None else StoredFile.model_validate(document)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
