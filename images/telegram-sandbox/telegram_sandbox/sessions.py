"""MTProto sessions: message ids, sequence numbers, salts, and the pushes that a client has not acknowledged yet."""

import os
import struct
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from telegram_sandbox.state.auth_keys import AuthKey
from telegram_sandbox.state.database import Database

if TYPE_CHECKING:
    from telegram_sandbox.connection import Connection

MAX_UNACKED = 200
MAX_SESSIONS = 2000
_REMEMBERED_IDS = 1000


class Session:
    """One client session (an auth key and a session id of the client's choice), over one connection at a time."""

    def __init__(self, key: AuthKey, session_id: bytes) -> None:
        self.key = key
        self.id = session_id
        self.unique_id = int.from_bytes(os.urandom(8), "little", signed=True)
        self.connection: Connection | None = None
        self.announced = False
        self.wants_updates = False
        self.layer: int | None = None
        self._unacked: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._last_message_id = 0
        self._content_messages = 0
        self._seen: deque[int] = deque(maxlen=_REMEMBERED_IDS)
        self._seen_set: set[int] = set()

    def first_sight(self, message_id: int) -> bool:
        """Whether a client's message id is new; remembers it."""
        if message_id in self._seen_set:
            return False
        if len(self._seen) == _REMEMBERED_IDS:
            self._seen_set.discard(self._seen[0])
        self._seen.append(message_id)
        self._seen_set.add(message_id)
        return True

    def has_seen(self, message_id: int) -> bool:
        """Whether a client's message id arrived before."""
        return message_id in self._seen_set

    def next_message_id(self, *, answer: bool) -> int:
        """Rising, near real time; 1 mod 4 for answers and 3 mod 4 for everything else."""
        now = int(time.time() * 2**32) & ~3
        self._last_message_id = max(now, (self._last_message_id & ~3) + 4) | (1 if answer else 3)
        return self._last_message_id

    def next_sequence(self, *, content: bool) -> int:
        """Odd for messages that must be acknowledged."""
        sequence = self._content_messages * 2 + content
        self._content_messages += content
        return sequence

    def remember_push(self, message_id: int, sequence: int, body: bytes) -> None:
        """Keep a push until it is acknowledged; the oldest goes when there are too many (getDifference covers it)."""
        self._unacked[message_id] = (sequence, body)
        while len(self._unacked) > MAX_UNACKED:
            self._unacked.popitem(last=False)

    def acknowledge(self, message_ids: list[int]) -> None:
        """The client has these messages."""
        for message_id in message_ids:
            self._unacked.pop(message_id, None)

    def unacknowledged(self) -> list[tuple[int, int, bytes]]:
        """(message id, sequence number, body) of the pushes to repeat on a new connection."""
        return [(message_id, sequence, body) for message_id, (sequence, body) in self._unacked.items()]


class Sessions:
    """Every session that a connection has used."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[bytes, bytes], Session] = OrderedDict()

    def open(self, key: AuthKey, session_id: bytes) -> Session:
        """The session, made at first sight."""
        session = self._sessions.get((key.id, session_id))
        if session is None:
            self._make_room()
            session = self._sessions[key.id, session_id] = Session(key, session_id)
        return session

    def destroy(self, key: AuthKey, session_id: bytes) -> bool:
        """Forget a session at its client's wish; False when there is none."""
        return self._sessions.pop((key.id, session_id), None) is not None

    def of_key(self, key: AuthKey) -> list[Session]:
        """The sessions of one key."""
        return [session for session in self._sessions.values() if session.key is key]

    def subscribed(self, account_id: int) -> list[Session]:
        """The sessions of an account that asked for updates."""
        return [
            session
            for session in self._sessions.values()
            if session.wants_updates and session.key.account_id == account_id and session.key.verdict is None
        ]

    def _make_room(self) -> None:
        if len(self._sessions) < MAX_SESSIONS:
            return
        for name in [name for name, session in self._sessions.items() if session.connection is None][:100]:
            del self._sessions[name]


class Salts:
    """Server salts: a function of key and period, so that nothing has to be stored; a new key starts with its own."""

    def __init__(self, database: Database, lifetime_seconds: int) -> None:
        self._database = database
        self._lifetime = lifetime_seconds

    def current(self, key: AuthKey) -> int:
        """The salt to use now."""
        return self._of_period(key, self._period())

    def accepts(self, key: AuthKey, salt: int) -> bool:
        """The salts of this period and its neighbours, and for one period the salt that the key exchange made."""
        if salt == key.first_salt and time.time() < key.created + self._lifetime:
            return True
        period = self._period()
        return salt in {self._of_period(key, near) for near in (period, period - 1, period + 1)}

    def future(self, key: AuthKey, count: int) -> bytes:
        """The vector inside future_salts."""
        period = self._period()
        return struct.pack("<I", count) + b"".join(
            struct.pack(
                "<iiq",
                (period + step) * self._lifetime,
                (period + step + 2) * self._lifetime,
                self._of_period(key, period + step),
            )
            for step in range(count)
        )

    def _period(self) -> int:
        return int(time.time()) // self._lifetime

    def _of_period(self, key: AuthKey, period: int) -> int:
        return self._database.digest_int64("salt", key.id.hex(), period)
