"""Which stored file a request means: the database behind a small cache that outlives its outages."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from streamvault_common.documents import StoredFile

from .errors import CatalogueUnavailable, FileWithdrawn, UnknownFile

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
REMEMBERED = 10_000


class FileSource(Protocol):
    """Where stored files are declared."""

    async def find(self, fid: str) -> StoredFile | None:
        """The stored file, None when there is none; raises CatalogueUnavailable."""


class Catalogue:
    """Stored files by id; entries are asked for anew after FRESH_SECONDS, but kept while the database is away."""

    def __init__(
        self,
        source: FileSource,
        withdrawn: Callable[[str], Awaitable[bool]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._withdrawn = withdrawn
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, StoredFile]] = OrderedDict()

    async def find(self, fid: str, gen: int) -> StoredFile:
        """The file to serve; raises UnknownFile, FileWithdrawn or CatalogueUnavailable."""
        if await self._withdrawn(fid):
            raise FileWithdrawn(f"file {fid} was withdrawn")
        file = await self._look_up(fid, gen)
        if file is None:
            raise UnknownFile(f"there is no file {fid}")
        if file.blocked:
            raise FileWithdrawn(f"file {fid} was withdrawn")
        if file.gen != gen:
            raise UnknownFile(f"file {fid} is in generation {file.gen}, not {gen}")
        return file

    async def _look_up(self, fid: str, gen: int) -> StoredFile | None:
        asked_at, known = self._known.get(fid, (0.0, None))
        if known is not None and known.gen == gen and self._clock() - asked_at < FRESH_SECONDS:
            return known
        try:
            found = await self._source.find(fid)
        except CatalogueUnavailable:
            if known is None:
                raise
            log.warning("serving from memory, the database is away", extra={"fid": fid})
            self._remember(known)
            return known
        if found is None:
            self._known.pop(fid, None)
        else:
            self._remember(found)
        return found

    def _remember(self, file: StoredFile) -> None:
        self._known[file.id] = (self._clock(), file)
        self._known.move_to_end(file.id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
