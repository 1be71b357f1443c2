"""The other workers, as a second way to bytes that this account cannot get."""

import asyncio
import logging
import random
import socket
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import aiohttp

from streamvault_common.documents import StoredFile
from streamvault_common.keys import HEADER_RELAY, HEADER_REQUEST_ID
from streamvault_worker.errors import CannotServe

log = logging.getLogger(__name__)

Address = tuple[str, int]
CHUNK_BYTES = 256 * 1024
CONNECT_SECONDS = 1.0
SILENCE_SECONDS = 20.0
"""How long another worker may take for the next byte; it has a Telegram of its own to wait for."""
RESOLVED_SECONDS = 5.0


class NoPeer(CannotServe):
    """No other worker gives the bytes."""

    title = "No other worker"


class Peers:
    """Reads ranges from other workers. They answer a relayed read themselves or not at all, so it never goes around."""

    def __init__(self, workers: Sequence[Address], own: Address) -> None:
        """`workers` are names, or addresses, that stand for all workers; `own` is this one's address."""
        self._workers = workers
        self._own = own
        self._known: list[Address] = []
        self._known_until = 0.0
        self._http: aiohttp.ClientSession | None = None

    async def read(self, file: StoredFile, start: int, end: int, request_id: str) -> AsyncGenerator[bytes, None]:
        """Yield bytes `start`..`end` of the file, from as many workers as it takes; raises NoPeer."""
        for address in await self._others():
            try:
                async with aclosing(self._read_from(address, file, start, end, request_id)) as chunks:
                    async for chunk in chunks:
                        start += len(chunk)
                        yield chunk
            except (aiohttp.ClientError, OSError) as error:
                log.warning("another worker failed too", extra={"peer": address[0], "error": repr(error)})
            if start > end:
                return
        raise NoPeer(f"no other worker gives bytes {start}-{end} of {file.id}")

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def _read_from(
        self, address: Address, file: StoredFile, start: int, end: int, request_id: str
    ) -> AsyncGenerator[bytes, None]:
        """Yield what one worker gives; nothing when it refuses."""
        headers = {"Range": f"bytes={start}-{end}", HEADER_RELAY: "1", HEADER_REQUEST_ID: request_id}
        url = f"http://{address[0]}:{address[1]}/files/{file.id}/{file.gen}"
        async with self._client().get(url, headers=headers) as answer:
            if answer.status != 206 or answer.headers.get("ETag") != file.etag:
                log.info("another worker refuses", extra={"peer": address[0], "status": answer.status})
                return
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
            self._http = aiohttp.ClientSession(timeout=timeout, read_bufsize=CHUNK_BYTES, auto_decompress=False)
        return self._http

    async def _others(self) -> list[Address]:
        """Addresses of the other workers in random order."""
        now = time.monotonic()
        if now >= self._known_until:
            found = await asyncio.gather(*(_resolve(worker) for worker in self._workers))
            self._known = [address for addresses in found for address in addresses if address != self._own]
            self._known_until = now + RESOLVED_SECONDS
        return random.sample(self._known, len(self._known))


async def _resolve(worker: Address) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(*worker, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError as error:
        log.warning("cannot find the other workers", extra={"error": repr(error)})
        return []
    return [(str(address[0]), int(address[1])) for *_, address in found]
