"""A MongoDB server small enough to start in a millisecond: it speaks the wire protocol and finds documents by `_id`.

For parts that only read by id; the real database is in the tests against the cluster.
"""

import asyncio
import struct
from typing import Any

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
_HEADER = struct.Struct("<iiii")


class MongoWire:
    """Collections as dicts; `stop()` makes it vanish from the network, `start()` brings it back on the same port."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, dict[str, Any]]] = {}
        self.finds = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def uri(self) -> str:
        """Connection string."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    async def start(self) -> None:
        """Listen on a free port, or on the port of the time before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    def insert(self, collection: str, document: dict[str, Any]) -> None:
        """Store a document under its `_id`."""
        self.collections.setdefault(collection, {})[document["_id"]] = document

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                length, request, _, code = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                body = await reader.readexactly(length - _HEADER.size)
                writer.write(self._message(request, code, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _message(self, request: int, code: int, body: bytes) -> bytes:
        if code == OP_QUERY:
            start = body.index(b"\0", 4) + 1 + 8
            answer = bson.encode(self._answer(bson.decode(body[start:])))
            payload, code = struct.pack("<iqii", 8, 0, 0, 1) + answer, OP_REPLY
        else:
            payload = struct.pack("<IB", 0, 0) + bson.encode(self._answer(bson.decode(body[5:])))
        return _HEADER.pack(_HEADER.size + len(payload), 0, request, code) + payload

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name.lower() in {"hello", "ismaster"}:
            return {
                "ok": 1.0,
                "helloOk": True,
                "isWritablePrimary": True,
                "ismaster": True,
                "minWireVersion": 0,
                "maxWireVersion": 21,
                "maxBsonObjectSize": 16 * 1024 * 1024,
                "maxMessageSizeBytes": 48_000_000,
                "maxWriteBatchSize": 100_000,
            }
        if name == "find":
            self.finds += 1
            found = self.collections.get(command["find"], {}).get(command["filter"]["_id"])
            namespace = f"{command['$db']}.{command['find']}"
            return {"ok": 1.0, "cursor": {"id": 0, "ns": namespace, "firstBatch": [found] if found else []}}
        return {"ok": 1.0}
