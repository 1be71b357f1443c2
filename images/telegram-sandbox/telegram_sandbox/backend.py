"""The parts that every connection, method and control call shares."""

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field

from telegram_sandbox.counters import Counters
from telegram_sandbox.faults import Faults
from telegram_sandbox.sessions import Salts, Sessions
from telegram_sandbox.settings import Settings
from telegram_sandbox.state.store import Store
from telegram_sandbox.updates import UpdateHub
from telegram_sandbox.wire.server_key import ServerKey

log = logging.getLogger(__name__)
CODE_LIFETIME_SECONDS = 300


@dataclass
class LoginCode:
    """A sign-in code on its way to a phone; ``shown`` once it came back right for a phone without an account."""

    phone: str
    code: str
    code_hash: str
    expires: float
    shown: bool = False


@dataclass
class CallbackAnswer:
    """What a bot says to a pressed button."""

    message: str | None = None
    alert: bool = False
    url: str | None = None
    cache_seconds: int = 0


@dataclass
class Transient:
    """What a restart may forget."""

    codes: dict[str, LoginCode] = field(default_factory=dict)
    exported: dict[bytes, tuple[int, int, float]] = field(default_factory=dict)
    callbacks: dict[int, tuple[int, asyncio.Future[CallbackAnswer]]] = field(default_factory=dict)
    password_checks: dict[int, tuple[int, int]] = field(default_factory=dict)


class Backend:
    """One sandbox: its store, key, sessions, faults and counters."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.data_dir, settings.world_file, settings.reference_lifetime_seconds)
        self.server_key = ServerKey.load_or_create(settings.rsa_key_path or settings.data_dir / "rsa.pem")
        self.sessions = Sessions()
        self.salts = Salts(self.store.database, settings.salt_lifetime_seconds)
        self.faults = Faults()
        self.counters = Counters()
        self.hub = UpdateHub(self.store, self.sessions)
        self.transient = Transient()
        self.ports: dict[int, int] = {}

    def address(self, dc_id: int) -> tuple[str, int]:
        """Where clients are told to find a data centre."""
        return self.settings.advertise_host, self.settings.advertised_port(dc_id, self.ports[dc_id])

    def new_code(self, phone: str) -> LoginCode:
        """A fresh sign-in code for a phone; it appears in the log and on the console page."""
        code = LoginCode(
            phone, f"{secrets.randbelow(100_000):05}", secrets.token_hex(9), time.time() + CODE_LIFETIME_SECONDS
        )
        self.transient.codes[phone] = code
        log.warning("sign-in code for +%s: %s", phone, code.code)
        return code
