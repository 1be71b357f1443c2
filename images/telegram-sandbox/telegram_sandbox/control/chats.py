"""Control API: reading and writing chats as an account."""

import asyncio
import time

from fastapi import APIRouter, Query

from telegram_sandbox.backend import Backend
from telegram_sandbox.control.acting import Actor
from telegram_sandbox.control.models import ChatView, MessageOrder, MessageView, PressAnswer, PressOrder
from telegram_sandbox.posting import delete_in_channel, delete_privately

_POLL_SECONDS = 0.05


def chats_router(backend: Backend) -> APIRouter:
    """/control/accounts/{who}/chats."""
    router = APIRouter(prefix="/control/accounts/{who}/chats", tags=["act as an account"])

    @router.get("")
    async def list_chats(who: str) -> list[ChatView]:
        return Actor(backend, who).chats()

    @router.get("/{peer}/messages")
    async def read_chat(
        who: str,
        peer: str,
        limit: int = Query(default=50, ge=1, le=1000),
        before: int | None = None,
        after: int = 0,
        wait_seconds: float = Query(default=0, ge=0, le=60),
    ) -> list[MessageView]:
        """Oldest first; with ``wait_seconds`` the answer waits until there is a message past ``after``."""
        actor = Actor(backend, who)
        chat = actor.chat(peer)
        deadline = time.monotonic() + wait_seconds
        while True:
            found = actor.messages(chat, limit=limit, before=before, after=after)
            if found or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    @router.post("/{peer}/messages", status_code=201)
    async def write(who: str, peer: str, order: MessageOrder) -> MessageView:
        actor = Actor(backend, who)
        return actor.say(actor.chat(peer), order.text, order.reply_to)

    @router.post("/{peer}/messages/{message_id}/press")
    async def press(who: str, peer: str, message_id: int, order: PressOrder) -> PressAnswer:
        """Press an inline button and wait for the bot."""
        actor = Actor(backend, who)
        answer = await actor.press(actor.chat(peer), message_id, text=order.text, data=order.data)
        return PressAnswer(message=answer.message, alert=answer.alert, url=answer.url)

    @router.delete("/{peer}/messages/{message_id}", status_code=204)
    async def delete(who: str, peer: str, message_id: int) -> None:
        actor = Actor(backend, who)
        chat = actor.chat(peer)
        if chat.channel is not None:
            delete_in_channel(backend, actor.account, chat.channel, [message_id])
        else:
            delete_privately(backend, actor.account, [message_id], revoke=True)

    return router
