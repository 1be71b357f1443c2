"""Authorization keys: who a key belongs to, in which data centre, and whether it is still good."""

import os
import sqlite3
import time
from dataclasses import dataclass

from telegram_sandbox.state.database import Database
from telegram_sandbox.wire.cipher import auth_key_id

UNREGISTERED = "AUTH_KEY_UNREGISTERED"
DUPLICATED = "AUTH_KEY_DUPLICATED"


@dataclass
class AuthKey:
    """One key; ``verdict`` is the error that a spoilt key answers to everything."""

    id: bytes
    key: bytes
    dc_id: int
    first_salt: int
    created: int
    account_id: int | None = None
    verdict: str | None = None
    label: str | None = None
    device: str = ""
    pending_account_id: int | None = None
    last_remote: str | None = None


class AuthKeys:
    """The auth_keys table, with every key in use held in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[bytes, AuthKey] = {}

    def get(self, key_id: bytes) -> AuthKey | None:
        """By the 8 bytes on the wire."""
        cached = self._cache.get(key_id)
        if cached is None:
            row = self._database.row("SELECT * FROM auth_keys WHERE id = ?", key_id)
            if row is None:
                return None
            cached = self._cache[key_id] = _auth_key(row)
        return cached

    def add(
        self, key: bytes, dc_id: int, first_salt: int, account_id: int | None = None, label: str | None = None
    ) -> AuthKey:
        """Store a new key."""
        record = AuthKey(auth_key_id(key), key, dc_id, first_salt, int(time.time()), account_id, label=label)
        self._database.run(
            "INSERT INTO auth_keys (id, key, dc_id, first_salt, created, account_id, label) VALUES (?,?,?,?,?,?,?)",
            record.id,
            key,
            dc_id,
            first_salt,
            record.created,
            account_id,
            label,
        )
        self._cache[record.id] = record
        return record

    def mint(self, account_id: int, dc_id: int, label: str | None) -> AuthKey:
        """A key that is logged in from the start; the same label gives the same key while it is good."""
        if label:
            row = self._database.row(
                "SELECT id FROM auth_keys WHERE account_id=? AND label=? AND dc_id=? AND verdict IS NULL",
                account_id,
                label,
                dc_id,
            )
            if row is not None and (known := self.get(row["id"])):
                return known
        return self.add(os.urandom(256), dc_id, int.from_bytes(os.urandom(8), "little", signed=True), account_id, label)

    def save(self, record: AuthKey) -> None:
        """Write back a changed record."""
        self._database.run(
            "UPDATE auth_keys SET account_id=?, verdict=?, device=?, pending_account_id=? WHERE id=?",
            record.account_id,
            record.verdict,
            record.device,
            record.pending_account_id,
            record.id,
        )

    def forget(self, record: AuthKey) -> None:
        """Delete a key: the transport answers -404 to it from now on."""
        self._database.run("DELETE FROM auth_keys WHERE id = ?", record.id)
        self._cache.pop(record.id, None)

    def of_account(self, account_id: int) -> list[AuthKey]:
        """Every key of an account, oldest first."""
        rows = self._database.rows("SELECT id FROM auth_keys WHERE account_id = ? ORDER BY created", account_id)
        return [record for row in rows if (record := self.get(row["id"]))]


def _auth_key(row: sqlite3.Row) -> AuthKey:
    return AuthKey(**dict(row))
