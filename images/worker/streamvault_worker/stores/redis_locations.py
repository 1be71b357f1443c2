"""Redis: where documents lie for this account, so that a restart costs no question to Telegram."""

import base64
import json
import logging
import time
from dataclasses import asdict

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from streamvault_common import keys
from streamvault_common.documents import Part
from streamvault_worker.telegram.locations import Location

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.5
"""Asking Telegram takes no longer than that."""
REST_SECONDS = 5.0
"""After a failure Redis is not asked for this long."""


class RedisLocations:
    """Locations by message, each until it is `keys.LOCATION_SECONDS` old; they fit no account but their own."""

    def __init__(self, url: str, worker_name: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._worker_name = worker_name
        self._resting_until = 0.0

    async def load(self, account: str, part: Part) -> Location | None:
        """What is remembered of a message; None when nothing is, or Redis does not say."""
        if time.monotonic() < self._resting_until:
            return None
        try:
            stored = await self._redis.get(self._key(part))
            return _read(stored, account) if stored else None
        except (RedisError, OSError, ValueError, KeyError, TypeError) as error:
            self._failed(error)
            return None

    async def save(self, account: str, part: Part, location: Location) -> None:
        """Remember; a failure is logged only."""
        if time.monotonic() < self._resting_until:
            return
        fields = asdict(location) | {
            "file_reference": base64.b64encode(location.file_reference).decode(),
            "account": account,
            "at": int(time.time()),
        }
        try:
            await self._redis.set(self._key(part), json.dumps(fields), ex=keys.LOCATION_SECONDS)
        except (RedisError, OSError) as error:
            self._failed(error)

    async def forget(self, part: Part) -> None:
        """Telegram refused it."""
        try:
            await self._redis.delete(self._key(part))
        except (RedisError, OSError) as error:
            self._failed(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _key(self, part: Part) -> str:
        return keys.location_key(self._worker_name, part.channel_id, part.message_id)

    def _failed(self, error: Exception) -> None:
        self._resting_until = time.monotonic() + REST_SECONDS
        log.warning("locations are not remembered for now", extra={"error": repr(error)})


def _read(stored: str | bytes, account: str) -> Location | None:
    fields = json.loads(stored)
    if fields["account"] != account:
        return None
    return Location(
        dc_id=int(fields["dc_id"]),
        document_id=int(fields["document_id"]),
        access_hash=int(fields["access_hash"]),
        file_reference=base64.b64decode(fields["file_reference"]),
        size_bytes=int(fields["size_bytes"]),
    )
