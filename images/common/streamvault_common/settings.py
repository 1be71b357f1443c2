"""Settings that several parts share; each part's own `settings` module adds its own. Read once, at start."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class InvalidSetting(ValueError):  # noqa: N818
    """A setting that cannot work; the message names the variable and what it must look like."""


class Address(BaseModel, frozen=True):
    """Host and TCP port of one data centre."""

    host: str
    port: int = Field(gt=0, lt=65536)


def parse_dc_map(text: str) -> dict[int, Address]:
    """Read `1=host:port,2=host:port` or `1-5=host:port` (data centre ids 1-99); empty text gives {}."""
    addresses: dict[int, Address] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        ids, _, address = entry.partition("=")
        first, _, last = ids.partition("-")
        host, _, port = address.rpartition(":")
        if not (first.isdigit() and (last or first).isdigit() and host and port.isdigit()):
            raise InvalidSetting(f"TG_DC_MAP: {entry!r} is not id=host:port or first-last=host:port")
        for dc_id in range(int(first), int(last or first) + 1):
            addresses[dc_id] = Address(host=host, port=int(port))
    return addresses


class StoreSettings(BaseSettings):
    """Addresses of the stores."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    mongodb_uri: SecretStr
    mongodb_database: str = "streamvault"
    redis_url: SecretStr


class TelegramSettings(BaseSettings):
    """Application identity, and the data centres when they are not Telegram's own."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    tg_api_id: int
    tg_api_hash: SecretStr
    tg_dc_map: str = ""
    tg_rsa_public_key: str = ""
    """PEM text or a path to it."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.tg_dc_map) != bool(self.tg_rsa_public_key):
            raise InvalidSetting(
                "set TG_DC_MAP and TG_RSA_PUBLIC_KEY together, or neither to use Telegram's own servers"
            )
        parse_dc_map(self.tg_dc_map)
        return self

    @property
    def dc_addresses(self) -> dict[int, Address]:
        """Address by data centre id; empty in production."""
        return parse_dc_map(self.tg_dc_map)

    @property
    def rsa_public_key_pem(self) -> str:
        """The server's public key as PEM text; empty in production."""
        text = self.tg_rsa_public_key
        if not text or "-----BEGIN" in text:
            return text
        try:
            return Path(text).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSetting(f"TG_RSA_PUBLIC_KEY: cannot read {text}: {error}") from error


class LogSettings(BaseSettings):
    """How loud a part is."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    log_level: str = "INFO"
