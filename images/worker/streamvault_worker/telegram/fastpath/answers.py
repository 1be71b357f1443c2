"""Recognizes and opens the one kind of packet that matters for speed: the answer to upload.getFile.

Layout and checks: core.telegram.org/mtproto/description (version 2.0) and mtproto/security_guidelines.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass

from .cipher import Decrypt

WORTH_BYTES = 16 * 1024
"""Smaller packets are left to pyrogram: peeking costs more than it saves."""
_OUTER = struct.Struct("<8s16s")  # auth_key_id, msg_key
_INNER = struct.Struct("<q8sqiiIqIIi")
"""salt, session_id, msg_id, seq_no, length, rpc_result, req_msg_id, upload.file, storage.FileType, mtime."""
_INNER_AT = _OUTER.size
_LENGTH_AT = _INNER_AT + _INNER.size
_MESSAGE_AT = _INNER_AT + 32
_PEEK = -(-(_INNER.size + 4) // 16) * 16
_RPC_RESULT = 0xF35C6D01
_UPLOAD_FILE = 0x096A18D5
_LONG_BYTES = 254
_PADDING = range(12, 1025)


class ForgedPacket(ValueError):  # noqa: N818
    """The packet was not made by the server that shares our key."""


@dataclass(frozen=True)
class SessionKeys:
    """What packets of one session are opened with."""

    auth_key: bytes
    auth_key_id: bytes
    session_id: bytes


@dataclass(frozen=True)
class FileAnswer:
    """A piece of a file, and the request that it answers; `content` is a view into the packet."""

    msg_id: int
    seq_no: int
    req_msg_id: int
    content: memoryview


def open_file_answer(packet: bytearray, keys: SessionKeys, decrypt: Decrypt) -> FileAnswer | None:
    """Decrypt a packet in place if it answers upload.getFile, else return None and leave it as it is.

    Raises ForgedPacket.
    """
    if len(packet) < WORTH_BYTES or (len(packet) - _INNER_AT) % 16:
        return None
    auth_key_id, msg_key = _OUTER.unpack_from(packet)
    if auth_key_id != keys.auth_key_id:
        raise ForgedPacket("a packet for another key")
    aes_key, aes_iv = derive(keys.auth_key, msg_key)
    view = memoryview(packet)
    if not _carries_file(bytearray(view[_INNER_AT : _INNER_AT + _PEEK]), aes_key, aes_iv, decrypt):
        return None
    plain = view[_INNER_AT:]
    decrypt(plain, aes_key, aes_iv)
    digest = hashlib.sha256(keys.auth_key[96:128])
    digest.update(plain)
    if not hmac.compare_digest(digest.digest()[8:24], msg_key):
        raise ForgedPacket("the message key is wrong")
    return _parse(view, keys)


def derive(auth_key: bytes, msg_key: bytes) -> tuple[bytes, bytes]:
    """AES key and vector of a message from the server (mtproto/description, x = 8)."""
    a = hashlib.sha256(msg_key + auth_key[8:44]).digest()
    b = hashlib.sha256(auth_key[48:84] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def _carries_file(head: bytearray, aes_key: bytes, aes_iv: bytes, decrypt: Decrypt) -> bool:
    decrypt(memoryview(head), aes_key, aes_iv)
    _, _, _, _, _, outer, _, inner, _, _ = _INNER.unpack_from(head)
    return bool(outer == _RPC_RESULT and inner == _UPLOAD_FILE)


def _parse(view: memoryview, keys: SessionKeys) -> FileAnswer:
    _, session_id, msg_id, seq_no, length, _, req_msg_id, _, _, _ = _INNER.unpack_from(view, _INNER_AT)
    if session_id != keys.session_id:
        raise ForgedPacket("a packet for another session")
    if length < 0 or length % 4 or len(view) - _MESSAGE_AT - length not in _PADDING:
        raise ForgedPacket("the padding has a wrong length")
    if not msg_id % 2:
        raise ForgedPacket("the message id is a client's")
    start, size = _LENGTH_AT + 1, view[_LENGTH_AT]
    if size == _LONG_BYTES:
        start, size = _LENGTH_AT + 4, int.from_bytes(view[_LENGTH_AT + 1 : _LENGTH_AT + 4], "little")
    if start + size > _MESSAGE_AT + length:
        raise ForgedPacket("the file is longer than its message")
    return FileAnswer(msg_id, seq_no, req_msg_id, view[start : start + size].toreadonly())
