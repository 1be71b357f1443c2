"""Messages and the event log behind pts.

A *box* is a place with its own message ids and pts: an account's private chats (its id), or a channel (minus its bare
id). A private message therefore exists twice, once in each side's box, and the copies know each other as twins.
"""

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from telegram_sandbox.state.database import Database


def channel_box(channel_id: int) -> int:
    """The box of a channel."""
    return -channel_id


@dataclass(frozen=True)
class Draft:
    """What a message says, before it has a place."""

    text: str = ""
    entities: bytes | None = None
    markup: bytes | None = None
    document_id: int | None = None
    grouped_id: int | None = None
    reply_to: int | None = None
    forwarded_from: bytes | None = None


@dataclass(frozen=True)
class StoredMessage(Draft):
    """A message in its box; ``peer`` is the other side in private chats, 0 in channels; TL parts are serialised."""

    box: int = 0
    id: int = 0
    peer: int = 0
    sender: int = 0
    out: bool = False
    date: int = 0
    edit_date: int | None = None
    twin_id: int | None = None


@dataclass(frozen=True)
class Event:
    """One step of a box's pts: ``kind`` is new, edit or delete."""

    box: int
    pts: int
    pts_count: int
    kind: str
    message_ids: tuple[int, ...]
    date: int


_COLUMNS = (
    "box, id, peer, sender, out, date, edit_date, text, entities, markup, document_id, grouped_id, reply_to,"
    " forwarded_from, twin_id"
)


