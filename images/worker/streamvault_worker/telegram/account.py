"""What the rest of the worker sees of its Telegram account: its state, its floods and its death."""

import asyncio
import hashlib
import math
import time

from pyrogram import errors

from streamvault_common.cooling import Cooldown
from streamvault_common.events import Severity
from streamvault_common.models import AuthVerdict
from streamvault_worker.errors import AccountUnavailable, WorkerBusy
from streamvault_worker.metrics import Metrics
from streamvault_worker.reporting import Reporter

from .verdicts import AccountDead, verdict_of


def account_hash(user_id: int) -> str:
    """Stands for an account wherever its user id must not be told."""
    return hashlib.sha256(str(user_id).encode()).hexdigest()[:12]


class AccountState:
    """Facts about the account; times are Unix seconds.

    What is told to others is told by the wall clock. What is left of a wait is reckoned by the monotonic one: a clock
    that is set while a wait runs, as on a board that starts without the time, neither shortens nor prolongs it.
    """

    def __init__(self, reporter: Reporter, metrics: Metrics, cooldown: Cooldown) -> None:
        self._reporter = reporter
        self._metrics = metrics
        self._cooldown = cooldown
        self.account_hash = ""
        self.authorized = False
        self.flood_at = 0.0
        self.flood_until = 0.0
        self.flood_seconds = 0
        self.flood_total = 0
        self._wait_began = -math.inf
        self._wait_ends = -math.inf
        self.death: AccountDead | None = None
        self.died = asyncio.Event()
        self.leased = asyncio.Event()
        """Set while this process may use the session: no other pod does."""
        self.changed = asyncio.Event()
        """Set on every change that the heartbeat should tell at once; cleared by the heartbeat."""

    @property
    def cooling(self) -> bool:
        """Whether Telegram told this account to wait, and it is still too early to ask it for anything."""
        return self.cooling_seconds > 0

    @property
    def cooling_seconds(self) -> float:
        """What is left of the last ordered wait with this session's margin; 0 or less when it is over."""
        margin = self._cooldown.ends_at(self.flood_at, self.flood_seconds) - self.flood_at
        return max(self._wait_ends, self._wait_began + margin) - time.monotonic()

    @property
    def waiting_seconds(self) -> float:
        """The same without the margin."""
        return self._wait_ends - time.monotonic()

    def lease(self, *, held: bool) -> None:
        """Take note of whether this pod holds the session's lease."""
        if held:
            self.leased.set()
        elif self.leased.is_set():
            self.leased.clear()
            self._reporter.report(Severity.ERROR, "another pod uses this session: signing out", "lease")

    def restore_flood(self, began_at: float, seconds: int) -> None:
        """Go on with a wait that was ordered before this process started; 0 for none."""
        self.flood_at, self.flood_seconds, self.flood_until = began_at, seconds, began_at + seconds
        self._wait_began = time.monotonic() - (time.time() - began_at)
        self._wait_ends = self._wait_began + seconds

    def signed_in(self, account: str) -> None:
        """The account with this hash is usable."""
        self.account_hash = account
        self.authorized = True
        self.changed.set()

    def disconnected(self) -> None:
        """The account cannot be used until it signs in again."""
        self.authorized = False
        self.changed.set()

    def require_usable(self) -> None:
        """Raise AccountUnavailable or WorkerBusy when no request may be sent to Telegram now."""
        if not self.authorized:
            raise AccountUnavailable("the account is not signed in", 5)
        if self.cooling:
            wait = int(self.cooling_seconds) + 1
            raise WorkerBusy(f"Telegram asked this account to wait {wait} s", wait)

    def flooded(self, error: errors.FloodWait | errors.FloodPremiumWait) -> WorkerBusy:
        """Note that Telegram ordered a wait; returns the error for the reader. The wait is honoured in full."""
        seconds = int(error.seconds or 1)
        self.wait_ordered(seconds)
        retry_after = max(math.ceil(self.cooling_seconds), seconds)
        return WorkerBusy(f"Telegram asked this account to wait {seconds} s", retry_after)

    def wait_ordered(self, seconds: int) -> None:
        """Ask Telegram for nothing for `seconds` from now."""
        self._metrics.errors.labels("flood").inc()
        now = time.monotonic()
        if now + seconds <= self._wait_ends + 0.5:
            return
        if now < self._wait_ends:  # an answer to what was under way when the wait was ordered: the same one, longer
            self.flood_seconds = math.ceil(now + seconds - self._wait_began)
        else:
            self._wait_began, self.flood_at, self.flood_seconds = now, time.time(), seconds
            self.flood_total += 1
            self._reporter.report(Severity.WARNING, f"Telegram ordered a wait of {seconds} s", "flood")
        self._wait_ends, self.flood_until = now + seconds, time.time() + seconds
        self.changed.set()

    def pronounce_dead(self, death: AccountDead) -> None:
        """The session string can never work again."""
        if self.death is None:
            self.death = death
            self.authorized = False
            self._reporter.report(Severity.ERROR, f"the session is dead: {death.verdict} ({death})", "auth")
            self.died.set()
            self.changed.set()

    def judge(self, error: Exception) -> AccountUnavailable:
        """Pass the verdict of an authorization error of the home data centre; returns the error for the reader."""
        verdict = verdict_of(error)
        if verdict is not None:
            self.pronounce_dead(AccountDead(verdict, str(error)))
        return AccountUnavailable(f"Telegram refused the account: {error}")

    @property
    def verdict(self) -> AuthVerdict | None:
        """Why the session is dead; None while it is not."""
        return self.death.verdict if self.death else None
