"""Everything that Telegram remembers, opened as one."""

from pathlib import Path

from telegram_sandbox.state.accounts import Accounts
from telegram_sandbox.state.auth_keys import AuthKeys
from telegram_sandbox.state.channels import Channels
from telegram_sandbox.state.database import Database
from telegram_sandbox.state.documents import Documents
from telegram_sandbox.state.mailbox import Mailbox
from telegram_sandbox.state.uploads import Uploads
from telegram_sandbox.state.world import BUILT_IN, apply_world


class Store:
    """The tables and folders below one data folder."""

    def __init__(self, data_dir: Path, world_file: Path | None, reference_lifetime_seconds: int = 0) -> None:
        self.database = Database(data_dir / "telegram.sqlite3")
        self.accounts = Accounts(self.database)
        self.channels = Channels(self.database)
        self.mailbox = Mailbox(self.database)
        self.auth_keys = AuthKeys(self.database)
        self.documents = Documents(self.database, data_dir / "documents", reference_lifetime_seconds)
        self.uploads = Uploads(data_dir / "uploads")
        apply_world(self.database, self.accounts, self.channels, self.mailbox, world_file or BUILT_IN)

    def close(self) -> None:
        """Close files and database."""
        self.documents.close()
        self.database.close()
