"""messages.sendMedia, sendMultiMedia, uploadMedia: documents in chats. Photos are refused: send files as documents."""

import secrets
from typing import Any

from pyrogram.raw import functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import chat_of
from telegram_sandbox.methods.upload import check_reference
from telegram_sandbox.methods.writing import markup_of, reply_of, send_drafts
from telegram_sandbox.state.documents import Document
from telegram_sandbox.state.mailbox import Draft
from telegram_sandbox.state.uploads import BadUpload
from telegram_sandbox.texts import check_caption, with_found_entities
from telegram_sandbox.wire.tl import boxed_vector

MAX_ALBUM = 10


@handles(functions.messages.SendMedia)
async def send_media(call: Call, request: functions.messages.SendMedia) -> types.Updates:
    """Send a document."""
    chat = chat_of(call, request.peer)
    check_caption(request.message, premium=call.account.premium)
    draft = Draft(
        text=request.message,
        entities=boxed_vector(with_found_entities(request.message, request.entities)),
        markup=markup_of(call, request.reply_markup),
        reply_to=reply_of(call, chat, request.reply_to),
        document_id=document_of(call, request.media).id,
    )
    return send_drafts(call, chat, [(request.random_id, draft)])


@handles(functions.messages.SendMultiMedia)
async def send_multi_media(call: Call, request: functions.messages.SendMultiMedia) -> types.Updates:
    """Send an album."""
    chat = chat_of(call, request.peer)
    if not 0 < len(request.multi_media) <= MAX_ALBUM:
        raise RpcError("MULTI_MEDIA_TOO_LONG" if request.multi_media else "MEDIA_EMPTY")
    grouped_id = secrets.randbits(62)
    drafts = []
    for single in request.multi_media:
        check_caption(single.message, premium=call.account.premium)
        draft = Draft(
            text=single.message,
            entities=boxed_vector(with_found_entities(single.message, single.entities)),
            reply_to=reply_of(call, chat, request.reply_to),
            document_id=document_of(call, single.media).id,
            grouped_id=grouped_id,
        )
        drafts.append((single.random_id, draft))
    return send_drafts(call, chat, drafts)


@handles(functions.messages.UploadMedia)
async def upload_media(call: Call, request: functions.messages.UploadMedia) -> types.MessageMediaDocument:
    """Make a document without a message, to be sent later."""
    chat_of(call, request.peer)
    return types.MessageMediaDocument(document=call.view.document(document_of(call, request.media)))


def document_of(call: Call, media: Any) -> Document:
    """The document that an InputMedia names or creates. Raises RpcError."""
    match media:
        case types.InputMediaUploadedDocument():
            return _uploaded(call, media)
        case types.InputMediaDocument(id=types.InputDocument() as named):
            document = call.store.documents.get(named.id)
            if document is None or named.access_hash != call.store.documents.access_hash(call.account.id, named.id):
                raise RpcError("MEDIA_INVALID")
            check_reference(call, named.id, named.file_reference)
            return document
        case types.InputMediaUploadedPhoto() | types.InputMediaPhoto():
            raise RpcError("PHOTO_INVALID")
        case types.InputMediaEmpty():
            raise RpcError("MEDIA_EMPTY")
    raise RpcError("MEDIA_INVALID")


def _uploaded(call: Call, media: types.InputMediaUploadedDocument) -> Document:
    account = call.account
    if not isinstance(media.file, types.InputFile | types.InputFileBig):
        raise RpcError("MEDIA_INVALID")
    try:
        file = call.store.uploads.finish(account.id, media.file.id, media.file.parts)
    except BadUpload as refused:
        raise RpcError(str(refused)) from refused
    attributes = list(media.attributes)
    named = [one.file_name for one in attributes if isinstance(one, types.DocumentAttributeFilename)]
    if not named and media.file.name:
        attributes.append(types.DocumentAttributeFilename(file_name=media.file.name))
    # Files live in the home data centre of whoever sent them.
    return call.store.documents.adopt(
        file,
        dc_id=account.home_dc,
        mime_type=media.mime_type or "application/octet-stream",
        attributes=boxed_vector(attributes),
        owner=account.id,
        name=(named or [media.file.name])[0],
    )
