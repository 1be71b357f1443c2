"""Key exchange, server side (https://core.telegram.org/mtproto/auth_key): legacy RSA padding and RSA_PAD."""

import os
import struct
import time
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from io import BytesIO
from typing import Any

import cryptg
from pyrogram.crypto.prime import CURRENT_DH_PRIME as DH_PRIME
from pyrogram.raw import functions, types

from telegram_sandbox.wire.server_key import ServerKey
from telegram_sandbox.wire.tl import BadTL, TLObject, parse

# A product of two 31-bit primes: both clients factorise it in about 20 ms.
P, Q = 1229739323, 1402015859
PQ = (P * Q).to_bytes(8, "big")
G = 3
_SAFE_MARGIN = 1 << (2048 - 64)


class HandshakeFailed(ValueError):
    """The client broke the exchange; Telegram answers such packets with -404."""


@dataclass(frozen=True)
class NewKey:
    """A finished exchange: the 256-byte key, its first salt and, for a temporary key, its life in seconds."""

    auth_key: bytes
    first_salt: int
    expires_in_seconds: int | None


@dataclass
class _Exchange:
    nonce: int
    server_nonce: int
    new_nonce: bytes = b""
    secret_exponent: int = 0
    expires_in_seconds: int | None = None
    aes: tuple[bytes, bytes] = field(default=(b"", b""))


class Handshake:
    """The exchanges of one connection; ``answer`` takes a plain packet and gives the plain answer."""

    def __init__(self, server_key: ServerKey, dc_id: int) -> None:
        self._server_key = server_key
        self._dc_id = dc_id
        self._exchange: _Exchange | None = None
        self._last_id = 0

    def answer(self, packet: bytes) -> tuple[bytes, NewKey | None]:
        """(packet to send, the key when this step finished one). Raises HandshakeFailed."""
        if len(packet) < 24:
            raise HandshakeFailed("short packet")
        (length,) = struct.unpack_from("<I", packet, 16)
        if not 0 < length <= len(packet) - 20:
            raise HandshakeFailed("length")
        try:
            request = parse(packet[20 : 20 + length])
        except BadTL as broken:
            raise HandshakeFailed(str(broken)) from broken
        response, key = self._step(request)
        body = response.write()
        self._last_id = max(self._last_id + 4, (int(time.time() * 2**32) & ~3) | 1)
        return struct.pack("<qqI", 0, self._last_id, len(body)) + body, key

    def _step(self, request: TLObject[Any]) -> tuple[TLObject[Any], NewKey | None]:
        if isinstance(request, functions.ReqPq | functions.ReqPqMulti):
            return self._offer_pq(request.nonce), None
        exchange = self._exchange
        if exchange is None:
            raise HandshakeFailed("no exchange begun")
        if isinstance(request, functions.ReqDHParams):
            _check_nonces(exchange, request.nonce, request.server_nonce)
            return self._offer_dh(exchange, request), None
        if isinstance(request, functions.SetClientDHParams):
            _check_nonces(exchange, request.nonce, request.server_nonce)
            return self._finish(exchange, request.encrypted_data)
        raise HandshakeFailed(f"unexpected {request.QUALNAME}")

    def _offer_pq(self, nonce: int) -> TLObject[Any]:
        self._exchange = _Exchange(nonce, int.from_bytes(os.urandom(16), "little", signed=True))
        return types.ResPQ(
            nonce=nonce,
            server_nonce=self._exchange.server_nonce,
            pq=PQ,
            server_public_key_fingerprints=[self._server_key.fingerprint],
        )

    def _offer_dh(self, exchange: _Exchange, request: functions.ReqDHParams) -> TLObject[Any]:
        if request.public_key_fingerprint != self._server_key.fingerprint:
            raise HandshakeFailed("fingerprint")
        inner = self._open_inner(request.encrypted_data)
        if (request.p, request.q) != (P.to_bytes(4, "big"), Q.to_bytes(4, "big")) or inner.pq != PQ:
            raise HandshakeFailed("factors")
        _check_nonces(exchange, inner.nonce, inner.server_nonce)
        # Clients mark the test environment by +10000 and media data centres by a minus sign.
        if hasattr(inner, "dc") and abs(inner.dc) % 10000 != self._dc_id:
            raise HandshakeFailed("dc")
        exchange.expires_in_seconds = getattr(inner, "expires_in", None)
        exchange.new_nonce = inner.new_nonce.to_bytes(32, "little", signed=True)
        exchange.aes = _temporary_aes(exchange)
        g_a = 0
        while not _SAFE_MARGIN < g_a < DH_PRIME - _SAFE_MARGIN:
            exchange.secret_exponent = int.from_bytes(os.urandom(256), "big")
            g_a = pow(G, exchange.secret_exponent, DH_PRIME)
        answer = types.ServerDHInnerData(
            nonce=exchange.nonce,
            server_nonce=exchange.server_nonce,
            g=G,
            dh_prime=DH_PRIME.to_bytes(256, "big"),
            g_a=g_a.to_bytes(256, "big"),
            server_time=int(time.time()),
        ).write()
        hashed = sha1(answer).digest() + answer
        hashed += os.urandom(-len(hashed) % 16)
        return types.ServerDHParamsOk(
            nonce=exchange.nonce,
            server_nonce=exchange.server_nonce,
            encrypted_answer=cryptg.encrypt_ige(hashed, *exchange.aes),
        )

    def _open_inner(self, encrypted: bytes) -> Any:
        block = self._server_key.private_operation(encrypted)
        if block is None:
            raise HandshakeFailed("RSA block")
        for data in (_legacy_payload(block), _rsa_pad_payload(block)):
            if data is not None:
                return data
        raise HandshakeFailed("RSA padding")

    def _finish(self, exchange: _Exchange, encrypted: bytes) -> tuple[TLObject[Any], NewKey | None]:
        if not exchange.new_nonce or len(encrypted) % 16 or not encrypted:
            raise HandshakeFailed("client DH data")
        plain: bytes = cryptg.decrypt_ige(encrypted, *exchange.aes)
        inner = _leading_object(plain[20:])
        if not isinstance(inner, types.ClientDHInnerData) or sha1(inner.write()).digest() != plain[:20]:
            raise HandshakeFailed("client DH hash")
        _check_nonces(exchange, inner.nonce, inner.server_nonce)
        g_b = int.from_bytes(inner.g_b, "big")
        if not _SAFE_MARGIN < g_b < DH_PRIME - _SAFE_MARGIN:
            raise HandshakeFailed("g_b")
        auth_key = pow(g_b, exchange.secret_exponent, DH_PRIME).to_bytes(256, "big")
        marked = exchange.new_nonce + b"\x01" + sha1(auth_key).digest()[:8]
        answer = types.DhGenOk(
            nonce=exchange.nonce,
            server_nonce=exchange.server_nonce,
            new_nonce_hash1=int.from_bytes(sha1(marked).digest()[4:20], "little", signed=True),
        )
        server_nonce = exchange.server_nonce.to_bytes(16, "little", signed=True)
        salt = bytes(a ^ b for a, b in zip(exchange.new_nonce[:8], server_nonce[:8], strict=True))
        self._exchange = None
        return answer, NewKey(auth_key, int.from_bytes(salt, "little", signed=True), exchange.expires_in_seconds)


