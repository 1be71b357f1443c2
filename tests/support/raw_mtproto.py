"""A small MTProto client that shares no code with the server: RSA_PAD key exchange, hand-written TL, one TCP stream.

No Python library sends RSA_PAD or breaks the protocol on purpose; this one does both.
https://core.telegram.org/mtproto/auth_key
"""

import asyncio
import os
import struct
import time
from hashlib import sha1, sha256
from typing import Self

import cryptg
import rsa as pure_rsa

DH_GEN_OK = 0x3BCBF734
RES_PQ = 0x05162463
SERVER_DH_PARAMS_OK = 0xD0E8075C
SERVER_DH_INNER_DATA = 0xB5890DBA
BAD_SERVER_SALT = 0xEDAB447B
VECTOR = 0x1CB5C415


def tl_bytes(value: bytes) -> bytes:
    """A TL bytes field."""
    head = bytes([len(value)]) if len(value) < 254 else b"\xfe" + len(value).to_bytes(3, "little")
    return head + value + bytes(-(len(head) + len(value)) % 4)


def take_bytes(data: bytes, position: int) -> tuple[bytes, int]:
    """(a TL bytes field, the position after it)."""
    length, start = data[position], position + 1
    if length == 254:
        length, start = int.from_bytes(data[start : start + 3], "little"), start + 3
    end = start + length
    return data[start:end], end + -(end - position) % 4


