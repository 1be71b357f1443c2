"""Accounts: users and bots, and the hash by which each of them may name another."""

import sqlite3
from dataclasses import dataclass

from telegram_sandbox.state.database import Database


@dataclass(frozen=True)
class Account:
    """One user or bot."""

    id: int
    first_name: str
    last_name: str | None
    username: str | None
    phone: str | None
    bot_token: str | None
    premium: bool
    home_dc: int
    password: str | None
    deactivated: bool
    pts: int

    @property
    def is_bot(self) -> bool:
        """Bots are the accounts that have a token."""
        return self.bot_token is not None


class Accounts:
    """The accounts table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: int) -> Account | None:
        """By id."""
        return _account(self._database.row("SELECT * FROM accounts WHERE id = ?", account_id))

    def require(self, account_id: int) -> Account:
        """By id. Raises LookupError."""
        account = self.get(account_id)
        if account is None:
            raise LookupError(f"no account {account_id}")
        return account

    def by_phone(self, phone: str) -> Account | None:
        """By phone number; anything but digits is ignored."""
        return _account(self._database.row("SELECT * FROM accounts WHERE phone = ?", digits(phone)))

    def by_username(self, username: str) -> Account | None:
        """By username, with or without @."""
        return _account(self._database.row("SELECT * FROM accounts WHERE username = ?", username.removeprefix("@")))

    def by_token(self, token: str) -> Account | None:
        """By bot token."""
        return _account(self._database.row("SELECT * FROM accounts WHERE bot_token = ?", token))

    def all(self) -> list[Account]:
        """Every account, by id."""
        rows = self._database.rows("SELECT * FROM accounts ORDER BY id")
        return [account for row in rows if (account := _account(row))]

    def put(self, account: Account) -> None:
        """Create, or replace what is declared about an account (its counters stay)."""
        self._database.run(
            "INSERT INTO accounts (id, first_name, last_name, username, phone, bot_token, premium, home_dc, password,"
            " deactivated) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET first_name=excluded.first_name,"
            " last_name=excluded.last_name, username=excluded.username, phone=excluded.phone,"
            " bot_token=excluded.bot_token, premium=excluded.premium, home_dc=excluded.home_dc,"
            " password=excluded.password, deactivated=excluded.deactivated",
            account.id,
            account.first_name,
            account.last_name,
            account.username,
            digits(account.phone) if account.phone else None,
            account.bot_token,
            account.premium,
            account.home_dc,
            account.password,
            account.deactivated,
        )

    def access_hash(self, viewer_id: int, account_id: int) -> int:
        """The hash under which one account knows another."""
        return self._database.digest_int64("user", viewer_id, account_id)


def digits(phone: str) -> str:
    """A phone number reduced to its digits."""
    return "".join(character for character in phone if character.isdigit())


def _account(row: sqlite3.Row | None) -> Account | None:
    if row is None:
        return None
    return Account(
        id=row["id"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        username=row["username"],
        phone=row["phone"],
        bot_token=row["bot_token"],
        premium=bool(row["premium"]),
        home_dc=row["home_dc"],
        password=row["password"],
        deactivated=bool(row["deactivated"]),
        pts=row["pts"],
    )
