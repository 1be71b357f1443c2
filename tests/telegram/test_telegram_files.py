"""File bytes: both clients down and up, every rule of upload.getFile, file references, other data centres."""

import asyncio
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pyrogram
import pytest
from pyrogram import errors, raw
from pyrogram.file_id import FileId
from pyrogram.raw.types import InputDocumentFileLocation
from pyrogram.session import Session
from sandbox import LIBRARY, SandboxProcess, Stored, learn_peers
from telethon_client import telethon

KIB, MIB = 1 << 10, 1 << 20


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
async def stored(sandbox: SandboxProcess, film: Path) -> Stored:
    return await sandbox.upload(film)


async def location_of(client: Any, stored: Stored) -> InputDocumentFileLocation:
    await learn_peers(client)
    message = await client.get_messages(stored.channel_id, stored.message_id)
    file = FileId.decode(message.document.file_id)
    return InputDocumentFileLocation(
        id=file.media_id, access_hash=file.access_hash, file_reference=file.file_reference, thumb_size=""
    )


async def get_file(
    session: Session, location: InputDocumentFileLocation, offset: int, limit: int, *, precise: bool = False
) -> bytes:
    request = raw.functions.upload.GetFile(location=location, offset=offset, limit=limit, precise=precise)
    answer = await session.invoke(request, sleep_threshold=0, retries=1, timeout=60)
    data: bytes = answer.bytes
    return data


async def test_kurigram_uploads_and_downloads_every_byte(sandbox: SandboxProcess, film: Path, stored: Stored) -> None:
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        message = await client.get_messages(LIBRARY, stored.message_id)
        document = message.document
        assert (document.file_name, document.file_size) == ("film.mp4", film.stat().st_size)
        data = await client.download_media(message, in_memory=True)
        assert digest(data.getvalue()) == digest(film.read_bytes())
    assert sandbox.counters(account="worker1", method="upload.getFile")["bytes"] == film.stat().st_size


async def test_telethon_downloads_what_kurigram_uploaded(sandbox: SandboxProcess, film: Path, stored: Stored) -> None:
    async with telethon(sandbox, "worker2") as client:
        await client.get_dialogs()
        message = await client.get_messages(LIBRARY, ids=stored.message_id)
        data = await client.download_media(message, file=bytes)
    assert digest(data) == digest(film.read_bytes())


@pytest.mark.parametrize("size", [1, 1000, 512 * KIB, 512 * KIB + 1, 10 * MIB, 10 * MIB + 1, 11 * MIB])
async def test_telethon_uploads_files_of_any_size(sandbox: SandboxProcess, size: int) -> None:
    content = os.urandom(size)
    async with telethon(sandbox, "uploader") as client:
        await client.get_dialogs()
        file = await client.upload_file(io.BytesIO(content), file_name="piece.bin", file_size=size)
        message = await client.send_file(LIBRARY, file, force_document=True)
        assert message.document.size == size
        assert digest(await client.download_media(message, file=bytes)) == digest(content)


async def test_video_attributes_and_captions_survive(sandbox: SandboxProcess, film: Path) -> None:
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        sent = await client.send_video(
            LIBRARY, str(film), caption="A **bold** film", duration=61, width=1920, height=1080, supports_streaming=True
        )
        message = await client.get_messages(LIBRARY, sent.id)
        video = message.video
        assert (video.duration, video.width, video.height, video.supports_streaming) == (61, 1920, 1080, True)
        assert message.caption == "A bold film"
        assert message.caption_entities[0].type is pyrogram.enums.MessageEntityType.BOLD