def big(number: int) -> bytes:
    """Big-endian without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class RawClient:
    """One connection over the intermediate transport; ``handshake`` makes a key, ``send`` and ``receive`` use it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.auth_key = b""
        self.salt = 0
        self.session_id = os.urandom(8)
        self._last_id = 0
        self._content = 0

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Connect and announce the transport."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=4 << 20))
        client._writer.write(b"\xee" * 4)
        return client

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        await self._writer.wait_closed()

    async def send_packet(self, payload: bytes, *, quick_ack: bool = False) -> None:
        """One transport packet."""
        self._writer.write(struct.pack("<I", len(payload) | (0x80000000 if quick_ack else 0)) + payload)
        await self._writer.drain()

    async def receive_packet(self) -> bytes:
        """The next transport packet; a quick acknowledgement comes as its 4 bytes."""
        head = await asyncio.wait_for(self._reader.readexactly(4), 60)
        (length,) = struct.unpack("<I", head)
        return head if length & 0x80000000 else await asyncio.wait_for(self._reader.readexactly(length), 60)

    async def plain(self, body: bytes) -> bytes:
        """One unencrypted exchange."""
        await self.send_packet(struct.pack("<qqI", 0, self.message_id(), len(body)) + body)
        answer = await self.receive_packet()
        if len(answer) == 4:
            raise ConnectionError(struct.unpack("<i", answer)[0])
        return answer[20 : 20 + struct.unpack_from("<I", answer, 16)[0]]

    def message_id(self) -> int:
        """Rising ids near real time."""
        self._last_id = max(self._last_id + 4, int(time.time() * 2**32) & ~3)
        return self._last_id

    async def handshake(self, public_pem: str, *, dc_id: int = 2, pad: str = "rsa_pad", spoil: str = "") -> None:
        """Make an auth key; ``spoil`` breaks a named step on purpose."""
        nonce = os.urandom(16)
        answer = await self.plain(struct.pack("<I", 0xBE7E8EF1) + nonce)
        assert struct.unpack_from("<I", answer)[0] == RES_PQ
        assert answer[4:20] == nonce
        server_nonce = answer[20:36]
        pq, position = take_bytes(answer, 36)
        _, count, named = struct.unpack_from("<IIq", answer, position)
        key = pure_rsa.PublicKey.load_pkcs1(public_pem.encode())
        assert (count, named) == (1, _fingerprint(key))
        p, q = sorted(cryptg.factorize_pq_pair(int.from_bytes(pq, "big")))
        new_nonce = os.urandom(32)
        inner = struct.pack("<I", 0xA9F55F95) + tl_bytes(pq) + tl_bytes(big(p)) + tl_bytes(big(q))
        inner += nonce + server_nonce + new_nonce + struct.pack("<i", dc_id)
        block = _rsa_pad(inner, key) if pad == "rsa_pad" else _legacy_pad(inner, key)
        if spoil == "rsa":
            block = os.urandom(1)[:0] + bytes([block[0] ^ 1]) + block[1:]
        request = struct.pack("<I", 0xD712E4BE) + nonce + server_nonce + tl_bytes(big(p)) + tl_bytes(big(q))
        answer = await self.plain(request + struct.pack("<q", named) + tl_bytes(block))
        assert struct.unpack_from("<I", answer)[0] == SERVER_DH_PARAMS_OK
        encrypted, _ = take_bytes(answer, 36)
        await self._finish(nonce, server_nonce, new_nonce, encrypted, spoil)

    async def _finish(self, nonce: bytes, server_nonce: bytes, new_nonce: bytes, encrypted: bytes, spoil: str) -> None:
        aes_key = sha1(new_nonce + server_nonce).digest() + sha1(server_nonce + new_nonce).digest()[:12]
        aes_iv = sha1(server_nonce + new_nonce).digest()[12:] + sha1(new_nonce + new_nonce).digest() + new_nonce[:4]
        plain = cryptg.decrypt_ige(encrypted, aes_key, aes_iv)
        inner = plain[20:]
        assert struct.unpack_from("<I", inner)[0] == SERVER_DH_INNER_DATA
        assert inner[4:36] == nonce + server_nonce
        (generator,) = struct.unpack_from("<i", inner, 36)
        prime, position = take_bytes(inner, 40)
        g_a, position = take_bytes(inner, position)
        assert plain[:20] == sha1(inner[: position + 4]).digest()
        modulus, secret = int.from_bytes(prime, "big"), int.from_bytes(os.urandom(256), "big")
        g_b = big(1 if spoil == "g_b" else pow(generator, secret, modulus))
        data = struct.pack("<I", 0x6643B654) + nonce + server_nonce + struct.pack("<q", 0) + tl_bytes(g_b)
        hashed = sha1(data).digest() + data
        hashed += os.urandom(-len(hashed) % 16)
        sealed = cryptg.encrypt_ige(hashed, aes_key, aes_iv)
        answer = await self.plain(struct.pack("<I", 0xF5045F1F) + nonce + server_nonce + tl_bytes(sealed))
        assert struct.unpack_from("<I", answer)[0] == DH_GEN_OK
        self.auth_key = pow(int.from_bytes(g_a, "big"), secret, modulus).to_bytes(256, "big")
        expected = sha1(new_nonce + b"\x01" + sha1(self.auth_key).digest()[:8]).digest()[4:20]
        assert answer[36:52] == expected
        first_salt = bytes(a ^ b for a, b in zip(new_nonce[:8], server_nonce[:8], strict=True))
        self.salt = int.from_bytes(first_salt, "little", signed=True)

    async def send(
        self, body: bytes, *, message_id: int | None = None, content: bool = True, quick_ack: bool = False
    ) -> int:
        """One encrypted message; gives its id."""
        message_id = self.message_id() if message_id is None else message_id
        sequence = self._content * 2 + content
        self._content += content
        plain = struct.pack("<q8sqII", self.salt, self.session_id, message_id, sequence, len(body)) + body
        plain += os.urandom(12 + -(len(plain) + 12) % 16)
        msg_key = sha256(self.auth_key[88:120] + plain).digest()[8:24]
        sealed = cryptg.encrypt_ige(plain, *_aes(self.auth_key, msg_key, 0))
        await self.send_packet(sha1(self.auth_key).digest()[12:20] + msg_key + sealed, quick_ack=quick_ack)
        return message_id

    async def receive(self) -> tuple[int, int, bytes]:
        """(message id, sequence, body) of the next message, msg_key and padding checked."""
        packet = await self.receive_packet()
        if len(packet) == 4:
            raise ConnectionError(struct.unpack("<i", packet)[0])
        assert packet[:8] == sha1(self.auth_key).digest()[12:20]
        plain = cryptg.decrypt_ige(packet[24:], *_aes(self.auth_key, packet[8:24], 8))
        assert sha256(self.auth_key[96:128] + plain).digest()[8:24] == packet[8:24]
        _, session_id, message_id, sequence, length = struct.unpack_from("<q8sqII", plain)
        assert session_id == self.session_id
        assert 12 <= len(plain) - 32 - length <= 1024
        assert message_id % 2 == 1
        return message_id, sequence, plain[32 : 32 + length]

    async def receive_until(self, constructor: int) -> bytes:
        """The body of the next message of a kind."""
        while True:
            _, _, body = await self.receive()
            if struct.unpack_from("<I", body)[0] == constructor:
                return body


def _aes(auth_key: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def _fingerprint(key: pure_rsa.PublicKey) -> int:
    return int.from_bytes(sha1(tl_bytes(big(key.n)) + tl_bytes(big(key.e))).digest()[-8:], "little", signed=True)


def _rsa_pad(data: bytes, key: pure_rsa.PublicKey) -> bytes:
    padded = data + os.urandom(192 - len(data))
    while True:
        temp_key = os.urandom(32)
        with_hash = padded[::-1] + sha256(temp_key + padded).digest()
        encrypted = cryptg.encrypt_ige(with_hash, temp_key, bytes(32))
        block = bytes(a ^ b for a, b in zip(temp_key, sha256(encrypted).digest(), strict=True)) + encrypted
        number = int.from_bytes(block, "big")
        if number < key.n:
            return pow(number, key.e, key.n).to_bytes(256, "big")


def _legacy_pad(data: bytes, key: pure_rsa.PublicKey) -> bytes:
    block = sha1(data).digest() + data
    block += os.urandom(255 - len(block))
    return pow(int.from_bytes(block, "big"), key.e, key.n).to_bytes(256, "big")
