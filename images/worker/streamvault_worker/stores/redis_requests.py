"""Redis: requests to this worker's account."""

from typing import Any

from redis.asyncio import Redis

from streamvault_common import keys
from streamvault_common.requests import REQUEST_FIELD, MessagesReply, MessagesRequest, TakenRequest

TIMEOUT_SECONDS = 3.0
WAIT_SECONDS = 5.0


class RedisRequests:
    """The stream of one session; an entry is removed as it is taken, because whoever sent it asks again if need be."""

    def __init__(self, url: str, worker_name: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=WAIT_SECONDS + TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self._key = keys.requests_key(worker_name)

    async def take(self) -> TakenRequest | None:
        """The oldest request; None when there was none for a while; raises RedisError, or ValueError for nonsense."""
        answer: Any = await self._redis.xread({self._key: "0"}, count=1, block=int(WAIT_SECONDS * 1000))
        if not answer:
            return None
        ((_, ((entry, fields),)),) = answer
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xdel(self._key, entry)
            pipeline.time()
            _, (seconds, microseconds) = await pipeline.execute()
        request = MessagesRequest.model_validate_json(fields.get(REQUEST_FIELD, ""))
        put_in_at = int(str(entry).partition("-")[0]) / 1000
        return TakenRequest(request, seconds + microseconds / 1e6 - put_in_at)

    async def reply(self, request_id: str, reply: MessagesReply) -> None:
        """Answer a request; raises RedisError."""
        key = keys.reply_key(request_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.rpush(key, reply.model_dump_json())
            pipeline.expire(key, keys.REPLY_SECONDS)
            await pipeline.execute()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
