"""The worker's environment, read once at start."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from streamvault_common.keys import HTTP_PORT
from streamvault_common.settings import Address, InvalidSetting, LogSettings, StoreSettings, TelegramSettings


class WorkerSettings(StoreSettings, TelegramSettings, LogSettings):
    """Settings of one worker; every field is an environment variable of the same name in capitals."""

    worker_name: str = Field(min_length=1)
    """Name of the WorkerSession."""
    session_revision: str = ""
    """`sessionSecretRef.revision` that the pod was made for; goes into the heartbeat and the verdict."""
    pod_uid: str = ""
    """Which pod this is; it may use the session only while it holds the lease. Empty = no lease (a worker by hand)."""
    cooldown_min_seconds: float = Field(default=0.0, ge=0)
    """Shortest pause after a wait that Telegram ordered."""
    cooldown_jitter_percent: float = Field(default=0.0, ge=0, le=100)
    """Share of that pause that is added at random."""
    tg_session_file: Path
    host: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address
    port: int = HTTP_PORT
    max_streams: int = Field(default=8, ge=1, le=512)
    stream_window: int = Field(default=8, ge=1, le=16)
    """Pieces of 1 MiB that one stream may be ahead of what it has sent."""
    account_window: int = Field(default=16, ge=1, le=64)
    """Most pieces in flight over all streams of the account; it sinks by itself while Telegram is slow."""
    held_pieces: int = Field(default=128, ge=1)
    """Pieces in memory over all streams, beyond the one that each stream always may have."""
    media_sessions: int = Field(default=2, ge=1, le=8)
    """Connections for files per data centre."""
    cipher_library: Path = Path("/app/lib/libige.so")
    """Compiled `native/ige.c`; without it, or without the processor's AES instructions, tgcrypto decrypts."""
    read_ahead: bool = True
    """Whether the head of the next slice is fetched while the edge stores this one."""
    hedge: bool = False
    """Whether another worker is asked as well for a piece that is unusually late."""
    workers_address: str = ""
    """`host:port[,host:port]` that stand for all workers: they help with bytes that this account cannot get."""
    pod_ip: str = ""
    """This worker's own address among them."""
    drain_timeout_seconds: float = Field(default=120.0, ge=0)
    """How long a stopping worker waits for its streams; keep it below terminationGracePeriodSeconds."""
    start_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long one sign-in may take before it is tried again."""
    answer_timeout_seconds: float = Field(default=5.0, gt=0)
    """Silence after which a request to Telegram is asked again."""

    @model_validator(mode="after")
    def _addresses_are_readable(self) -> Self:
        _ = self.workers
        return self

    @property
    def workers(self) -> tuple[Address, ...]:
        """What `workers_address` names; raises InvalidSetting."""
        return tuple(_address(entry.strip()) for entry in self.workers_address.split(",") if entry.strip())


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidSetting(f"WORKERS_ADDRESS: {text!r} is not host:port")
    return Address(host=host, port=int(port))
