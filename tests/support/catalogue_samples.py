"""Documents as the operator and the library's keeper write them, small enough to read in a test."""

from typing import Any

from streamvault_common.documents import Quality, StoredFile, TitleDocument, TitleFile, TitleKind, file_id

MIB = 1024 * 1024


def film(title_id: str, *, qualities: tuple[Quality, ...] = (Quality.HD, Quality.UHD), **changes: Any) -> TitleDocument:
    """A Published film with one file per quality."""
    files = tuple(
        TitleFile(fid=file_id(title_id, quality), gen=1, name=quality, quality=quality, size_bytes=MIB)
        for quality in qualities
    )
    facts: dict[str, Any] = {
        "kind": TitleKind.MOVIE,
        "display_name": title_id.replace("-", " ").title(),
        "year": 2026,
        "state": "Published",
        "files": files,
        "published_at": "2026-01-01T00:00:00Z",
    }
    return TitleDocument(id=title_id, **facts | changes)


def season(title_id: str, *, episodes: int, **changes: Any) -> TitleDocument:
    """A Published season with two qualities per episode, declared worst and last episode first."""
    files = []
    for number in range(episodes, 0, -1):
        for quality in (Quality.HD, Quality.FHD):
            name = f"s01e{number:02}-{quality}"
            fid = file_id(title_id, name)
            files.append(TitleFile(fid=fid, gen=2, name=name, quality=quality, episode=number, size_bytes=MIB))
    series = {"id": title_id.removesuffix("-s1"), "name": title_id.removesuffix("-s1").title(), "season": 1}
    return film(title_id, kind=TitleKind.SEASON, files=tuple(files), series=series, **changes)


def stored_files(title: TitleDocument, **changes: Any) -> list[StoredFile]:
    """The stored files behind a title's entries."""
    return [
        StoredFile(
            id=file.fid,
            title=title.id,
            name=file.name,
            kind="video",
            gen=file.gen,
            parts=({"channel_id": -1002400000123, "message_id": 7, "size_bytes": file.size_bytes},),
            size_bytes=file.size_bytes,
            content_type="video/mp4",
            quality=file.quality,
            episode=file.episode,
            **changes,
        )
        for file in title.files
    ]


def image_asset(name: str = "poster-200.webp", **changes: Any) -> dict[str, Any]:
    """A poster as the admin API takes it."""
    facts = {
        "name": name,
        "kind": "image",
        "contentType": "image/webp",
        "sizeBytes": 1000,
        "parts": [{"channelId": -1002400000123, "messageId": 11, "sizeBytes": 1000}],
        "role": "poster",
        "width": 200,
        "height": 300,
        "format": "webp",
    }
    return facts | changes


def subtitle_asset(name: str = "film.en.vtt", **changes: Any) -> dict[str, Any]:
    """An English subtitle track as the admin API takes it."""
    facts = {
        "name": name,
        "kind": "subtitle",
        "contentType": "text/vtt",
        "sizeBytes": 300,
        "parts": [{"channelId": -1002400000123, "messageId": 12, "sizeBytes": 300}],
        "language": "en",
        "label": "English",
    }
    return facts | changes
