"""TL objects: strict parsing through kurigram's generated classes, and the few bodies that are written by hand."""

import gzip
import struct
import zlib
from io import BytesIO
from typing import Any

from pyrogram.raw.all import layer as LAYER
from pyrogram.raw.core import List, TLObject
from pyrogram.raw.core.primitives import Int, Vector

__all__ = [
    "LAYER",
    "BadTL",
    "TLObject",
    "boxed_vector",
    "method_name",
    "parse",
    "parse_vector",
    "rpc_error",
    "rpc_result",
    "serialise",
    "tl_string",
]

RPC_RESULT = 0xF35C6D01
RPC_ERROR = 0x2144CA19
GZIP_PACKED = 0x3072CFA1
_BOOL = {True: struct.pack("<I", 0x997275B5), False: struct.pack("<I", 0xBC799737)}
MAX_UNPACKED_BYTES = 16 << 20
MAX_VECTOR = 100_000


class BadTL(ValueError):
    """The bytes are not one complete TL object of a known constructor; the message says why."""


class _StrictReader(BytesIO):
    """Fails on a short read, where the generated classes would take missing bytes for zero."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if size is not None and size >= 0 and len(data) < size:
            raise BadTL("truncated")
        return data


def _read_vector(cls: type, data: BytesIO, t: Any = None, *_: Any) -> List:
    count = Int.read(data)
    if not 0 <= count <= MAX_VECTOR:
        raise BadTL("vector length")
    return List(t.read(data) if t else TLObject.read(data) for _ in range(count))


# The generated reader guesses element types from the bytes left, so [inputUserSelf] comes out as a list of integers;
# elements without a declared bare type are always boxed objects.
Vector.read = classmethod(_read_vector)  # type: ignore[assignment, method-assign]


def parse(data: bytes | memoryview) -> TLObject[Any]:
    """One object that fills ``data`` exactly; gzip_packed is opened. Raises BadTL."""
    if len(data) >= 4 and struct.unpack_from("<I", data)[0] == GZIP_PACKED:
        data = _gunzip(bytes(data))
    reader = _StrictReader(data)
    try:
        parsed: TLObject[Any] = TLObject.read(reader)
    except KeyError as unknown:
        raise BadTL(f"unknown constructor {unknown.args[0]}") from unknown
    except (UnicodeDecodeError, struct.error, OverflowError, TypeError, AttributeError) as broken:
        raise BadTL(str(broken)) from broken
    if reader.tell() != len(data):
        raise BadTL("trailing bytes")
    return parsed


def parse_vector(data: bytes | None) -> list[Any] | None:
    """The boxed objects that ``boxed_vector`` wrote; None stays None."""
    return None if data is None else list(TLObject.read(BytesIO(data)))


def boxed_vector(items: list[Any] | None) -> bytes | None:
    """A Vector of boxed objects as bytes, for storage or as an answer; None or empty gives None."""
    return bytes(Vector(items)) if items else None


def _gunzip(data: bytes) -> bytes:
    reader = _StrictReader(data)
    reader.read(4)
    packed = _read_bytes(reader)
    opener = zlib.decompressobj(wbits=31)
    try:
        unpacked = opener.decompress(packed, MAX_UNPACKED_BYTES)
    except zlib.error as broken:
        raise BadTL("gzip") from broken
    if not opener.eof:
        raise BadTL("gzip: incomplete or too large")
    return unpacked


def _read_bytes(reader: BytesIO) -> bytes:
    length = reader.read(1)[0]
    if length == 254:
        length = int.from_bytes(reader.read(3), "little")
        data = reader.read(length)
        reader.read(-length % 4)
        return data
    data = reader.read(length)
    reader.read(-(length + 1) % 4)
    return data


def method_name(request: TLObject[Any]) -> str:
    """The schema's name of a request, e.g. "upload.getFile"."""
    *namespace, name = request.QUALNAME.split(".")[1:]
    return ".".join([*namespace, name[0].lower() + name[1:]])


def serialise(answer: object) -> bytes:
    """An answer as bytes: an object, a bool, a list of objects, or bytes as they are."""
    if isinstance(answer, bool):
        return _BOOL[answer]
    if isinstance(answer, list):
        return bytes(Vector(answer))
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, TLObject):
        return answer.write()
    raise TypeError(f"no TL form for {type(answer).__name__}")


def tl_string(value: bytes) -> bytes:
    """``value`` as a TL bytes field: length prefix and padding to 4 bytes."""
    if len(value) < 254:
        return bytes([len(value)]) + value + bytes(-(len(value) + 1) % 4)
    return b"\xfe" + len(value).to_bytes(3, "little") + value + bytes(-len(value) % 4)


def rpc_result(request_id: int, body: bytes) -> bytes:
    """rpc_result around a serialised answer; an answer that shrinks well is gzip_packed as Telegram does."""
    if 4096 < len(body) < 512_000:
        packed = gzip.compress(body, 1)
        if len(packed) < len(body) * 3 // 4:
            body = struct.pack("<I", GZIP_PACKED) + tl_string(packed)
    return struct.pack("<Iq", RPC_RESULT, request_id) + body


def rpc_error(code: int, name: str) -> bytes:
    """The body of an rpc_error."""
    return struct.pack("<Ii", RPC_ERROR, code) + tl_string(name.encode())
