"""MTProto 2.0 message encryption (https://core.telegram.org/mtproto/description)."""

import os
from hashlib import sha1, sha256

import cryptg

FROM_CLIENT = 0
FROM_SERVER = 8


class BadCiphertext(ValueError):
    """The packet does not decrypt under the key that it names."""


def auth_key_id(auth_key: bytes) -> bytes:
    """The 8 bytes that name a 256-byte key on the wire."""
    return sha1(auth_key).digest()[12:20]


def _aes_parameters(auth_key: bytes, msg_key: bytes, direction: int) -> tuple[bytes, bytes]:
    a = sha256(msg_key + auth_key[direction : direction + 36]).digest()
    b = sha256(auth_key[direction + 40 : direction + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]


def padding_length(unpadded: int) -> int:
    """12 to 27 bytes, so that the whole is a multiple of 16."""
    return 12 + -(unpadded + 12) % 16


def seal(auth_key: bytes, key_id: bytes, padded: bytes | bytearray) -> tuple[bytes, bytes]:
    """(key id + msg_key, ciphertext) of a padded plaintext from the server."""
    digest = sha256(auth_key[96:128])
    digest.update(padded)
    msg_key = digest.digest()[8:24]
    key, iv = _aes_parameters(auth_key, msg_key, FROM_SERVER)
    return key_id + msg_key, cryptg.encrypt_ige(bytes(padded), key, iv)


def seal_message(auth_key: bytes, key_id: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """Like ``seal``, padding included."""
    return seal(auth_key, key_id, plaintext + os.urandom(padding_length(len(plaintext))))


def open_packet(auth_key: bytes, packet: bytes) -> tuple[bytes, int]:
    """(plaintext with padding, quick-ack token) of a client's packet. Raises BadCiphertext."""
    msg_key = packet[8:24]
    # Padded transports append up to 15 random bytes.
    ciphertext = packet[24 : 24 + (len(packet) - 24) // 16 * 16]
    if len(ciphertext) < 48:
        raise BadCiphertext("too short")
    key, iv = _aes_parameters(auth_key, msg_key, FROM_CLIENT)
    plaintext: bytes = cryptg.decrypt_ige(ciphertext, key, iv)
    digest = sha256(auth_key[88:120])
    digest.update(plaintext)
    large = digest.digest()
    if large[8:24] != msg_key:
        raise BadCiphertext("msg_key")
    return plaintext, int.from_bytes(large[:4], "little") | 0x80000000