async def test_album_is_one_group(sandbox: SandboxProcess, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.bin" for number in range(3)]
    for file in files:
        file.write_bytes(os.urandom(2000))
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        album = [pyrogram.types.InputMediaDocument(str(file)) for file in files]
        messages = await client.send_media_group(LIBRARY, album)
        assert len({message.media_group_id for message in messages}) == 1
        assert [message.document.file_name for message in messages] == ["0.bin", "1.bin", "2.bin"]


async def test_document_can_be_sent_again_by_its_id(sandbox: SandboxProcess, stored: Stored) -> None:
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        message = await client.get_messages(LIBRARY, stored.message_id)
        file_id = message.document.file_id
        again = await client.send_cached_media(LIBRARY, file_id)
        first, second = FileId.decode(file_id), FileId.decode(again.document.file_id)
        assert first.media_id == second.media_id


async def test_photos_are_refused(sandbox: SandboxProcess, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(os.urandom(500))
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        with pytest.raises(errors.BadRequest, match="PHOTO_INVALID"):
            await client.send_photo(LIBRARY, str(file))


BAD_PIECES = [
    (0, 3 * KIB, False, "LIMIT_INVALID"),
    (0, 0, False, "LIMIT_INVALID"),
    (0, 2 * MIB, False, "LIMIT_INVALID"),
    (0, 12 * KIB, False, "LIMIT_INVALID"),
    (0, 768 * KIB, False, "LIMIT_INVALID"),
    (1 * KIB, 4 * KIB, False, "OFFSET_INVALID"),
    (-4 * KIB, 4 * KIB, False, "OFFSET_INVALID"),
    (512 * KIB, 1 * MIB, False, "LIMIT_INVALID"),
    (512, 1 * KIB, True, "OFFSET_INVALID"),
    (0, 1000, True, "LIMIT_INVALID"),
    (0, MIB + KIB, True, "LIMIT_INVALID"),
    (MIB - KIB, 2 * KIB, True, "OFFSET_INVALID"),
]


@pytest.mark.parametrize(("offset", "limit", "precise", "error"), BAD_PIECES)
async def test_misaligned_pieces_are_refused(
    sandbox: SandboxProcess, stored: Stored, offset: int, limit: int, precise: bool, error: str
) -> None:
    async with sandbox.kurigram("worker1") as client:
        location = await location_of(client, stored)
        with pytest.raises(errors.BadRequest, match=error):
            await get_file(client.session, location, offset, limit, precise=precise)


GOOD_PIECES = [
    (0, 4 * KIB, False),
    (4 * KIB, 4 * KIB, False),
    (MIB, MIB, False),
    (MIB + 512 * KIB, 512 * KIB, False),
    (12 * MIB, MIB, False),
    (12 * MIB + 12 * KIB, 4 * KIB, False),
    (16 * MIB, MIB, False),
    (5 << 32, MIB, False),
    (3 * KIB, 7 * KIB, True),
    (MIB - KIB, KIB, True),
]


@pytest.mark.parametrize(("offset", "limit", "precise"), GOOD_PIECES)
async def test_aligned_pieces_are_exact_and_end_with_the_file(
    sandbox: SandboxProcess, film: Path, stored: Stored, offset: int, limit: int, precise: bool
) -> None:
    async with sandbox.kurigram("worker1") as client:
        location = await location_of(client, stored)
        piece = await get_file(client.session, location, offset, limit, precise=precise)
    assert piece == film.read_bytes()[offset : offset + limit]


async def test_locations_are_checked(sandbox: SandboxProcess, stored: Stored) -> None:
    async with sandbox.kurigram("worker1") as client, sandbox.kurigram("worker2") as other:
        mine, theirs = await location_of(client, stored), await location_of(other, stored)
        assert mine.access_hash != theirs.access_hash
        assert mine.file_reference != theirs.file_reference
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"access_hash": theirs.access_hash}, "FILE_ID_INVALID"),
            ({"id": mine.id + 1}, "FILE_ID_INVALID"),
            ({"file_reference": b""}, "FILE_REFERENCE_EMPTY"),
            ({"file_reference": theirs.file_reference}, "FILE_REFERENCE_INVALID"),
        ]
        for change, error in wrong:
            fields = {name: getattr(mine, name) for name in mine.__slots__} | change
            with pytest.raises(errors.BadRequest, match=error):
                await get_file(client.session, InputDocumentFileLocation(**fields), 0, MIB)


