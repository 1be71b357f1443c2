"""The words of the two custom resources (phases, conditions, reasons) and the report of a worker."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SessionPhase(StrEnum):
    PENDING = "Pending"
    ACTIVE = "Active"
    COOLING = "Cooling"
    DRAINING = "Draining"
    RESTING = "Resting"
    BANNED = "Banned"


class DesiredState(StrEnum):
    ACTIVE = "Active"
    RESTING = "Resting"
    RETIRED = "Retired"


class Role(StrEnum):
    STREAM = "Stream"
    INGEST = "Ingest"
    MODERATE = "Moderate"


class TitleState(StrEnum):
    """What the owner declares."""

    PUBLISHED = "Published"
    UNLISTED = "Unlisted"
    TAKEN_DOWN = "TakenDown"


class TitlePhase(StrEnum):
    PENDING = "Pending"
    INGESTING = "Ingesting"
    PUBLISHED = "Published"
    UNLISTED = "Unlisted"
    FAILED = "Failed"
    TAKING_DOWN = "TakingDown"
    TAKEN_DOWN = "TakenDown"


class TakedownReason(StrEnum):
    COPYRIGHT_CLAIM = "CopyrightClaim"
    LEGAL_ORDER = "LegalOrder"
    POLICY_VIOLATION = "PolicyViolation"
    OWNER_REQUEST = "OwnerRequest"
    OTHER = "Other"


class AuthVerdict(StrEnum):
    """Why a session string can never work again; reasons of the condition Authorized=False."""

    SESSION_INVALID = "SessionInvalid"
    AUTH_KEY_UNREGISTERED = "AuthKeyUnregistered"
    SESSION_REVOKED = "SessionRevoked"
    SESSION_EXPIRED = "SessionExpired"
    AUTH_KEY_DUPLICATED = "AuthKeyDuplicated"
    USER_DEACTIVATED = "UserDeactivated"
    USER_DEACTIVATED_BAN = "UserDeactivatedBan"


class WorkerState(StrEnum):
    """What a worker says of itself in its heartbeat."""

    STARTING = "starting"
    SERVING = "serving"
    COOLING = "cooling"
    DRAINING = "draining"
    UNAUTHORIZED = "unauthorized"
    STOPPED = "stopped"
    """Its last words: no connection uses the session any more."""


class SessionReport(BaseModel):
    """A worker's heartbeat: the Redis hash `keys.session_key`, every value a string on the wire.

    Times are Unix seconds. `revision` is the secret revision that the pod was started with.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: WorkerState
    at: float
    revision: str = ""
    pod_uid: str = ""
    """The pod that uses the session; while its report is fresh, no other pod may."""
    account: str = ""
    """First 12 hex digits of the SHA-256 of the account id: tells accounts apart without naming them."""
    in_flight: Annotated[int, Field(ge=0)] = 0
    flood_at: float = 0.0
    """When the last wait was ordered, 0 = never."""
    flood_until: float = 0.0
    """When that wait is over by the server's word; the worker itself may cool down for longer."""
    flood_seconds: int = 0
    flood_total: int = 0

    @property
    def flood_began_at(self) -> float:
        """`flood_at`, also of a worker that does not report it yet."""
        return self.flood_at or (self.flood_until - self.flood_seconds if self.flood_until else 0.0)

    def to_redis(self) -> dict[str, str]:
        """The hash's fields."""
        return {name: str(value) for name, value in self.model_dump(mode="json").items()}


class Verdict(BaseModel):
    """Why a session string is dead: the Redis hash `keys.verdict_key`; judged once per `revision`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: AuthVerdict
    message: str
    at: float
    revision: str = ""

    def to_redis(self) -> dict[str, str]:
        """The hash's fields."""
        return {name: str(value) for name, value in self.model_dump(mode="json").items()}
