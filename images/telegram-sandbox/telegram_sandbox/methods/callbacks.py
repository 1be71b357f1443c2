"""Inline buttons: a user presses, the bot answers."""

from pyrogram.raw import functions, types

from telegram_sandbox.backend import CallbackAnswer
from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.naming import chat_of
from telegram_sandbox.posting import press


@handles(functions.messages.GetBotCallbackAnswer, Access.USERS)
async def get_bot_callback_answer(
    call: Call, request: functions.messages.GetBotCallbackAnswer
) -> types.messages.BotCallbackAnswer:
    """Press a button and wait for what the bot says."""
    chat = chat_of(call, request.peer)
    answer = await press(call.backend, call.account, chat, request.msg_id, bytes(request.data or b""))
    return types.messages.BotCallbackAnswer(
        cache_time=answer.cache_seconds,
        alert=answer.alert or None,
        has_url=bool(answer.url) or None,
        message=answer.message,
        url=answer.url,
    )


@handles(functions.messages.SetBotCallbackAnswer, Access.BOTS)
async def set_bot_callback_answer(call: Call, request: functions.messages.SetBotCallbackAnswer) -> bool:
    """Answer a pressed button."""
    bot_id, waiting = call.backend.transient.callbacks.get(request.query_id, (0, None))
    if waiting is None or bot_id != call.account.id or waiting.done():
        raise RpcError("QUERY_ID_INVALID")
    waiting.set_result(CallbackAnswer(request.message, bool(request.alert), request.url, request.cache_time))
    return True
