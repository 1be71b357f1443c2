"""One API call: who asks, over what, and what the caller may name."""

from dataclasses import dataclass

from telegram_sandbox.backend import Backend
from telegram_sandbox.errors import RpcError
from telegram_sandbox.sessions import Session
from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.auth_keys import UNREGISTERED, AuthKey
from telegram_sandbox.state.store import Store
from telegram_sandbox.views import View


@dataclass
class Call:
    """The surroundings of one request; ``dc_id`` is the data centre that it arrived at."""

    backend: Backend
    session: Session
    dc_id: int
    without_updates: bool = False

    @property
    def store(self) -> Store:
        """What Telegram remembers."""
        return self.backend.store

    @property
    def key(self) -> AuthKey:
        """The key that the request came under."""
        return self.session.key

    @property
    def account(self) -> Account:
        """The account that is logged in. Raises RpcError AUTH_KEY_UNREGISTERED, USER_DEACTIVATED."""
        account = self.store.accounts.get(self.key.account_id) if self.key.account_id else None
        if account is None:
            raise RpcError(UNREGISTERED)
        if account.deactivated:
            raise RpcError("USER_DEACTIVATED")
        return account

    @property
    def view(self) -> View:
        """The world as the logged-in account sees it."""
        return View(self.store, self.account)


@dataclass(frozen=True)
class FileSlice:
    """An answer to upload.getFile that is read from disk straight into the packet."""

    descriptor: int
    offset: int
    length: int
    mtime: int
    file_type: int
