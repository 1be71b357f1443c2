"""Settings of the manager, read once from the environment."""

from enum import IntEnum
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from streamvault_common.settings import InvalidSetting, LogSettings, StoreSettings, TelegramSettings
from streamvault_common.signing import LinkKeys


class TakedownStatus(IntEnum):
    """How a title that was taken down is answered: gone, or withheld for legal reasons (RFC 7725)."""

    GONE = 410
    LEGAL_REASONS = 451


class Settings(StoreSettings, TelegramSettings, LogSettings):
    """Environment of the manager; empty variables count as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    port: Annotated[int, Field(ge=0, lt=65536)] = 8080
    link_keys: SecretStr
    admin_api_token: Annotated[SecretStr, Field(min_length=16)]
    grant_ttl_seconds: Annotated[int, Field(ge=60, le=7 * 86400)] = 6 * 3600

    takedown_status: TakedownStatus = TakedownStatus.GONE
    takedown_blocked_by: Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9._~:/%?=+-]+)?$")] = ""
    """Address of who had titles removed, told with status 451."""

    tg_bot_token: SecretStr
    admin_user_ids: Annotated[tuple[int, ...], NoDecode] = ()
    admin_channel_id: int | None = None
    """Chat id of the Admin Channel (-100...); without it events stay in Redis."""
    report_window_seconds: Annotated[float, Field(ge=0)] = 30.0
    report_interval_seconds: Annotated[float, Field(ge=0)] = 3.0

    edge_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+)?$")] = ""
    """Address of the edge inside the cluster, for warming; empty = nothing is warmed."""

    site_name: str = "StreamVault"
    public_url: str = ""
    """Address of the website as viewers type it."""
    app_version: str = "dev"
    pod_name: str = "manager"
    debug: bool = False

    @field_validator("admin_user_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(filter(None, (part.strip() for part in value.split(","))))

    @field_validator("link_keys")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        LinkKeys.parse(value.get_secret_value())
        return value

    @property
    def keys(self) -> LinkKeys:
        """The keys that sign viewer links."""
        return LinkKeys.parse(self.link_keys.get_secret_value())


def load() -> Settings:
    """Read the environment; raises InvalidSetting with one line that names the variables and never shows a value."""
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSetting("; ".join(_complaint(item["loc"], item["msg"]) for item in error.errors())) from None


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    name = str(location[0]).upper() if location else ""
    return text if not name or text.startswith(name) else f"{name}: {text}"
