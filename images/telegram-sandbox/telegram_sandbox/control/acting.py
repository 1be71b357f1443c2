"""Acting as an account: finding chats by name, reading them, writing and pressing buttons."""

from telegram_sandbox.backend import Backend, CallbackAnswer
from telegram_sandbox.control.models import ButtonView, ChatView, DocumentView, MessageView
from telegram_sandbox.posting import Chat, buttons, channel_chat, post, press, private_chat
from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.channels import bare_id, marked_id
from telegram_sandbox.state.documents import Document
from telegram_sandbox.state.mailbox import Draft, StoredMessage
from telegram_sandbox.state.world import find_account
from telegram_sandbox.texts import check_text, with_found_entities
from telegram_sandbox.wire.tl import boxed_vector

_TOP = 1 << 31


class Actor:
    """One account, driven from outside the protocol."""

    def __init__(self, backend: Backend, who: str | int) -> None:
        self._backend = backend
        self.account: Account = find_account(backend.store.accounts, who)

    def chat(self, peer: str | int) -> Chat:
        """A chat by -100... id, account id, username, name or channel title. Raises LookupError."""
        channels = self._backend.store.channels
        text = str(peer)
        if text.lstrip("-").isdigit():
            channel = channels.get(bare_id(int(text)))
        else:
            channel = channels.by_username(text)
            channel = channel or next((one for one in channels.all() if one.title.lower() == text.lower()), None)
        if channel is not None:
            if not channels.may_read(channel, self.account.id, is_bot=self.account.is_bot):
                raise LookupError(f"{self.account.first_name} cannot see {channel.title}")
            return channel_chat(channel)
        return private_chat(self.account, find_account(self._backend.store.accounts, text))

    def peer_id(self, peer: str | int) -> int:
        """The number that names a chat: an account id or a -100... channel id. Raises LookupError."""
        chat = self.chat(peer)
        return marked_id(chat.channel.id) if chat.channel else chat.peer

    def chats(self) -> list[ChatView]:
        """Every chat, the latest first; bots and members are listed before anything was written."""
        store = self._backend.store
        chats = [channel_chat(channel) for channel in store.channels.of_account(self.account.id)]
        peers = set(store.mailbox.peers(self.account.id))
        if not self.account.is_bot:
            peers |= {account.id for account in store.accounts.all() if account.is_bot}
        chats += [private_chat(self.account, other) for peer in sorted(peers) if (other := store.accounts.get(peer))]
        shown = [(self._top(chat), chat) for chat in chats]
        shown.sort(key=lambda pair: pair[0].date if pair[0] else 0, reverse=True)
        return [_chat_view(chat, top.id if top else 0) for top, chat in shown]

    def messages(self, chat: Chat, *, limit: int = 50, before: int | None = None, after: int = 0) -> list[MessageView]:
        """A page of a chat, oldest first."""
        found = self._backend.store.mailbox.history(chat.box, chat.peer, below=before or _TOP, above=after, limit=limit)
        return [self._message_view(message) for message in reversed(found)]

    def say(self, chat: Chat, text: str, reply_to: int | None = None) -> MessageView:
        """Write. Raises RpcError."""
        check_text(text)
        draft = Draft(text=text, entities=boxed_vector(with_found_entities(text, None)), reply_to=reply_to)
        message, _ = post(self._backend, self.account, chat, draft)
        return self._message_view(message)

    async def press(self, chat: Chat, message_id: int, *, text: str | None, data: str | None) -> CallbackAnswer:
        """Press a button by its text or data. Raises LookupError, RpcError."""
        message = self._backend.store.mailbox.message(chat.box, message_id)
        rows = buttons(message) if message else []
        for button in (button for row in rows for button in row):
            wanted = button.text == text if data is None else button.data == data.encode()
            if wanted and button.data is not None:
                return await press(self._backend, self.account, chat, message_id, button.data)
        raise LookupError(f"message {message_id} has no button {text or data!r}")

    def _top(self, chat: Chat) -> StoredMessage | None:
        found = self._backend.store.mailbox.history(chat.box, chat.peer, below=_TOP, above=0, limit=1)
        return found[0] if found else None

    def _message_view(self, message: StoredMessage) -> MessageView:
        document = self._backend.store.documents.get(message.document_id) if message.document_id else None
        return MessageView(
            id=message.id,
            sender=message.sender,
            out=message.sender == self.account.id,
            date=message.date,
            edit_date=message.edit_date,
            text=message.text,
            reply_to=message.reply_to,
            grouped_id=message.grouped_id,
            document=document_view(document) if document else None,
            buttons=[
                [
                    ButtonView(text=one.text, data=one.data.decode(errors="replace") if one.data else None, url=one.url)
                    for one in row
                ]
                for row in buttons(message)
            ],
        )


def document_view(document: Document) -> DocumentView:
    """A document as JSON."""
    return DocumentView(
        id=document.id,
        dc_id=document.dc_id,
        name=document.name,
        mime_type=document.mime_type,
        size=document.size,
    )


def _chat_view(chat: Chat, last_message_id: int) -> ChatView:
    if chat.channel is not None:
        kind = "group" if chat.channel.megagroup else "channel"
        return ChatView(
            peer=marked_id(chat.channel.id), title=chat.channel.title, kind=kind, last_message_id=last_message_id
        )
    name = chat.account.first_name if chat.account else str(chat.peer)
    is_bot = chat.account is not None and chat.account.is_bot
    return ChatView(peer=chat.peer, title=name, kind="bot" if is_bot else "private", last_message_id=last_message_id)
