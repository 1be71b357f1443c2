"""Pure: from the stores' documents to what the API shows."""

from collections.abc import Iterable, Sequence

from streamvault_common.api import (
    CastMember,
    EpisodeInfo,
    FileInfo,
    Picture,
    SeriesRef,
    TitleCard,
    TitlePage,
)
from streamvault_common.documents import DetailsDocument, Episode, Image, Quality, TitleDocument, TitleFile

_RANK = {quality: rank for rank, quality in enumerate(Quality)}


def best_first(files: Iterable[TitleFile]) -> list[TitleFile]:
    """Files by quality, best first; by name within one quality."""
    return sorted(files, key=lambda file: (_RANK[file.quality], file.name))


def card(title: TitleDocument, details: DetailsDocument) -> TitleCard:
    """A title as it stands in a list."""
    return TitleCard(
        id=title.id,
        kind=title.kind,
        display_name=title.display_name,
        year=title.year,
        series=None if title.series is None else SeriesRef.of(title.series),
        qualities=tuple(sorted({file.quality for file in title.files}, key=_RANK.__getitem__)),
        color=details.color,
        posters=_pictures(image for image in details.images if image.role == "poster" and image.episode is None),
        published_at=title.published_at,
    )


def page(title: TitleDocument, details: DetailsDocument) -> TitlePage:
    """Everything that a title page shows."""
    return TitlePage(
        **card(title, details).model_dump(by_alias=False),
        tagline=details.tagline,
        plot=details.plot,
        genres=details.genres,
        cast=tuple(CastMember(name=person.name, role=person.role) for person in details.cast),
        runtime_seconds=details.runtime_seconds,
        images=_pictures(image for image in details.images if image.episode is None),
        files=_files([file for file in title.files if file.episode is None], details),
        episodes=_episodes(title, details),
        subtitle_languages=tuple(dict.fromkeys(track.language for track in details.subtitles)),
    )


def _episodes(title: TitleDocument, details: DetailsDocument) -> tuple[EpisodeInfo, ...]:
    facts = {episode.number: episode for episode in details.episodes}
    numbers = sorted({file.episode for file in title.files if file.episode is not None})
    return tuple(_episode(facts.get(number, Episode(number=number)), title, details) for number in numbers)


def _episode(facts: Episode, title: TitleDocument, details: DetailsDocument) -> EpisodeInfo:
    return EpisodeInfo(
        number=facts.number,
        name=facts.name,
        plot=facts.plot,
        runtime_seconds=facts.runtime_seconds,
        stills=_pictures(image for image in details.images if image.episode == facts.number),
        files=_files([file for file in title.files if file.episode == facts.number], details),
    )


def _files(files: Sequence[TitleFile], details: DetailsDocument) -> tuple[FileInfo, ...]:
    return tuple(
        FileInfo(
            name=file.name,
            quality=file.quality,
            episode=file.episode,
            size_bytes=file.size_bytes,
            codecs=details.codecs.get(file.name),
        )
        for file in best_first(files)
    )


def _pictures(images: Iterable[Image]) -> tuple[Picture, ...]:
    return tuple(Picture.of(image) for image in images)
