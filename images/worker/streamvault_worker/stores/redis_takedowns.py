"""Redis: which files are withdrawn, as it is announced and as it is remembered."""

from collections.abc import Collection
from typing import Any

from redis.asyncio import Redis

from streamvault_common import keys

TIMEOUT_SECONDS = 3.0


class RedisTakedowns:
    """Listens on a connection of its own; after a failure it subscribes anew."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._heard: Any = None

    async def next(self, seconds: float) -> str | None:
        """The next announced file; None when there was none for `seconds`; raises RedisError."""
        try:
            if self._heard is None:
                self._heard = self._redis.pubsub(ignore_subscribe_messages=True)
                await self._heard.subscribe(keys.TAKEDOWN_CHANNEL)
            message = await self._heard.get_message(timeout=seconds)
        except BaseException:
            await self._forget()
            raise
        return str(message["data"]) if message else None

    async def withdrawn_among(self, fids: Collection[str]) -> set[str]:
        """Which of these files are withdrawn; raises RedisError."""
        asked = sorted(fids)
        values = await self._redis.mget([keys.blocked_key(fid) for fid in asked])
        return {fid for fid, value in zip(asked, values, strict=True) if value is not None}

    async def close(self) -> None:
        """Close the connections."""
        await self._forget()
        await self._redis.aclose()

    async def _forget(self) -> None:
        heard, self._heard = self._heard, None
        if heard is not None:
            await heard.aclose()
