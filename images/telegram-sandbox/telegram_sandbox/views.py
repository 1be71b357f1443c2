"""What one account sees: accounts, channels, messages and documents as TL objects with that account's hashes."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from pyrogram.raw import base, types
from pyrogram.raw.core import TLObject

from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.channels import Channel, Member, Right, Role
from telegram_sandbox.state.documents import Document
from telegram_sandbox.state.mailbox import StoredMessage
from telegram_sandbox.state.store import Store
from telegram_sandbox.wire.tl import parse_vector


class View:
    """The world through one account's eyes."""

    def __init__(self, store: Store, viewer: Account) -> None:
        self.store = store
        self.viewer = viewer

    def user(self, account: Account) -> types.User:
        """An account; the phone number is shown to its owner only."""
        is_self = account.id == self.viewer.id
        return types.User(
            id=account.id,
            is_self=is_self or None,
            bot=account.is_bot or None,
            bot_info_version=1 if account.is_bot else None,
            deleted=account.deactivated or None,
            premium=account.premium or None,
            access_hash=self.store.accounts.access_hash(self.viewer.id, account.id),
            first_name=account.first_name,
            last_name=account.last_name,
            username=account.username,
            phone=account.phone if is_self else None,
            status=None if account.is_bot else types.UserStatusRecently(),
        )

    def channel(self, channel: Channel) -> base.Chat:
        """A channel, or its shell when this account may not see into it."""
        access_hash = self.store.channels.access_hash(self.viewer.id, channel.id)
        member = self.store.channels.member(channel.id, self.viewer.id)
        if not self.store.channels.may_read(channel, self.viewer.id, is_bot=self.viewer.is_bot):
            return types.ChannelForbidden(
                id=channel.id,
                access_hash=access_hash,
                title=channel.title,
                broadcast=not channel.megagroup or None,
                megagroup=channel.megagroup or None,
            )
        return types.Channel(
            id=channel.id,
            title=channel.title,
            photo=types.ChatPhotoEmpty(),
            date=channel.created,
            creator=(member is not None and member.role is Role.CREATOR) or None,
            left=(member is None or not member.inside) or None,
            broadcast=not channel.megagroup or None,
            megagroup=channel.megagroup or None,
            access_hash=access_hash,
            username=channel.username,
            admin_rights=admin_rights(member) if member else None,
            default_banned_rights=types.ChatBannedRights(until_date=0) if channel.megagroup else None,
            participants_count=len(self.store.channels.members(channel.id)),
        )

    def document(self, document: Document) -> types.Document:
        """A document with the hash and file reference that are valid for this account now."""
        return types.Document(
            id=document.id,
            access_hash=self.store.documents.access_hash(self.viewer.id, document.id),
            file_reference=self.store.documents.reference(self.viewer.id, document.id),
            date=document.date,
            mime_type=document.mime_type,
            size=document.size,
            dc_id=document.dc_id,
            attributes=parse_vector(document.attributes) or [],
        )

    def message(self, message: StoredMessage) -> types.Message:
        """A message of a box that this account may read."""
        in_channel = message.box < 0
        channel = self.store.channels.get(-message.box) if in_channel else None
        is_post = channel is not None and not channel.megagroup
        document = self.store.documents.get(message.document_id) if message.document_id else None
        own = message.sender == self.viewer.id
        reply_to = types.MessageReplyHeader(reply_to_msg_id=message.reply_to) if message.reply_to else None
        return types.Message(
            id=message.id,
            peer_id=types.PeerChannel(channel_id=-message.box) if in_channel else types.PeerUser(user_id=message.peer),
            date=message.date,
            message=message.text,
            out=(own if in_channel else message.out) or None,
            post=is_post or None,
            views=1 if is_post else None,
            forwards=0 if is_post else None,
            from_id=None if is_post else types.PeerUser(user_id=message.sender),
            media=self._media(document) if document else None,
            entities=parse_vector(message.entities),
            reply_markup=read_blob(message.markup),
            fwd_from=read_blob(message.forwarded_from),
            reply_to=reply_to,
            grouped_id=message.grouped_id,
            edit_date=message.edit_date,
        )

    def people(self, messages: Iterable[StoredMessage]) -> tuple[list[base.User], list[base.Chat]]:
        """(users, chats) that the messages name."""
        account_ids: set[int] = set()
        channel_ids: set[int] = set()
        for message in messages:
            if message.box < 0:
                channel_ids.add(-message.box)
                channel = self.store.channels.get(-message.box)
                if channel and channel.megagroup:
                    account_ids.add(message.sender)
            else:
                account_ids |= {message.peer, message.sender}
            forwarded = read_blob(message.forwarded_from)
            if forwarded is not None and isinstance(forwarded.from_id, types.PeerChannel):
                channel_ids.add(forwarded.from_id.channel_id)
        return self.users(account_ids), self.chats(channel_ids)

    def users(self, account_ids: Iterable[int]) -> list[base.User]:
        """Those accounts that exist."""
        return [self.user(found) for one in sorted(account_ids) if (found := self.store.accounts.get(one))]

    def chats(self, channel_ids: Iterable[int]) -> list[base.Chat]:
        """Those channels that exist."""
        return [self.channel(found) for one in sorted(channel_ids) if (found := self.store.channels.get(one))]

    def _media(self, document: Document) -> types.MessageMediaDocument:
        shown = self.document(document)
        is_video = any(isinstance(attribute, types.DocumentAttributeVideo) for attribute in shown.attributes)
        return types.MessageMediaDocument(document=shown, video=is_video or None)


def admin_rights(member: Member) -> types.ChatAdminRights | None:
    """The rights of a creator or admin."""
    if member.role not in (Role.CREATOR, Role.ADMIN):
        return None
    return types.ChatAdminRights(
        other=True,
        post_messages=member.may(Right.POST) or None,
        edit_messages=member.may(Right.EDIT) or None,
        delete_messages=member.may(Right.DELETE) or None,
        invite_users=member.may(Right.INVITE) or None,
        change_info=member.may(Right.CHANGE) or None,
        add_admins=(member.role is Role.CREATOR) or None,
    )


def read_blob(blob: bytes | None) -> Any:
    """One stored TL object; None stays None."""
    return None if blob is None else TLObject.read(BytesIO(blob))
