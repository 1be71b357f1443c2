"""Channels and groups, their members and what each member may do."""

import sqlite3
import time
from dataclasses import dataclass
from enum import StrEnum

from telegram_sandbox.state.database import Database

CHANNEL_OFFSET = 1_000_000_000_000


class Role(StrEnum):
    """How an account stands to a channel."""

    CREATOR = "creator"
    ADMIN = "admin"
    MEMBER = "member"
    LEFT = "left"
    BANNED = "banned"


class Right(StrEnum):
    """What an admin may do; a creator may do everything."""

    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    INVITE = "invite"
    CHANGE = "change"


@dataclass(frozen=True)
class Channel:
    """A broadcast channel, or a group when ``megagroup``; ``id`` is the bare, positive id."""

    id: int
    title: str
    username: str | None
    about: str
    megagroup: bool
    created: int
    pts: int


@dataclass(frozen=True)
class Member:
    """One account in one channel."""

    channel_id: int
    account_id: int
    role: Role
    rights: frozenset[Right]
    joined: int

    @property
    def inside(self) -> bool:
        """Whether the account takes part now."""
        return self.role in (Role.CREATOR, Role.ADMIN, Role.MEMBER)

    def may(self, right: Right) -> bool:
        """Whether the account has a right."""
        return self.role is Role.CREATOR or (self.role is Role.ADMIN and right in self.rights)


class Channels:
    """The channels and members tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, channel_id: int) -> Channel | None:
        """By bare id."""
        return _channel(self._database.row("SELECT * FROM channels WHERE id = ?", channel_id))

    def by_username(self, username: str) -> Channel | None:
        """By username, with or without @."""
        return _channel(self._database.row("SELECT * FROM channels WHERE username = ?", username.removeprefix("@")))

    def all(self) -> list[Channel]:
        """Every channel, by id."""
        rows = self._database.rows("SELECT * FROM channels ORDER BY id")
        return [channel for row in rows if (channel := _channel(row))]

    def put(self, channel: Channel) -> None:
        """Create, or replace what is declared about a channel (its counters stay)."""
        self._database.run(
            "INSERT INTO channels (id, title, username, about, megagroup, created) VALUES (?,?,?,?,?,?)"
            " ON CONFLICT (id) DO UPDATE SET title=excluded.title, username=excluded.username, about=excluded.about,"
            " megagroup=excluded.megagroup",
            channel.id,
            channel.title,
            channel.username,
            channel.about,
            channel.megagroup,
            channel.created,
        )

    def put_member(
        self, channel_id: int, account_id: int, role: Role, rights: frozenset[Right] = frozenset(Right)
    ) -> None:
        """Set an account's role; ``rights`` count for admins only."""
        self._database.run(
            "INSERT INTO members VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET role=excluded.role,"
            " rights=excluded.rights",
            channel_id,
            account_id,
            role.value,
            " ".join(sorted(rights)) if role is Role.ADMIN else "",
            int(time.time()),
        )

    def member(self, channel_id: int, account_id: int) -> Member | None:
        """One account's standing."""
        row = self._database.row(
            "SELECT * FROM members WHERE channel_id = ? AND account_id = ?", channel_id, account_id
        )
        return None if row is None else _member(row)

    def members(self, channel_id: int) -> list[Member]:
        """Everyone inside."""
        rows = self._database.rows("SELECT * FROM members WHERE channel_id = ? ORDER BY account_id", channel_id)
        return [member for row in rows if (member := _member(row)).inside]

    def of_account(self, account_id: int) -> list[Channel]:
        """The channels that an account is inside of."""
        rows = self._database.rows("SELECT * FROM members WHERE account_id = ? ORDER BY channel_id", account_id)
        inside = [_member(row).channel_id for row in rows if _member(row).inside]
        return [channel for channel_id in inside if (channel := self.get(channel_id))]

    def may_read(self, channel: Channel, account_id: int, *, is_bot: bool) -> bool:
        """Members may read; users, not bots, may also read public channels that did not ban them."""
        member = self.member(channel.id, account_id)
        if member is not None and member.inside:
            return True
        banned = member is not None and member.role is Role.BANNED
        return bool(channel.username) and not banned and not is_bot

    def access_hash(self, viewer_id: int, channel_id: int) -> int:
        """The hash under which one account knows a channel."""
        return self._database.digest_int64("channel", viewer_id, channel_id)


def bare_id(channel_id: int) -> int:
    """The positive id of a channel given as itself or in the -100... form of bots and client libraries."""
    return channel_id if channel_id > 0 else -channel_id - CHANNEL_OFFSET


def marked_id(channel_id: int) -> int:
    """The -100... form."""
    return -CHANNEL_OFFSET - channel_id


def _channel(row: sqlite3.Row | None) -> Channel | None:
    if row is None:
        return None
    return Channel(
        id=row["id"],
        title=row["title"],
        username=row["username"],
        about=row["about"],
        megagroup=bool(row["megagroup"]),
        created=row["created"],
        pts=row["pts"],
    )


def _member(row: sqlite3.Row) -> Member:
    rights = frozenset(Right(right) for right in row["rights"].split())
    return Member(row["channel_id"], row["account_id"], Role(row["role"]), rights, row["joined"])