def _check_nonces(exchange: _Exchange, nonce: int, server_nonce: int) -> None:
    if (nonce, server_nonce) != (exchange.nonce, exchange.server_nonce):
        raise HandshakeFailed("nonce")


def _temporary_aes(exchange: _Exchange) -> tuple[bytes, bytes]:
    new, server = exchange.new_nonce, exchange.server_nonce.to_bytes(16, "little", signed=True)
    new_server, server_new = sha1(new + server).digest(), sha1(server + new).digest()
    return new_server + server_new[:12], server_new[12:] + sha1(new + new).digest() + new[:4]


_INNER_DATA = (types.PQInnerData, types.PQInnerDataDc, types.PQInnerDataTemp, types.PQInnerDataTempDc)


def _legacy_payload(block: bytes) -> TLObject[Any] | None:
    """SHA1(data) + data + random, 255 bytes below a zero byte; the padding has no length of its own."""
    if block[0] != 0:
        return None
    inner = _leading_object(block[21:])
    if not isinstance(inner, _INNER_DATA) or sha1(inner.write()).digest() != block[1:21]:
        return None
    return inner


def _rsa_pad_payload(block: bytes) -> TLObject[Any] | None:
    """RSA_PAD: (temp_key XOR SHA256(aes)) + AES-IGE(temp_key, reversed(data, 192 bytes) + SHA256(temp_key + data))."""
    masked_key, encrypted = block[:32], block[32:]
    temp_key = bytes(a ^ b for a, b in zip(masked_key, sha256(encrypted).digest(), strict=True))
    plain: bytes = cryptg.decrypt_ige(encrypted, temp_key, bytes(32))
    data = plain[:192][::-1]
    if sha256(temp_key + data).digest() != plain[192:]:
        return None
    inner = _leading_object(data)
    return inner if isinstance(inner, _INNER_DATA) else None


def _leading_object(data: bytes) -> TLObject[Any] | None:
    """The object at the start of ``data``, whatever follows; None when there is none."""
    try:
        parsed: TLObject[Any] = TLObject.read(BytesIO(data))
    except (KeyError, ValueError, TypeError):
        return None
    return parsed
