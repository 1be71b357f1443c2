"""Documents in MongoDB: who writes which collection, and their shapes.

`titles` and the video entries of `files` are written by the operator alone, `details` and the image and subtitle
entries of `files` by the manager alone; everybody reads. Only features that MongoDB 8 and FerretDB 2 share are used.
"""

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

TITLES = "titles"
FILES = "files"
DETAILS = "details"
AUDIT = "audit"
PURGES = "purges"
DENIALS = "denials"

Fid = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
TitleId = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


def file_id(title_id: str, file_name: str) -> str:
    """The fid (32 hex digits) of the entry `file_name` of a Title's `spec.files`."""
    return hashlib.sha256(f"file\0{title_id}\0{file_name}".encode()).hexdigest()[:32]


def asset_id(title_id: str, asset_name: str) -> str:
    """The fid (32 hex digits) of an image or a subtitle track; its bytes never change under one name."""
    return hashlib.sha256(f"asset\0{title_id}\0{asset_name}".encode()).hexdigest()[:32]


class Document(BaseModel):
    """A MongoDB document; unknown fields are dropped on reading, `_id` is `id`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")


class Quality(StrEnum):
    """Quality buckets, best first."""

    UHD = "2160p"
    FHD = "1080p"
    HD = "720p"
    SD = "480p"


class TitleKind(StrEnum):
    MOVIE = "Movie"
    SEASON = "Season"


class Part(Document):
    """One Telegram message that holds a piece of a stored file."""

    channel_id: int
    message_id: int
    size_bytes: Annotated[int, Field(gt=0)]


class StoredFile(Document):
    """One byte range for everybody above the worker: its parts joined in order."""

    id: Fid = Field(alias="_id")
    title: str
    name: str
    kind: Literal["video", "image", "subtitle"]
    gen: int = 1
    parts: tuple[Part, ...]
    size_bytes: int
    content_type: str
    quality: Quality | None = None
    episode: int | None = None
    blocked: bool = False

    @property
    def etag(self) -> str:
        """Strong validator, equal on every worker (RFC 9110 section 8.8.3)."""
        return f'"{self.id}-{self.gen}"'


class Series(Document):
    """The series that a season belongs to."""

    id: str
    name: str
    season: int


class TitleFile(Document):
    """A playable file in the projection of a Title."""

    fid: Fid
    gen: int
    name: str
    quality: Quality
    episode: int | None = None
    size_bytes: int


class TitleDocument(Document):
    """What the operator projects from a Title resource."""

    id: str = Field(alias="_id")
    kind: TitleKind
    display_name: str
    year: int | None = None
    series: Series | None = None
    state: Literal["Pending", "Published", "Unlisted", "TakenDown"]
    files: tuple[TitleFile, ...] = ()
    published_at: str | None = None
    uid: str = ""


class Image(Document):
    """A stored picture: a poster or a still in one width and one format."""

    fid: Fid
    role: Literal["poster", "backdrop", "still"]
    width: int
    height: int
    format: Literal["avif", "webp", "jpeg"]
    episode: int | None = None


class Subtitle(Document):
    """A stored WebVTT track."""

    fid: Fid
    language: str
    label: str
    episode: int | None = None


class Episode(Document):
    """Facts about one episode of a season."""

    number: int
    name: str = ""
    plot: str = ""
    runtime_seconds: int | None = None


class Person(Document):
    """A member of cast or crew."""

    name: str
    role: str = ""


class DetailsDocument(Document):
    """Rich metadata of a title, under the same id as the Title resource."""

    id: str = Field(alias="_id")
    tagline: str = ""
    plot: str = ""
    genres: tuple[str, ...] = ()
    cast: tuple[Person, ...] = ()
    runtime_seconds: int | None = None
    color: str = "#1d212c"
    images: tuple[Image, ...] = ()
    subtitles: tuple[Subtitle, ...] = ()
    episodes: tuple[Episode, ...] = ()
    codecs: dict[str, str] = Field(default_factory=dict)
    """Codec string (RFC 6381) by file name, for the browser's check before it plays."""


PurgeCause = Literal["Removed", "Replaced", "Deleted", "TakenDown"]


class PurgeDebt(Document):
    """A generation of a stored file that must be purged from every copy; `_id` is `<fid>-<gen>`.

    Only the operator writes it. A settled debt keeps no message ids; it stays because a generation that was ever used
    must not be given out again.
    """

    id: str = Field(alias="_id")
    fid: Fid
    gen: int
    title: str
    name: str
    parts: tuple[Part, ...]
    size_bytes: int
    reason: PurgeCause
    at: str
    attempts: int = 0
    next_attempt_at: str = ""
    last_error: str = ""
    settled_at: str = ""

    @classmethod
    def of(cls, file: StoredFile, reason: PurgeCause, at: str) -> "PurgeDebt":
        """The debt for a stored file; `at` is RFC 3339."""
        kept = file.model_dump(include={"gen", "title", "name", "parts", "size_bytes"})
        return cls(id=f"{file.id}-{file.gen}", fid=file.id, reason=reason, at=at, **kept)

    def settled(self, at: str) -> "PurgeDebt":
        """The same, paid."""
        return self.model_copy(update={"settled_at": at, "parts": (), "name": "", "last_error": ""})


def content_hash(parts: Iterable[Part]) -> str:
    """SHA-256 (hex) of which messages make up a file: what the deny list remembers instead of the messages."""
    return hashlib.sha256(json.dumps([[part.channel_id, part.message_id] for part in parts]).encode()).hexdigest()


def head_id(head_sha256: str, size_bytes: int) -> str:
    """What tells equal bytes in other messages: SHA-256 (hex) of a file's first 64 KiB, and its size."""
    return f"{head_sha256}-{size_bytes}"


class Denial(Document):
    """What was taken down and must not come back, under its id, by its messages or by its bytes; `_id` is the audit
    id."""

    id: str = Field(alias="_id")
    title: str
    contents: tuple[str, ...]
    """`content_hash` of every video file."""
    heads: tuple[str, ...] = ()
    """`head_id` of every video file that was read."""
    at: str


class AuditRecord(Document):
    """One fact about a purge. The collection is only ever inserted into; `_id` names the fact, so that a repeated one
    is recorded once."""

    id: str = Field(alias="_id")
    audit_id: str
    kind: Literal["Requested", "Step", "Completed", "Released", "Files"]
    uid: str
    title: str
    requested_by: str = ""
    managers: tuple[str, ...] = ()
    """Field managers (kubectl, the manager, a GitOps tool) that set `spec.state`."""
    reason: str
    reference: str = ""
    step: str = ""
    outcome: str
    message: str = ""
    found: int = 0
    removed: int = 0
    remaining: int = 0
    ids_sha256: str = ""
    at: str
    operator_version: str
