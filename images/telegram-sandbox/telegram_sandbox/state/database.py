"""The SQLite file that makes the sandbox remember across restarts."""

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT, username TEXT UNIQUE COLLATE NOCASE,
  phone TEXT UNIQUE, bot_token TEXT UNIQUE, premium INTEGER NOT NULL DEFAULT 0, home_dc INTEGER NOT NULL, password TEXT,
  deactivated INTEGER NOT NULL DEFAULT 0, pts INTEGER NOT NULL DEFAULT 1, last_message_id INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS channels (
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, username TEXT UNIQUE COLLATE NOCASE, about TEXT NOT NULL DEFAULT '',
  megagroup INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, pts INTEGER NOT NULL DEFAULT 1,
  last_message_id INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS members (
  channel_id INTEGER NOT NULL, account_id INTEGER NOT NULL, role TEXT NOT NULL, rights TEXT NOT NULL DEFAULT '',
  joined INTEGER NOT NULL, PRIMARY KEY (channel_id, account_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  box INTEGER NOT NULL, id INTEGER NOT NULL, peer INTEGER NOT NULL, sender INTEGER NOT NULL, out INTEGER NOT NULL,
  date INTEGER NOT NULL, edit_date INTEGER, text TEXT NOT NULL, entities BLOB, markup BLOB, document_id INTEGER,
  grouped_id INTEGER, reply_to INTEGER, forwarded_from BLOB, twin_id INTEGER, PRIMARY KEY (box, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_peer ON messages (box, peer, id);
CREATE INDEX IF NOT EXISTS messages_by_document ON messages (document_id) WHERE document_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS events (
  box INTEGER NOT NULL, pts INTEGER NOT NULL, pts_count INTEGER NOT NULL, kind TEXT NOT NULL, message_ids TEXT NOT NULL,
  date INTEGER NOT NULL, PRIMARY KEY (box, pts)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
  account_id INTEGER NOT NULL, random_id INTEGER NOT NULL, box INTEGER NOT NULL, message_id INTEGER NOT NULL,
  PRIMARY KEY (account_id, random_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY, dc_id INTEGER NOT NULL, size INTEGER NOT NULL, mime_type TEXT NOT NULL, attributes BLOB,
  date INTEGER NOT NULL, owner INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS expired_references (
  account_id INTEGER NOT NULL, document_id INTEGER NOT NULL, generation INTEGER NOT NULL,
  PRIMARY KEY (account_id, document_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS auth_keys (
  id BLOB PRIMARY KEY, key BLOB NOT NULL, dc_id INTEGER NOT NULL, first_salt INTEGER NOT NULL,
  created INTEGER NOT NULL, account_id INTEGER, verdict TEXT, label TEXT, device TEXT NOT NULL DEFAULT '',
  pending_account_id INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bot_commands (
  bot_id INTEGER NOT NULL, scope TEXT NOT NULL, language TEXT NOT NULL, commands BLOB,
  PRIMARY KEY (bot_id, scope, language)) WITHOUT ROWID;
"""


class Database:
    """One connection for one event loop; every statement is its own transaction unless in ``together``."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._depth = 0
        self._secret = self._fact("secret", os.urandom(32))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, *values)
        return None if found is None else found[0]

    def run(self, sql: str, *values: Any) -> int:
        """Execute a change; gives the number of changed rows."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for several changes; nests."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def remembered(self, name: str) -> bytes | None:
        """A named fact."""
        found: bytes | None = self.value("SELECT value FROM facts WHERE name = ?", name)
        return found

    def remember(self, name: str, value: bytes) -> None:
        """Set a named fact."""
        self.run("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)

    def digest(self, *parts: object) -> bytes:
        """A keyed hash that is stable for this database and unguessable from outside."""
        return hmac.digest(self._secret, "|".join(map(str, parts)).encode(), hashlib.sha256)

    def digest_int64(self, *parts: object) -> int:
        """``digest`` as a signed 64-bit integer, never 0."""
        return int.from_bytes(self.digest(*parts)[:8], "little", signed=True) or 1

    def _fact(self, name: str, default: bytes) -> bytes:
        self.run("INSERT OR IGNORE INTO facts VALUES (?, ?)", name, default)
        return self.remembered(name) or default