class Mailbox:
    """The messages and events tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def post(self, channel_id: int, sender: int, draft: Draft) -> tuple[StoredMessage, Event]:
        """Put a message into a channel."""
        with self._database.together():
            return self._store(channel_box(channel_id), 0, sender, draft, out=False)

    def send(
        self, sender: int, recipient: int, draft: Draft
    ) -> tuple[tuple[StoredMessage, Event], tuple[StoredMessage, Event] | None]:
        """Put a private message into both boxes: (sender's copy, recipient's copy); one copy when they are the same."""
        with self._database.together():
            mine, my_event = self._store(sender, recipient, sender, draft, out=True)
            if sender == recipient:
                return (mine, my_event), None
            reply_to = None
            if draft.reply_to is not None:
                answered = self.message(sender, draft.reply_to)
                reply_to = answered.twin_id if answered else None
            theirs, event = self._store(recipient, sender, sender, replace(draft, reply_to=reply_to), out=False)
            self._link(mine, theirs)
            return (replace(mine, twin_id=theirs.id), my_event), (replace(theirs, twin_id=mine.id), event)

    def edit(self, message: StoredMessage, draft: Draft) -> tuple[StoredMessage, Event]:
        """Replace a message's content in one box."""
        now = int(time.time())
        with self._database.together():
            self._database.run(
                "UPDATE messages SET text=?, entities=?, markup=?, document_id=?, edit_date=? WHERE box=? AND id=?",
                draft.text,
                draft.entities,
                draft.markup,
                draft.document_id,
                now,
                message.box,
                message.id,
            )
            event = self._log(message.box, "edit", (message.id,))
        stored = self.message(message.box, message.id)
        if stored is None:
            raise LookupError(f"message {message.id} vanished from box {message.box}")
        return stored, event

    def delete(self, box: int, message_ids: Iterable[int]) -> Event | None:
        """Remove messages from one box; None when none of them exists."""
        existing = tuple(message.id for message in self.messages(box, message_ids))
        if not existing:
            return None
        with self._database.together():
            for message_id in existing:
                self._database.run("DELETE FROM messages WHERE box = ? AND id = ?", box, message_id)
            return self._log(box, "delete", existing)

    def message(self, box: int, message_id: int) -> StoredMessage | None:
        """One message."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM messages WHERE box = ? AND id = ?", box, message_id)  # noqa: S608
        return None if row is None else _message(row)

    def messages(self, box: int, message_ids: Iterable[int]) -> list[StoredMessage]:
        """Those of the messages that exist, in the order asked."""
        return [message for message_id in message_ids if (message := self.message(box, message_id))]

    def history(self, box: int, peer: int, *, below: int, above: int, limit: int, skip: int = 0) -> list[StoredMessage]:
        """Messages of one chat with above < id < below, newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM messages WHERE box=? AND peer=? AND id<? AND id>?"  # noqa: S608
            " ORDER BY id DESC LIMIT ? OFFSET ?",
            box,
            peer,
            below,
            above,
            limit,
            skip,
        )
        return [_message(row) for row in rows]

    def count_from(self, box: int, peer: int, message_id: int) -> int:
        """How many messages of a chat have this id or a higher one."""
        found: int = self._database.value(
            "SELECT COUNT(*) FROM messages WHERE box = ? AND peer = ? AND id >= ?", box, peer, message_id
        )
        return found

    def first_since(self, box: int, peer: int, date: int) -> int | None:
        """The id of a chat's first message from ``date`` (Unix seconds) on."""
        found: int | None = self._database.value(
            "SELECT MIN(id) FROM messages WHERE box = ? AND peer = ? AND date >= ?", box, peer, date
        )
        return found

    def count(self, box: int, peer: int) -> int:
        """How many messages a chat holds."""
        found: int = self._database.value("SELECT COUNT(*) FROM messages WHERE box = ? AND peer = ?", box, peer)
        return found

    def peers(self, account_id: int) -> list[int]:
        """The other sides of an account's private chats."""
        return [row[0] for row in self._database.rows("SELECT DISTINCT peer FROM messages WHERE box = ?", account_id)]

    def has_written(self, sender: int, recipient: int) -> bool:
        """Whether ``recipient`` holds a message from ``sender``."""
        return (
            self._database.row("SELECT 1 FROM messages WHERE box=? AND peer=? AND sender=?", recipient, sender, sender)
            is not None
        )

    def boxes_with_document(self, document_id: int) -> set[int]:
        """The boxes in which some message carries a document."""
        return {row[0] for row in self._database.rows("SELECT box FROM messages WHERE document_id = ?", document_id)}

    def pts(self, box: int) -> int:
        """Where a box's event log stands."""
        table = "accounts" if box > 0 else "channels"
        return int(self._database.value(f"SELECT pts FROM {table} WHERE id = ?", abs(box)) or 1)  # noqa: S608

    def events(self, box: int, after_pts: int, limit: int) -> list[Event]:
        """Events of a box past a pts, oldest first."""
        rows = self._database.rows(
            "SELECT * FROM events WHERE box = ? AND pts > ? ORDER BY pts LIMIT ?", box, after_pts, limit
        )
        return [_event(row) for row in rows]

    def changed_since(self, box: int, date: int) -> bool:
        """Whether a box has events from ``date`` (Unix seconds) on."""
        return self._database.row("SELECT 1 FROM events WHERE box = ? AND date >= ? LIMIT 1", box, date) is not None

    def remember_sent(self, account_id: int, random_id: int, message: StoredMessage) -> None:
        """Note a client's random id, so that a repeated request is known."""
        self._database.run("INSERT INTO sent VALUES (?,?,?,?)", account_id, random_id, message.box, message.id)

    def was_sent(self, account_id: int, random_id: int) -> bool:
        """Whether this random id was used before."""
        return (
            self._database.row("SELECT 1 FROM sent WHERE account_id = ? AND random_id = ?", account_id, random_id)
            is not None
        )

    def _store(self, box: int, peer: int, sender: int, draft: Draft, *, out: bool) -> tuple[StoredMessage, Event]:
        table = "accounts" if box > 0 else "channels"
        self._database.run(f"UPDATE {table} SET last_message_id = last_message_id + 1 WHERE id = ?", abs(box))  # noqa: S608
        message_id = self._database.value(f"SELECT last_message_id FROM {table} WHERE id = ?", abs(box))  # noqa: S608
        message = StoredMessage(
            **vars(draft), box=box, id=message_id, peer=peer, sender=sender, out=out, date=int(time.time())
        )
        names = [name.strip() for name in _COLUMNS.split(",")]
        marks = ",".join("?" * len(names))
        self._database.run(f"INSERT INTO messages ({_COLUMNS}) VALUES ({marks})", *(getattr(message, n) for n in names))  # noqa: S608
        return message, self._log(box, "new", (message_id,))

    def _link(self, mine: StoredMessage, theirs: StoredMessage) -> None:
        for one, other in ((mine, theirs), (theirs, mine)):
            self._database.run("UPDATE messages SET twin_id = ? WHERE box = ? AND id = ?", other.id, one.box, one.id)

    def _log(self, box: int, kind: str, message_ids: tuple[int, ...]) -> Event:
        table = "accounts" if box > 0 else "channels"
        self._database.run(f"UPDATE {table} SET pts = pts + ? WHERE id = ?", len(message_ids), abs(box))  # noqa: S608
        event = Event(box, self.pts(box), len(message_ids), kind, message_ids, int(time.time()))
        self._database.run(
            "INSERT INTO events VALUES (?,?,?,?,?,?)",
            box,
            event.pts,
            event.pts_count,
            kind,
            json.dumps(message_ids),
            event.date,
        )
        return event


def _message(row: sqlite3.Row) -> StoredMessage:
    values = dict(row)
    values["out"] = bool(values["out"])
    return StoredMessage(**values)


def _event(row: sqlite3.Row) -> Event:
    ids = tuple(json.loads(row["message_ids"]))
    return Event(row["box"], row["pts"], row["pts_count"], row["kind"], ids, row["date"])
