"""upload.*: file bytes in both directions (https://core.telegram.org/api/files)."""

from pyrogram.raw import functions, types

from telegram_sandbox.call import Call, FileSlice
from telegram_sandbox.dispatch import handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.state.documents import Document, StaleReference, UnknownReference
from telegram_sandbox.state.uploads import BadUpload

MIB = 1 << 20
_STORAGE = {
    "image/jpeg": 0x007EFE0E,
    "image/gif": 0xCAE1AADF,
    "image/png": 0x0A4F63C0,
    "application/pdf": 0xAE1E508D,
    "audio/mpeg": 0x528A0677,
    "video/quicktime": 0x4B09EBBC,
    "video/mp4": 0xB3CEA0E4,
    "image/webp": 0x1081464C,
}
_STORAGE_UNKNOWN = 0xAA963B05


@handles(functions.upload.GetFile)
async def get_file(call: Call, request: functions.upload.GetFile) -> FileSlice:
    """A piece of a document; past its end the piece is short or empty, which is no error."""
    document = _located(call, request)
    check_piece(request.offset, request.limit, precise=bool(request.precise))
    if document.dc_id != call.dc_id:
        raise RpcError(f"FILE_MIGRATE_{document.dc_id}")
    length = max(0, min(request.limit, document.size - request.offset))
    file_type = _STORAGE.get(document.mime_type, _STORAGE_UNKNOWN)
    return FileSlice(call.store.documents.file(document.id), request.offset, length, document.date, file_type)


def check_piece(offset: int, limit: int, *, precise: bool) -> None:
    """The alignment rules. Raises RpcError OFFSET_INVALID, LIMIT_INVALID."""
    step = 1024 if precise else 4096
    if offset < 0 or offset % step:
        raise RpcError("OFFSET_INVALID")
    if not 0 < limit <= MIB or limit % step or (not precise and MIB % limit):
        raise RpcError("LIMIT_INVALID")
    if offset // MIB != (offset + limit - 1) // MIB:
        raise RpcError("OFFSET_INVALID" if precise else "LIMIT_INVALID")


def _located(call: Call, request: functions.upload.GetFile) -> Document:
    location = request.location
    if not isinstance(location, types.InputDocumentFileLocation):
        raise RpcError("LOCATION_INVALID")
    document = call.store.documents.get(location.id)
    account_id = call.account.id
    if document is None or location.access_hash != call.store.documents.access_hash(account_id, location.id):
        raise RpcError("FILE_ID_INVALID")
    if location.thumb_size:
        raise RpcError("LOCATION_INVALID")
    check_reference(call, document.id, location.file_reference)
    return document


def check_reference(call: Call, document_id: int, reference: bytes) -> None:
    """Raises RpcError FILE_REFERENCE_EMPTY, FILE_REFERENCE_INVALID, FILE_REFERENCE_EXPIRED."""
    if not reference:
        raise RpcError("FILE_REFERENCE_EMPTY")
    try:
        call.store.documents.check_reference(call.account.id, document_id, bytes(reference))
    except UnknownReference as unknown:
        raise RpcError("FILE_REFERENCE_INVALID") from unknown
    except StaleReference as stale:
        raise RpcError("FILE_REFERENCE_EXPIRED") from stale


@handles(functions.upload.SaveFilePart)
async def save_file_part(call: Call, request: functions.upload.SaveFilePart) -> bool:
    """A part of a file up to 10 MiB."""
    return _save(call, request.file_id, request.file_part, request.bytes, None)


@handles(functions.upload.SaveBigFilePart)
async def save_big_file_part(call: Call, request: functions.upload.SaveBigFilePart) -> bool:
    """A part of a larger file."""
    return _save(call, request.file_id, request.file_part, request.bytes, request.file_total_parts)


def _save(call: Call, file_id: int, part: int, data: bytes, total: int | None) -> bool:
    account = call.account
    try:
        call.store.uploads.save(account.id, file_id, part, data, total=total, premium=account.premium)
    except BadUpload as refused:
        raise RpcError(str(refused)) from refused
    return True
