"""Updates: events turned into TL for one viewer, and pushed to the sessions that asked for them."""

import time
from collections.abc import Iterable

from pyrogram.raw import base, types

from telegram_sandbox.sessions import Session, Sessions
from telegram_sandbox.state.mailbox import Event, StoredMessage
from telegram_sandbox.state.store import Store
from telegram_sandbox.views import View


def update_of(view: View, event: Event) -> base.Update | None:
    """One event as an update; None when its message is gone again."""
    if event.kind == "delete":
        ids = list(event.message_ids)
        if event.box < 0:
            return types.UpdateDeleteChannelMessages(
                channel_id=-event.box, messages=ids, pts=event.pts, pts_count=event.pts_count
            )
        return types.UpdateDeleteMessages(messages=ids, pts=event.pts, pts_count=event.pts_count)
    stored = view.store.mailbox.message(event.box, event.message_ids[0])
    if stored is None:
        return None
    shown = view.message(stored)
    if event.kind == "new":
        if event.box < 0:
            return types.UpdateNewChannelMessage(message=shown, pts=event.pts, pts_count=event.pts_count)
        return types.UpdateNewMessage(message=shown, pts=event.pts, pts_count=event.pts_count)
    if event.box < 0:
        return types.UpdateEditChannelMessage(message=shown, pts=event.pts, pts_count=event.pts_count)
    return types.UpdateEditMessage(message=shown, pts=event.pts, pts_count=event.pts_count)


def messages_of(store: Store, events: Iterable[Event]) -> list[StoredMessage]:
    """The messages that new and edit events speak of, as far as they still exist."""
    found = []
    for event in events:
        if event.kind != "delete":
            found += store.mailbox.messages(event.box, event.message_ids)
    return found


def bundle(view: View, events: list[Event], before: Iterable[base.Update] = ()) -> types.Updates:
    """Events as the Updates of one viewer, after updates that have no pts."""
    users, chats = view.people(messages_of(view.store, events))
    boxes = {event.box for event in events if event.box < 0}
    known = {chat.id for chat in chats}
    chats += view.chats(-box for box in boxes if -box not in known)
    rest = [update for event in events if (update := update_of(view, event))]
    return types.Updates(updates=[*before, *rest], users=users, chats=chats, date=int(time.time()), seq=0)


class UpdateHub:
    """Delivers updates; a session that is away gets its pushes when it comes back."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def publish(self, events: Iterable[Event], *, but: Session | None = None) -> None:
        """Push events to everyone who can see them, except the session whose request caused them."""
        for event in events:
            for account_id in self._audience(event.box):
                sessions = [session for session in self._sessions.subscribed(account_id) if session is not but]
                account = self._store.accounts.get(account_id) if sessions else None
                if account is None:
                    continue
                for session in sessions:
                    self._push(session, bundle(View(self._store, account), [event]))

    def push(self, account_id: int, update: base.Update, users: Iterable[int] = (), chats: Iterable[int] = ()) -> bool:
        """Push one update without pts to an account; False when no session of it listens."""
        sessions = [session for session in self._sessions.subscribed(account_id) if session.connection]
        account = self._store.accounts.get(account_id)
        if not sessions or account is None:
            return False
        view = View(self._store, account)
        updates = types.Updates(
            updates=[update], users=view.users(users), chats=view.chats(chats), date=int(time.time()), seq=0
        )
        for session in sessions:
            self._push(session, updates)
        return True

    def _audience(self, box: int) -> list[int]:
        if box > 0:
            return [box]
        return [member.account_id for member in self._store.channels.members(-box)]

    def _push(self, session: Session, updates: types.Updates) -> None:
        body = updates.write()
        message_id, sequence = session.next_message_id(answer=False), session.next_sequence(content=True)
        session.remember_push(message_id, sequence, body)
        if session.connection is not None:
            session.connection.send_message(session, message_id, sequence, body)
