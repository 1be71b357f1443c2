"""Settings from TG_SANDBOX_* environment variables."""

from pathlib import Path

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DC_IDS = (1, 2, 3, 4, 5)


class Settings(BaseSettings):
    """Where the server listens, what it serves and where it keeps it."""

    model_config = SettingsConfigDict(env_prefix="TG_SANDBOX_")

    host: str = "0.0.0.0"  # noqa: S104 - a server in its own pod
    base_port: int = 4430
    dc_ports: str = ""
    advertise_host: str = "127.0.0.1"
    advertise_base_port: int = 0
    control_port: int = 8090
    data_dir: Path = Path("/data")
    world_file: Path | None = None
    rsa_key_path: Path | None = None
    reference_lifetime_seconds: int = 0
    salt_lifetime_seconds: int = 1800
    detect_duplicate_keys: bool = True
    verify_answers: bool = False
    log_level: str = "INFO"

    @field_validator("world_file", "rsa_key_path", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    def listen_ports(self) -> dict[int, int]:
        """Port per data centre: ``dc_ports`` ("1=4431,2=4432,...") or base_port + dc; 0 lets the system choose each."""
        if self.dc_ports:
            pairs = (item.split("=", 1) for item in self.dc_ports.split(","))
            return {int(dc): int(port) for dc, port in pairs}
        return {dc: self.base_port + dc if self.base_port else 0 for dc in DC_IDS}

    def advertised_port(self, dc_id: int, bound_port: int) -> int:
        """The port that clients are told for a data centre."""
        return self.advertise_base_port + dc_id if self.advertise_base_port else bound_port
