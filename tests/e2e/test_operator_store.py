"""The operator's store on the real document database: the words of its queries, and which of two writers wins."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from stores import database

from streamvault_common.documents import (
    AUDIT,
    DETAILS,
    FILES,
    TITLES,
    AuditRecord,
    Denial,
    Part,
    PurgeDebt,
    Quality,
    StoredFile,
    TitleDocument,
    TitleFile,
    TitleKind,
)
from streamvault_operator.domain.comparison import Projection
from streamvault_operator.io.store import Store

pytestmark = pytest.mark.cluster
NAME = "blue-tape"
AT = "2026-11-22T13:00:00Z"
FIDS = ["a" * 32, "b" * 32]


@pytest.fixture
async def stored(mongodb: str) -> AsyncIterator[tuple[Store, Any]]:
    """A store with a database of its own, and that database."""
    async with database(mongodb) as name:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongodb)
        yield Store(client, name), client[name]
        client.close()


def title(uid: str = "u1", state: Any = "Published") -> TitleDocument:
    return TitleDocument(id=NAME, kind=TitleKind.MOVIE, display_name="Blue Tape", state=state, uid=uid)


def file(fid: str, message: int, kind: Any = "video") -> StoredFile:
    parts = (Part(channel_id=-1002400000123, message_id=message, size_bytes=1000),)
    return StoredFile(
        id=fid, title=NAME, name=fid[0], kind=kind, parts=parts, size_bytes=1000, content_type="video/mp4"
    )


async def test_a_withdrawal_stands_against_a_late_write_of_the_same_object(stored: tuple[Store, Any]) -> None:
    store, _ = stored
    assert await store.put_title(title())
    assert await store.put_title(title(state="Unlisted"))
    await store.put_files([file(FIDS[0], 1), file(FIDS[1], 2, "image")])
    assert await store.block(NAME, "u1") == 0
    assert {entry.blocked for entry in (await store.stored_files(NAME)).values()} == {True}
    assert await store.put_title(title()) is False
    found = await store.title(NAME)
    assert found is not None
    assert (found.state, found.display_name) == ("TakenDown", "Blue Tape")
    assert await store.put_title(title(uid="u2")), "another object of that name is another matter"


async def test_a_title_that_was_never_shown_is_withdrawn_too(stored: tuple[Store, Any]) -> None:
    store, collections = stored
    assert await store.block(NAME, "u1") == 0
    assert await store.put_title(title()) is False
    (entry,) = await collections[TITLES].find({}).to_list(None)
    assert TitleDocument.model_validate(entry) == title(state="TakenDown").model_copy(update={"display_name": ""})


async def test_nothing_but_a_nameless_entry_is_left_of_a_takedown(stored: tuple[Store, Any]) -> None:
    store, collections = stored
    await store.put_title(title())
    await store.put_files([file(FIDS[0], 1), file(FIDS[1], 2, "image")])
    await store.note_debts([PurgeDebt.of(file(FIDS[0], 7).model_copy(update={"gen": 3}), "Replaced", AT)])
    await collections[DETAILS].insert_one({"_id": NAME, "plot": "A tape is blue."})
    assert await store.erase(NAME, "u1", "TakenDown", AT) == (3, 0)
    assert await store.erase(NAME, "u1", "TakenDown", AT) == (0, 0)
    assert (await collections[FILES].count_documents({}), await collections[DETAILS].count_documents({})) == (0, 0)
    assert await store.title(NAME) == title(state="TakenDown").model_copy(update={"display_name": ""})
    assert await store.put_title(title()) is False
    assert (await store.debts(NAME), await store.purge_gens(FIDS)) == ([], {FIDS[0]: 3})


async def test_a_deletion_leaves_the_generations_and_nothing_else(stored: tuple[Store, Any]) -> None:
    store, _ = stored
    await store.put_title(title())
    await store.put_files([file(FIDS[0], 1)])
    assert await store.erase(NAME, "u1", "Deleted", AT) == (1, 0)
    assert (await store.title(NAME), await store.purge_gens(FIDS)) == (None, {FIDS[0]: 1})


async def test_the_deny_list_is_asked_by_id_messages_and_bytes(stored: tuple[Store, Any]) -> None:
    store, _ = stored
    denial = Denial(id="f" * 32, title=NAME, contents=("messages",), heads=("bytes",), at=AT)
    await store.deny(denial)
    await store.deny(denial)
    assert await store.denial(NAME, (), ()) == denial
    assert await store.denial("red-reel", ("others", "messages"), ()) == denial
    assert await store.denial("red-reel", (), ("others", "bytes")) == denial
    assert await store.denial("red-reel", ("bytes",), ("messages",)) is None


async def test_a_fact_is_recorded_once_and_never_written_over(stored: tuple[Store, Any]) -> None:
    store, collections = stored
    fact = AuditRecord(
        id="f-Requested", audit_id="f", kind="Requested", uid="u1", title=NAME, reason="Other", outcome="TakenDown",
        at=AT, operator_version="1",
    )  # fmt: skip
    assert await store.record(fact)
    assert await store.record(fact.model_copy(update={"reason": "Deleted"})) is False
    (entry,) = await collections[AUDIT].find({}).to_list(None)
    assert AuditRecord.model_validate(entry) == fact


async def test_titles_and_users_are_found(stored: tuple[Store, Any]) -> None:
    store, _ = stored
    await store.put_title(title())
    await store.put_files([file(FIDS[0], 1), file(FIDS[1], 2)])
    shown = TitleFile(fid=FIDS[0], gen=1, name="a", quality=Quality.HD, size_bytes=1000)
    await store.put_title(title().model_copy(update={"files": (shown,)}))
    assert await store.projections() == [Projection(NAME, "u1", ((FIDS[0], 1),))]
    assert await store.stored_gens() == {FIDS[0]: 1, FIDS[1]: 1}
    wanted = {-1002400000123: [1, 2, 3]}
    assert set(await store.users_of(wanted)) == {(-1002400000123, 1), (-1002400000123, 2)}
    await store.set_blocked([FIDS[0]], on=True)
    assert set(await store.users_of(wanted)) == {(-1002400000123, 2)}
    await store.set_blocked([FIDS[0]], on=False)
    assert (await store.stored_files(NAME))[FIDS[0]].blocked is False
    await store.note_debts([PurgeDebt.of(file(FIDS[0], 1), "Removed", AT)])
    assert await store.indebted_titles() == {NAME}
