"""The two custom resources as the operator reads them; defaults equal the CRDs', so that older objects still parse."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from streamvault_common.documents import Quality, TitleKind
from streamvault_common.models import DesiredState, Role, SessionPhase, TakedownReason, TitlePhase, TitleState

from .conditions import Condition
from .errors import InvalidResource


class ResourceModel(BaseModel):
    """A piece of a custom resource: camelCase, unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def parse(cls, resource: dict[str, Any]) -> Self:
        """Read an object of the API server; raises InvalidResource with every wrong field."""
        try:
            return cls.model_validate(resource)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise InvalidResource("; ".join(faults)) from error


class Metadata(ResourceModel):
    """The part of an object's metadata that decisions need."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 1
    resource_version: str = ""
    finalizers: tuple[str, ...] = ()
    deletion_timestamp: datetime | None = None

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for this object's deletion."""
        return self.deletion_timestamp is not None


class SecretRef(ResourceModel):
    """The Secret with the session string; a new `revision` says that its content is another one."""

    name: str
    key: str = "session"
    revision: str = ""


class SessionLimits(ResourceModel):
    max_concurrent_streams: int = 8


class SessionCooldown(ResourceModel):
    """What follows a wait that the server ordered."""

    min_seconds: int = 60
    jitter_percent: int = 10
    max_consecutive: int = 5
    escalate_rest_seconds: int = 21_600


class SessionRotation(ResourceModel):
    """`max_active_seconds` 0 = the pool's."""

    max_active_seconds: int = 0
    rest_seconds: int = 3600


class Drain(ResourceModel):
    timeout_seconds: int = 120


class PodResources(ResourceModel):
    """Requests and limits in Kubernetes quantities."""

    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)


class SessionSpec(ResourceModel):
    session_secret_ref: SecretRef
    desired_state: DesiredState = DesiredState.ACTIVE
    pool: str = "default"
    roles: tuple[Role, ...] = (Role.STREAM,)
    priority: int = 100
    limits: SessionLimits = SessionLimits()
    cooldown: SessionCooldown = SessionCooldown()
    rotation: SessionRotation = SessionRotation()
    drain: Drain = Drain()
    resources: PodResources = PodResources()
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    priority_class_name: str = ""
    suspend: bool = False


class FloodWaits(ResourceModel):
    """Waits that the server ordered."""

    consecutive: int = 0
    total: int = 0
    last_seconds: int = 0
    last_time: datetime | None = None


class SessionStatus(ResourceModel):
    """What the operator wrote last; every field is absent on a new object."""

    phase: SessionPhase = SessionPhase.PENDING
    conditions: tuple[Condition, ...] = ()
    pod_name: str | None = None
    active_since: datetime | None = None
    cooling_until: datetime | None = None
    resting_until: datetime | None = None
    flood_waits: FloodWaits = FloodWaits()
    account_hash: str | None = None
    secret_revision: str | None = None
    last_heartbeat_time: datetime | None = None


class WorkerSession(ResourceModel):
    """One Telegram account."""

    metadata: Metadata
    spec: SessionSpec
    status: SessionStatus = SessionStatus()


class FilePart(ResourceModel):
    """One message of a source channel."""

    channel_id: int = Field(alias="channelID")
    message_id: int = Field(alias="messageID")
    size_bytes: int = Field(gt=0)


class SpecFile(ResourceModel):
    """A declared file: its parts in order are one byte range."""

    name: str
    quality: Quality
    episode: int | None = None
    content_type: str = "video/mp4"
    parts: tuple[FilePart, ...] = Field(min_length=1)

    @property
    def size_bytes(self) -> int:
        """Length of the joined parts."""
        return sum(part.size_bytes for part in self.parts)


class SpecSeries(ResourceModel):
    id: str
    name: str
    season: int


class Takedown(ResourceModel):
    reason: TakedownReason
    reference: str = ""
    requested_by: str = ""
    delete_source: bool = True
    delete_mirrors: bool = True
    tombstone_days: int = 365


class Mirror(ResourceModel):
    """A further copy of a title's messages."""

    name: str
    channel_id: int = Field(alias="channelID")
    message_ids: tuple[int, ...] = Field(default=(), alias="messageIDs")


class TitleSpec(ResourceModel):
    kind: TitleKind
    display_name: str
    year: int | None = None
    series: SpecSeries | None = None
    files: tuple[SpecFile, ...] = ()
    state: TitleState = TitleState.PUBLISHED
    takedown: Takedown | None = None
    mirrors: tuple[Mirror, ...] = ()
    suspend: bool = False


class StatusFile(ResourceModel):
    """What the operator knows of a declared file; `gen` changes with `parts_hash`, and only then."""

    name: str
    fid: str
    gen: int
    size_bytes: int
    parts_hash: str
    head_sha256: str = ""
    """Of the first 64 KiB, 64 hex digits; empty until they were read."""
    verified: bool = False


class StepStatus(ResourceModel):
    """How far one step of a takedown is; it is done when `completed_at` is set."""

    name: str
    attempts: int = 0
    first_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    completed_at: datetime | None = None
    reason: str = ""
    last_error: str = ""
    found: int = 0
    removed: int = 0
    remaining: int = 0


class TakedownStatus(ResourceModel):
    """A takedown under way or over."""

    audit_id: str = Field(default="", alias="auditID")
    cause: str = ""
    """What it was ordered as, `Deleted` or `TakenDown`."""
    started_at: datetime | None = None
    withdrawn_at: datetime | None = None
    completed_at: datetime | None = None
    steps: tuple[StepStatus, ...] = ()


class TitleStatus(ResourceModel):
    """What the operator wrote last; every field is absent on a new object."""

    phase: TitlePhase = TitlePhase.PENDING
    conditions: tuple[Condition, ...] = ()
    files: tuple[StatusFile, ...] = ()
    takedown: TakedownStatus = TakedownStatus()


class Title(ResourceModel):
    """A film or one season of a series."""

    metadata: Metadata
    spec: TitleSpec
    status: TitleStatus = TitleStatus()
