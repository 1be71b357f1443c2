"""A title's metadata and assets, as whoever prepares the library declares them."""

from streamvault_common import documents
from streamvault_common.api import (
    Asset,
    AssetPart,
    CastMember,
    EpisodeFacts,
    ImageAsset,
    SubtitleAsset,
    TitleDetails,
)
from streamvault_common.documents import DetailsDocument, StoredFile, asset_id
from streamvault_manager.stores.mongo import MongoCatalogue

from .errors import AssetChanged, TitleGone, TitleUnknown


class DetailsEditor:
    """Stores and reads back `TitleDetails`; the title itself may be declared later."""

    def __init__(self, store: MongoCatalogue) -> None:
        self._store = store

    async def replace(self, title_id: str, details: TitleDetails) -> TitleDetails:
        """Make `details` all that is known of a title; raises TitleGone or AssetChanged."""
        title = await self._store.title(title_id)
        if title is not None and title.state == "TakenDown":
            raise TitleGone(title_id)
        assets = [to_stored_file(title_id, asset) for asset in details.assets]
        require_same_bytes(assets, await self._store.files(title_id))
        await self._store.replace_details(to_document(title_id, details), assets)
        return details

    async def read(self, title_id: str) -> TitleDetails:
        """What was stored last; raises TitleUnknown."""
        found = (await self._store.details([title_id])).get(title_id)
        if found is None:
            raise TitleUnknown(title_id)
        return from_document(found, await self._store.files(title_id))


def require_same_bytes(assets: list[StoredFile], known: dict[str, StoredFile]) -> None:
    """One name, one content, as far as sizes tell; raises AssetChanged."""
    for asset in assets:
        before = known.get(asset.id)
        if before is not None and before.size_bytes != asset.size_bytes:
            raise AssetChanged(
                f"asset {asset.name!r} had {before.size_bytes} bytes and now has {asset.size_bytes}: give it a new name"
            )


def to_stored_file(title_id: str, asset: Asset) -> StoredFile:
    """The file that the workers read for an asset."""
    return StoredFile(
        id=asset_id(title_id, asset.name),
        title=title_id,
        name=asset.name,
        kind=asset.kind,
        parts=tuple(documents.Part(**part.model_dump(by_alias=False)) for part in asset.parts),
        size_bytes=asset.size_bytes,
        content_type=asset.content_type,
        episode=asset.episode,
    )


def to_document(title_id: str, details: TitleDetails) -> DetailsDocument:
    """The stored form of a title's metadata."""
    plain = details.model_dump(by_alias=False, exclude={"assets"})
    images, subtitles = [], []
    for asset in details.assets:
        fid, facts = asset_id(title_id, asset.name), asset.model_dump(by_alias=False)
        if isinstance(asset, ImageAsset):
            images.append(documents.Image(**facts, fid=fid))
        else:
            subtitles.append(documents.Subtitle(**facts, fid=fid))
    return DetailsDocument(id=title_id, **plain, images=tuple(images), subtitles=tuple(subtitles))


def from_document(document: DetailsDocument, files: dict[str, StoredFile]) -> TitleDetails:
    """The declared form of stored metadata; an asset without a stored file is left out."""
    images = [_asset(image, files[image.fid]) for image in document.images if image.fid in files]
    subtitles = [_asset(track, files[track.fid]) for track in document.subtitles if track.fid in files]
    return TitleDetails(
        tagline=document.tagline,
        plot=document.plot,
        genres=document.genres,
        cast=tuple(CastMember(**person.model_dump()) for person in document.cast),
        runtime_seconds=document.runtime_seconds,
        color=document.color,
        episodes=tuple(EpisodeFacts(**episode.model_dump()) for episode in document.episodes),
        codecs=document.codecs,
        assets=(*images, *subtitles),
    )


def _asset(facts: documents.Image | documents.Subtitle, file: StoredFile) -> Asset:
    form = ImageAsset if isinstance(facts, documents.Image) else SubtitleAsset
    return form.model_validate(
        facts.model_dump(exclude={"fid"})
        | {
            "name": file.name,
            "content_type": file.content_type,
            "size_bytes": file.size_bytes,
            "parts": [AssetPart(**part.model_dump()) for part in file.parts],
        }
    )
