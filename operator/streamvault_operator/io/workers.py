"""Workers over HTTP: whether a stored file's first bytes can be read."""

import hashlib
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import aiohttp

from streamvault_common.keys import HEADER_REQUEST_ID, HTTP_PORT

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Reading:
    """What a worker answered: the total size by Content-Range, how many bytes came with which hash, and the status.

    `status` is 0 when there was no answer at all; `retry_after_seconds` is what the worker asked for.
    """

    status: int
    total_bytes: int | None = None
    body_bytes: int = 0
    body_sha256: str = ""
    retry_after_seconds: float | None = None
    message: str = ""


class Workers:
    """An HTTP client for worker pods."""

    def __init__(self, http: aiohttp.ClientSession, port: int = HTTP_PORT) -> None:
        self._http = http
        self._port = port

    @classmethod
    def connect(cls) -> Self:
        """Needs a running event loop."""
        return cls(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)))

    async def close(self) -> None:
        """Close the connection pool."""
        await self._http.close()

    async def first_bytes(self, address: str, fid: str, gen: int, length: int) -> Reading:
        """Read the first `length` bytes of a stored file through the worker at `address`; never raises."""
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{self._port}/files/{fid}/{gen}"
        headers = {"Range": f"bytes=0-{length - 1}", HEADER_REQUEST_ID: f"operator-{uuid4().hex[:12]}"}
        try:
            async with self._http.get(url, headers=headers) as response:
                if response.status != 206:
                    detail = (await response.content.read(512)).decode(errors="replace")
                    retry_after = _seconds(response.headers.get("Retry-After"))
                    return Reading(response.status, retry_after_seconds=retry_after, message=detail)
                body = await response.read()
                digest = hashlib.sha256(body).hexdigest()
                return Reading(206, _total(response.headers.get("Content-Range", "")), len(body), digest)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Reading(0, message=f"{type(error).__name__} {error}")


def _total(content_range: str) -> int | None:
    total = content_range.rpartition("/")[2]
    return int(total) if total.isdigit() else None


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None
