"""The catalogue goes on through an outage of the database and forgets withdrawn files."""

import pytest

from streamvault_common.documents import Part, StoredFile
from streamvault_worker.catalogue import FRESH_SECONDS, Catalogue
from streamvault_worker.errors import CatalogueUnavailable, FileWithdrawn, UnknownFile

FID = "a" * 32


def stored(gen: int = 1, blocked: bool = False) -> StoredFile:
    return StoredFile(
        id=FID,
        title="t",
        name="1080p",
        kind="video",
        gen=gen,
        parts=(Part(channel_id=1, message_id=1, size_bytes=10),),
        size_bytes=10,
        content_type="video/mp4",
        blocked=blocked,
    )


class Database:
    """A database that can be switched off; counts its questions."""

    def __init__(self) -> None:
        self.file: StoredFile | None = stored()
        self.away = False
        self.asked = 0

    async def find(self, fid: str) -> StoredFile | None:
        assert fid == FID
        self.asked += 1
        if self.away:
            raise CatalogueUnavailable("away")
        return self.file


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class World:
    """A catalogue over a switchable database, with its clock and its list of withdrawn files."""

    def __init__(self) -> None:
        self.database = Database()
        self.clock = Clock()
        self.withdrawn: set[str] = set()
        self.catalogue = Catalogue(self.database, self._is_withdrawn, self.clock)

    async def _is_withdrawn(self, fid: str) -> bool:
        return fid in self.withdrawn


async def test_the_slices_of_a_file_cost_one_question() -> None:
    world = World()
    for _ in range(20):
        await world.catalogue.find(FID, 1)
    assert world.database.asked == 1


async def test_known_files_survive_a_database_outage_and_unknown_ones_do_not() -> None:
    world = World()
    await world.catalogue.find(FID, 1)
    world.database.away = True
    world.clock.now += 10 * FRESH_SECONDS
    assert (await world.catalogue.find(FID, 1)).id == FID
    world = World()
    world.database.away = True
    with pytest.raises(CatalogueUnavailable):
        await world.catalogue.find(FID, 1)


async def test_a_new_generation_is_seen_at_once() -> None:
    world = World()
    await world.catalogue.find(FID, 1)
    world.database.file = stored(gen=2)
    assert (await world.catalogue.find(FID, 2)).gen == 2
    with pytest.raises(UnknownFile):
        await world.catalogue.find(FID, 1)


async def test_a_withdrawn_file_is_gone_whatever_the_cache_says() -> None:
    world = World()
    await world.catalogue.find(FID, 1)
    world.withdrawn.add(FID)
    with pytest.raises(FileWithdrawn):
        await world.catalogue.find(FID, 1)


async def test_a_blocked_or_missing_document_is_not_served() -> None:
    world = World()
    world.database.file = stored(blocked=True)
    with pytest.raises(FileWithdrawn):
        await world.catalogue.find(FID, 1)
    world.database.file = None
    world.clock.now += 2 * FRESH_SECONDS
    with pytest.raises(UnknownFile):
        await world.catalogue.find(FID, 1)
