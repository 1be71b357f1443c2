"""TCP transports: abridged, intermediate, padded intermediate, full, and any of them obfuscated.

https://core.telegram.org/mtproto/mtproto-transports. A client announces its transport with its first bytes.
"""

import asyncio
import os
import secrets
import struct
import zlib
from abc import ABC, abstractmethod
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

MAX_PACKET_BYTES = (1 << 20) + (64 << 10)
QUICK_ACK = 0x80000000


class BadTransport(ValueError):
    """The bytes follow no transport."""


class Packet(NamedTuple):
    """One packet from a client; ``quick_ack`` asks for a receipt at transport level."""

    payload: bytes
    quick_ack: bool


class ByteStream:
    """The client's bytes, after an optional stream cipher."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._decryptor: CipherContext | None = None
        self._pushed_back = b""

    def push_back(self, data: bytes) -> None:
        """Bytes that were read to recognise the transport and belong to its first packet."""
        self._pushed_back = data

    def decrypt_with(self, decryptor: CipherContext) -> None:
        """Everything read from now on passes this cipher."""
        self._decryptor = decryptor

    async def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes. Raises asyncio.IncompleteReadError at the end."""
        if self._pushed_back:
            data, self._pushed_back = self._pushed_back[:count], self._pushed_back[count:]
            if len(data) < count:
                data += await self.read(count - len(data))
            return data
        data = await self._reader.readexactly(count)
        return self._decryptor.update(data) if self._decryptor else data


class Transport(ABC):
    """Framing in both directions over one connection."""

    name: str

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    @abstractmethod
    async def read_packet(self) -> Packet:
        """The next packet. Raises BadTransport, asyncio.IncompleteReadError."""

    @abstractmethod
    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """The chunks of one packet with this transport's frame around them."""

    def quick_ack(self, token: int) -> bytes:
        """The receipt for a packet, sent without a frame."""
        return struct.pack("<I", token)

    async def _read_payload(self, length: int) -> bytes:
        if not 4 <= length <= MAX_PACKET_BYTES:
            raise BadTransport(f"packet length {length}")
        return await self._stream.read(length)


class Abridged(Transport):
    """Length in 4-byte words, one byte or 0x7f and three."""

    name = "abridged"

    async def read_packet(self) -> Packet:
        """See Transport."""
        head = (await self._stream.read(1))[0]
        words = head & 0x7F
        if words == 0x7F:
            words = int.from_bytes(await self._stream.read(3), "little")
        return Packet(await self._read_payload(words * 4), bool(head & 0x80))

    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """See Transport."""
        words = sum(map(len, chunks)) // 4
        return [bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little"), *chunks]

    def quick_ack(self, token: int) -> bytes:
        """Byte order is reversed here, so that the first byte shows the flag."""
        return struct.pack(">I", token)


class Intermediate(Transport):
    """Length in bytes, 4 bytes."""

    name = "intermediate"

    async def read_packet(self) -> Packet:
        """See Transport."""
        (length,) = struct.unpack("<I", await self._stream.read(4))
        return Packet(await self._read_payload(length & ~QUICK_ACK), bool(length & QUICK_ACK))

    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """See Transport."""
        return [struct.pack("<I", sum(map(len, chunks))), *chunks]


class PaddedIntermediate(Intermediate):
    """Intermediate with 0 to 15 random bytes after each packet."""

    name = "padded"

    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """Transport errors (4 bytes) stay unpadded: clients know them by their length."""
        if sum(map(len, chunks)) == 4:
            return super().frame(chunks)
        return super().frame([*chunks, os.urandom(secrets.randbelow(16))])


class Full(Transport):
    """Length, sequence number and CRC-32."""

    name = "full"

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream)
        self._received = 0
        self._sent = 0

    async def read_packet(self) -> Packet:
        """See Transport."""
        head = await self._stream.read(8)
        length, sequence = struct.unpack("<II", head)
        payload = await self._read_payload(length - 12)
        (checksum,) = struct.unpack("<I", await self._stream.read(4))
        if sequence != self._received:
            raise BadTransport("sequence number")
        if checksum != zlib.crc32(payload, zlib.crc32(head)):
            raise BadTransport("checksum")
        self._received += 1
        return Packet(payload, quick_ack=False)

    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """See Transport."""
        framed = [struct.pack("<II", sum(map(len, chunks)) + 12, self._sent), *chunks]
        self._sent += 1
        checksum = 0
        for chunk in framed:
            checksum = zlib.crc32(chunk, checksum)
        return [*framed, struct.pack("<I", checksum)]


class Obfuscated(Transport):
    """Another transport inside AES-256-CTR, keyed by the connection's first 64 bytes."""

    def __init__(self, inner: Transport, encryptor: CipherContext) -> None:
        self._inner = inner
        self._encryptor = encryptor
        self.name = f"obfuscated {inner.name}"

    async def read_packet(self) -> Packet:
        """See Transport."""
        return await self._inner.read_packet()

    def frame(self, chunks: list[bytes]) -> list[bytes]:
        """See Transport."""
        return [self._encryptor.update(b"".join(self._inner.frame(chunks)))]

    def quick_ack(self, token: int) -> bytes:
        """See Transport."""
        return self._encryptor.update(self._inner.quick_ack(token))


_BY_TAG: dict[bytes, type[Transport]] = {
    b"\xef\xef\xef\xef": Abridged,
    b"\xee\xee\xee\xee": Intermediate,
    b"\xdd\xdd\xdd\xdd": PaddedIntermediate,
}


async def detect(reader: asyncio.StreamReader) -> Transport:
    """The transport that the client's first bytes announce. Raises BadTransport, asyncio.IncompleteReadError."""
    stream = ByteStream(reader)
    first = await stream.read(1)
    if first == b"\xef":
        return Abridged(stream)
    head = first + await stream.read(3)
    if head in _BY_TAG:
        return _BY_TAG[head](stream)
    head += await stream.read(4)
    if head[4:8] == bytes(4):
        stream.push_back(head)
        return Full(stream)
    return _open_obfuscated(stream, head + await stream.read(56))


def _open_obfuscated(stream: ByteStream, init: bytes) -> Transport:
    reverse = init[8:56][::-1]
    decryptor = Cipher(algorithms.AES(init[8:40]), modes.CTR(init[40:56])).decryptor()
    encryptor = Cipher(algorithms.AES(reverse[:32]), modes.CTR(reverse[32:])).encryptor()
    tag = decryptor.update(init)[56:60]
    if tag not in _BY_TAG:
        raise BadTransport("unknown transport")
    stream.decrypt_with(decryptor)
    return Obfuscated(_BY_TAG[tag](stream), encryptor)
