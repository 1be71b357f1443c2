"""JSON that the manager answers and the website reads (camelCase on the wire)."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from .documents import Image, Quality, Series, TitleKind


class ApiModel(BaseModel):
    """An answer of the API; fields are camelCase in JSON."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class Problem(ApiModel):
    """An error as RFC 9457 problem details; `request_id` finds it in the logs."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    request_id: str


class Picture(ApiModel):
    """One stored rendition of an image; `url` is relative to the site."""

    url: str
    role: str
    width: int
    height: int
    format: str
    episode: int | None = None

    @classmethod
    def of(cls, image: Image) -> "Picture":
        """The picture as the edge serves it."""
        return cls(url=f"/i/{image.fid}", **image.model_dump(exclude={"fid"}))


class SeriesRef(ApiModel):
    """The series that a season belongs to."""

    id: str
    name: str
    season: int

    @classmethod
    def of(cls, series: Series) -> "SeriesRef":
        """The reference in API form."""
        return cls(**series.model_dump())


class TitleCard(ApiModel):
    """A title in a list."""

    id: str
    kind: TitleKind
    display_name: str
    year: int | None
    series: SeriesRef | None
    qualities: tuple[Quality, ...]
    color: str
    posters: tuple[Picture, ...]
    published_at: str | None


class TitleList(ApiModel):
    """A page of the catalogue; `next_cursor` is None at the end."""

    items: tuple[TitleCard, ...]
    next_cursor: str | None
    total: int


class CastMember(ApiModel):
    name: str
    role: str = ""


class FileInfo(ApiModel):
    """A playable file, without any address: those come from a play grant."""

    name: str
    quality: Quality
    episode: int | None
    size_bytes: int
    codecs: str | None


class EpisodeInfo(ApiModel):
    number: int
    name: str
    plot: str
    runtime_seconds: int | None
    stills: tuple[Picture, ...]
    files: tuple[FileInfo, ...]


class TitlePage(TitleCard):
    """Everything that a title page shows."""

    tagline: str
    plot: str
    genres: tuple[str, ...]
    cast: tuple[CastMember, ...]
    runtime_seconds: int | None
    images: tuple[Picture, ...]
    files: tuple[FileInfo, ...]
    episodes: tuple[EpisodeInfo, ...]
    subtitle_languages: tuple[str, ...]


class PlayRequest(ApiModel):
    """Body of `POST /api/play/{title}`; `episode` is required for seasons and forbidden for films."""

    episode: int | None = None


class PlaySource(ApiModel):
    """One quality of the granted film; both urls are signed and relative to the site."""

    quality: Quality
    url: str
    download_url: str
    size_bytes: int
    content_type: str
    codecs: str | None


class PlayTrack(ApiModel):
    """A subtitle track; `url` is signed."""

    kind: Literal["subtitles"] = "subtitles"
    language: str
    label: str
    url: str


class PlayGrant(ApiModel):
    """Signed links for one film or episode, best quality first; ask again before `expires_at` (Unix seconds)."""

    title: str
    episode: int | None
    tier: str
    expires_at: int
    sources: tuple[PlaySource, ...]
    tracks: tuple[PlayTrack, ...]


class AssetPart(ApiModel):
    """One Telegram message that holds a piece of an asset."""

    channel_id: int
    message_id: Annotated[int, Field(gt=0)]
    size_bytes: Annotated[int, Field(gt=0)]


class _Asset(ApiModel):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Unique within the title; other bytes need another name, because caches keep an asset for ever."""
    parts: Annotated[tuple[AssetPart, ...], Field(min_length=1, max_length=64)]
    size_bytes: Annotated[int, Field(gt=0)]
    episode: Annotated[int | None, Field(ge=1, le=9999)] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(part.size_bytes for part in self.parts) != self.size_bytes:
            raise ValueError(f"asset {self.name!r}: sizeBytes is not the sum of its parts")
        return self


class ImageAsset(_Asset):
    """A stored picture in one width and one format."""

    kind: Literal["image"] = "image"
    content_type: Literal["image/avif", "image/webp", "image/jpeg"]
    role: Literal["poster", "backdrop", "still"]
    width: Annotated[int, Field(gt=0, le=16384)]
    height: Annotated[int, Field(gt=0, le=16384)]
    format: Literal["avif", "webp", "jpeg"]


class SubtitleAsset(_Asset):
    """A stored WebVTT track; `language` is a BCP 47 tag and becomes part of the track's address."""

    kind: Literal["subtitle"] = "subtitle"
    content_type: Literal["text/vtt"] = "text/vtt"
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
    label: Annotated[str, Field(min_length=1, max_length=100)]


Asset = Annotated[ImageAsset | SubtitleAsset, Field(discriminator="kind")]


class EpisodeFacts(ApiModel):
    """What is told about one episode of a season."""

    number: Annotated[int, Field(ge=1, le=9999)]
    name: Annotated[str, Field(max_length=256)] = ""
    plot: Annotated[str, Field(max_length=10_000)] = ""
    runtime_seconds: Annotated[int | None, Field(gt=0)] = None


class TitleDetails(ApiModel):
    """Body and answer of `/api/admin/titles/{id}/details`: a title's metadata and every asset that it has."""

    tagline: Annotated[str, Field(max_length=500)] = ""
    plot: Annotated[str, Field(max_length=10_000)] = ""
    genres: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=32)] = ()
    cast: Annotated[tuple[CastMember, ...], Field(max_length=500)] = ()
    runtime_seconds: Annotated[int | None, Field(gt=0)] = None
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#1d212c"
    episodes: Annotated[tuple[EpisodeFacts, ...], Field(max_length=512)] = ()
    codecs: dict[str, str] = Field(default_factory=dict)
    """Codec string (RFC 6381) by file name."""
    assets: Annotated[tuple[Asset, ...], Field(max_length=4096)] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [asset.name for asset in self.assets]
        if len(set(names)) != len(names):
            raise ValueError("two assets have the same name")
        return self
