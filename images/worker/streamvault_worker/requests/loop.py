"""Takes requests one after the other and answers each; Redis or Telegram being away only makes them wait."""

import asyncio
import logging
from typing import Protocol

from streamvault_common.requests import MessagesReply, MessagesRequest, TakenRequest
from streamvault_worker.telegram.account import AccountState

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class RequestSource(Protocol):
    """Where requests come from and replies go to."""

    async def take(self) -> TakenRequest | None:
        """The oldest request, which nobody else gets then; None when there was none for a while."""

    async def reply(self, request_id: str, reply: MessagesReply) -> None:
        """Answer a request."""


class MessageHandler(Protocol):
    """Does what is asked."""

    async def answer(self, request: MessagesRequest) -> MessagesReply:
        """Do it, or say why not; raises nothing."""


class RequestLoop:
    """Serves requests while the account is signed in; before, they are left for a later moment or another pod."""

    def __init__(self, source: RequestSource, handler: MessageHandler, account: AccountState) -> None:
        self._source = source
        self._handler = handler
        self._account = account

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        serving = asyncio.create_task(self._serve(), name="requests")
        try:
            await stop.wait()
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            try:
                if self._account.authorized:
                    await self._serve_one()
                    continue
            except Exception as error:  # noqa: BLE001 - the top of a loop that must go on
                log.warning("requests cannot be served", extra={"error": repr(error)})
            await asyncio.sleep(PAUSE_SECONDS)

    async def _serve_one(self) -> None:
        taken = await self._source.take()
        if taken is None:
            return
        request = taken.request
        if taken.left:
            log.info("request dropped, its caller has left", extra={"request": request.id, "kind": request.kind})
            return
        reply = await self._handler.answer(request)
        log.info(
            "request answered",
            extra={
                "request": request.id,
                "kind": request.kind,
                "channel": request.channel_id,
                "asked": len(request.message_ids),
                "present": len(reply.present),
                "outcome": reply.outcome,
                "detail": reply.message,
            },
        )
        await self._source.reply(request.id, reply)