async def test_expired_reference_is_renewed_by_fetching_the_message(sandbox: SandboxProcess, stored: Stored) -> None:
    async with sandbox.kurigram("worker1") as client, sandbox.kurigram("worker2") as other:
        location, theirs = await location_of(client, stored), await location_of(other, stored)
        sandbox.post("/control/file-references/expire", {"account": "worker1"})
        with pytest.raises(errors.FileReferenceExpired):
            await get_file(client.session, location, 0, MIB)
        assert len(await get_file(other.session, theirs, 0, MIB)) == MIB
        assert len(await get_file(client.session, await location_of(client, stored), 0, MIB)) == MIB


async def test_file_in_another_data_centre_is_named_and_reached(sandbox: SandboxProcess, film: Path) -> None:
    stored = await sandbox.upload(film)
    async with sandbox.kurigram("worker3") as client:
        location = await location_of(client, stored)
        with pytest.raises(errors.FileMigrate) as raised:
            await get_file(client.session, location, 0, MIB)
        assert raised.value.value == 2
        media = await client.get_session(2, is_media=True)
        assert await get_file(media, location, MIB, MIB) == film.read_bytes()[MIB : 2 * MIB]
    assert sandbox.counters(account="worker3", method="auth.exportAuthorization")["calls"] >= 1


async def test_telethon_reaches_another_data_centre(sandbox: SandboxProcess, film: Path, stored: Stored) -> None:
    async with telethon(sandbox, "worker3") as client:
        await client.get_dialogs()
        message = await client.get_messages(LIBRARY, ids=stored.message_id)
        assert digest(await client.download_media(message, file=bytes)) == digest(film.read_bytes())


async def test_pieces_in_flight_are_answered_each_with_its_own_bytes(
    sandbox: SandboxProcess, film: Path, stored: Stored
) -> None:
    async with sandbox.kurigram("worker1") as client:
        location = await location_of(client, stored)
        session = await client.get_session(2, is_media=True)
        pieces = await asyncio.gather(*(get_file(session, location, number * MIB, MIB) for number in range(13)))
    assert digest(b"".join(pieces)) == digest(film.read_bytes())


BAD_PARTS = [
    ({"file_part": 0, "bytes": b""}, "FILE_PART_EMPTY"),
    ({"file_part": 0, "bytes": bytes(513 * KIB)}, "FILE_PART_TOO_BIG"),
    ({"file_part": 0, "bytes": bytes(3 * KIB)}, "FILE_PART_SIZE_INVALID"),
    ({"file_part": 7, "bytes": bytes(KIB)}, "FILE_PART_INVALID"),
    ({"file_part": 0, "bytes": bytes(KIB), "file_total_parts": 4001}, "FILE_PARTS_INVALID"),
]


@pytest.mark.parametrize(("part", "error"), BAD_PARTS)
async def test_bad_parts_are_refused(sandbox: SandboxProcess, part: dict[str, Any], error: str) -> None:
    request = raw.functions.upload.SaveBigFilePart(**{"file_id": 1, "file_total_parts": 3, **part})
    async with sandbox.kurigram("worker1") as client:
        with pytest.raises(errors.BadRequest, match=error):
            await client.invoke(request)


async def test_unfinished_upload_names_the_missing_part(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        for part in (0, 2):
            await client.invoke(
                raw.functions.upload.SaveBigFilePart(
                    file_id=42, file_part=part, file_total_parts=3, bytes=bytes(512 * KIB)
                )
            )
        media = raw.types.InputMediaUploadedDocument(
            file=raw.types.InputFileBig(id=42, parts=3, name="x"), mime_type="a/b", attributes=[]
        )
        with pytest.raises(errors.FilePartMissing) as raised:
            await client.invoke(
                raw.functions.messages.SendMedia(
                    peer=await client.resolve_peer(LIBRARY), media=media, message="", random_id=client.rnd_id()
                )
            )
    assert raised.value.value == 1
