"""Pushes, bot commands, buttons, edits, deletions and what a client missed, with both libraries."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from conditions import until
from pyrogram import errors, filters, handlers, raw
from pyrogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from sandbox import ADMIN_CHANNEL, LIBRARY, SandboxProcess, learn_peers
from telethon import events
from telethon_client import telethon

BOT = "streamvault_bot"
SECONDS = 50
"""Less than the control API's clients wait for an answer."""


@pytest.fixture
async def bot(sandbox: SandboxProcess) -> AsyncIterator[Any]:
    """A bot that answers /start with two buttons and says what was pressed."""
    client = sandbox.client(sandbox.mint(BOT), name=BOT, no_updates=False)
    client.seen = []

    async def start(_client: Any, message: Any) -> None:
        client.seen.append(message.text)
        buttons = [
            [InlineKeyboardButton("Status", callback_data="status"), InlineKeyboardButton("No", callback_data="no")]
        ]
        await message.reply("Hello", reply_markup=InlineKeyboardMarkup(buttons))

    async def pressed(_client: Any, query: Any) -> None:
        client.seen.append(query.data)
        if query.data == "status":
            await query.answer("All well", show_alert=True)
            await query.message.edit_text("Status: well")

    client.add_handler(handlers.MessageHandler(start, filters.command("start")))
    client.add_handler(handlers.CallbackQueryHandler(pressed))
    await client.start()
    yield client
    await client.stop()


async def test_command_reaches_the_bot_once_and_its_answer_comes_back(sandbox: SandboxProcess, bot: Any) -> None:
    await bot.get_session(2, is_media=True)
    asked = await asyncio.to_thread(sandbox.say, "ada", BOT, "/start")
    answer = await asyncio.to_thread(sandbox.read, "ada", BOT, after=asked["id"], wait_seconds=SECONDS)
    assert [one["text"] for one in answer] == ["Hello"]
    assert [button["text"] for button in answer[0]["buttons"][0]] == ["Status", "No"]
    assert bot.seen == ["/start"]


async def test_person_presses_a_button_in_the_console_api(sandbox: SandboxProcess, bot: Any) -> None:
    asked = await asyncio.to_thread(sandbox.say, "viewer1", BOT, "/start")
    (menu,) = await asyncio.to_thread(sandbox.read, "viewer1", BOT, after=asked["id"], wait_seconds=SECONDS)
    path = f"/control/accounts/viewer1/chats/{BOT}/messages/{menu['id']}/press"
    answer = await asyncio.to_thread(sandbox.post, path, {"text": "Status"})
    assert answer == {"message": "All well", "alert": True, "url": None}
    await until(lambda: sandbox.read("viewer1", BOT)[-1]["text"] == "Status: well")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        sandbox.post(path, {"text": "Nothing of the kind"})


async def test_client_presses_a_button(sandbox: SandboxProcess, bot: Any) -> None:
    async with sandbox.kurigram("viewer2", no_updates=False) as viewer:
        got: asyncio.Queue[Any] = asyncio.Queue()

        async def keep(_client: Any, message: Any) -> None:
            got.put_nowait(message)

        viewer.add_handler(handlers.MessageHandler(keep, filters.incoming))
        await viewer.send_message(BOT, "/start")
        menu = await asyncio.wait_for(got.get(), SECONDS)
        answer = await viewer.request_callback_answer(menu.chat.id, menu.id, "status", timeout=60)
        assert (answer.message, answer.alert) == ("All well", True)
        with pytest.raises(errors.DataInvalid):
            await viewer.request_callback_answer(menu.chat.id, menu.id, "invented")


async def test_telethon_bot_receives_and_answers(sandbox: SandboxProcess) -> None:
    async with telethon(sandbox, BOT) as client:
        await client.get_me()
        seen = []

        @client.on(events.NewMessage(pattern="/ping"))  # type: ignore[untyped-decorator]
        async def pong(event: Any) -> None:
            seen.append(event.raw_text)
            await event.respond("pong")

        await client(_telethon_get_state())
        asked = await asyncio.to_thread(sandbox.say, "viewer3", BOT, "/ping")
        answer = await asyncio.to_thread(sandbox.read, "viewer3", BOT, after=asked["id"], wait_seconds=SECONDS)
        assert [one["text"] for one in answer] == ["pong"]
        assert seen == ["/ping"]


def _telethon_get_state() -> Any:
    from telethon.tl.functions.updates import GetStateRequest

    return GetStateRequest()


async def test_channel_posts_edits_and_deletions_are_pushed_to_members(sandbox: SandboxProcess) -> None:
    seen: list[tuple[str, Any]] = []
    async with (
        sandbox.kurigram("worker1", no_updates=False) as reader,
        sandbox.kurigram("uploader") as writer,
    ):
        reader.add_handler(handlers.MessageHandler(lambda _c, m: seen.append(("new", m.text))))
        reader.add_handler(handlers.EditedMessageHandler(lambda _c, m: seen.append(("edit", m.text))))
        reader.add_handler(handlers.DeletedMessagesHandler(lambda _c, ms: seen.append(("gone", [m.id for m in ms]))))
        await learn_peers(writer)
        post = await writer.send_message(LIBRARY, "first")
        await until(lambda: len(seen) == 1)
        await writer.edit_message_text(LIBRARY, post.id, "second")
        await until(lambda: len(seen) == 2)
        with pytest.raises(errors.MessageNotModified):
            await writer.edit_message_text(LIBRARY, post.id, "second")
        await writer.delete_messages(LIBRARY, post.id)
        await until(lambda: len(seen) == 3)
    assert seen == [("new", "first"), ("edit", "second"), ("gone", [post.id])]


async def test_client_without_updates_gets_none(sandbox: SandboxProcess) -> None:
    seen: list[Any] = []
    async with sandbox.kurigram("worker2") as silent, sandbox.kurigram("worker1", no_updates=False) as reader:
        silent.add_handler(handlers.RawUpdateHandler(lambda _c, update, _u, _ch: seen.append(update)))
        got: list[Any] = []
        reader.add_handler(handlers.MessageHandler(lambda _c, message: got.append(message.text)))
        sandbox.say("uploader", LIBRARY, "news")
        await until(lambda: got == ["news"])
        await silent.get_me()
    assert seen == []


async def test_difference_tells_what_was_missed(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("ada") as client:
        before = await client.invoke(raw.functions.updates.GetState())
        sandbox.say("viewer1", "ada", "while you were away")
        sandbox.say("uploader", ADMIN_CHANNEL, "channel news")
        request = raw.functions.updates.GetDifference(pts=before.pts, date=before.date, qts=before.qts)
        difference = await client.invoke(request)
        assert [message.message for message in difference.new_messages] == ["while you were away"]
        assert difference.state.pts == before.pts + 1
        moved = [one for one in difference.other_updates if isinstance(one, raw.types.UpdateChannelTooLong)]
        assert 2400000125 in [one.channel_id for one in moved]
        request = raw.functions.updates.GetDifference(pts=difference.state.pts, date=int(time.time()) + 5, qts=0)
        assert isinstance(await client.invoke(request), raw.types.updates.DifferenceEmpty)


async def test_long_difference_comes_in_slices(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("viewer2") as client:
        state = await client.invoke(raw.functions.updates.GetState())
        for number in range(130):
            sandbox.say("viewer1", "viewer2", str(number))
        texts: list[str] = []
        while True:
            request = raw.functions.updates.GetDifference(pts=state.pts, date=int(time.time()) + 5, qts=0)
            difference = await client.invoke(request)
            texts += [message.message for message in difference.new_messages]
            if isinstance(difference, raw.types.updates.Difference):
                break
            state = difference.intermediate_state
        assert texts == [str(number) for number in range(130)]


async def test_channel_difference_tells_posts_edits_and_deletions(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("uploader") as writer, sandbox.kurigram("worker1") as reader:
        await learn_peers(writer)
        await learn_peers(reader)
        channel = await reader.resolve_peer(LIBRARY)
        full = await reader.invoke(raw.functions.channels.GetFullChannel(channel=channel))
        kept = await writer.send_message(LIBRARY, "kept")
        gone = await writer.send_message(LIBRARY, "gone")
        await writer.edit_message_text(LIBRARY, kept.id, "kept, edited")
        await writer.delete_messages(LIBRARY, gone.id)
        request = raw.functions.updates.GetChannelDifference(
            channel=channel, filter=raw.types.ChannelMessagesFilterEmpty(), pts=full.full_chat.pts, limit=100
        )
        difference = await reader.invoke(request)
        assert [message.message for message in difference.new_messages] == ["kept, edited"]
        kinds = [type(update).__name__ for update in difference.other_updates]
        assert kinds == ["UpdateEditChannelMessage", "UpdateDeleteChannelMessages"]
        assert difference.pts == full.full_chat.pts + 4
        assert difference.final


async def test_telethon_catches_up_after_being_away(sandbox: SandboxProcess) -> None:
    text = sandbox.mint("viewer3", library="telethon")
    from telethon_client import telethon_client

    client = telethon_client(sandbox, text)
    await client.connect()
    await client.get_me()
    await client(_telethon_get_state())
    session = client.session
    await client.disconnect()
    sandbox.say("viewer1", "viewer3", "missed")
    seen: list[str] = []
    again = telethon_client(sandbox, session.save(), catch_up=True)
    for entity, state in session.get_update_states():
        again.session.set_update_state(entity, state)
    again.add_event_handler(lambda event: _note(seen, event.raw_text), events.NewMessage())
    await again.connect()
    await again.catch_up()
    await until(lambda: seen == ["missed"])
    await again.disconnect()


async def _note(seen: list[str], text: str) -> None:
    seen.append(text)


async def test_private_messages_are_two_copies_deleted_together(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("viewer1") as one:
        sent = await one.send_message("viewer2", "secret")
        assert sandbox.read("viewer2", "viewer1")[-1]["text"] == "secret"
        await one.edit_message_text("viewer2", sent.id, "less secret")
        assert sandbox.read("viewer2", "viewer1")[-1]["text"] == "less secret"
        await one.delete_messages("viewer2", sent.id)
        assert "less secret" not in [message["text"] for message in sandbox.read("viewer2", "viewer1")]


async def test_forwarding_keeps_the_document_and_names_its_channel(sandbox: SandboxProcess) -> None:
    post = sandbox.say("uploader", LIBRARY, "to be forwarded")
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        copy = await client.forward_messages(ADMIN_CHANNEL, LIBRARY, post["id"])
        assert copy.text == "to be forwarded"
        assert copy.forward_origin.chat.title == "Library"
        assert copy.forward_origin.message_id == post["id"]


async def test_repeated_random_id_is_refused(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        peer = await client.resolve_peer(LIBRARY)
        request = raw.functions.messages.SendMessage(peer=peer, message="once", random_id=client.rnd_id())
        await client.invoke(request)
        with pytest.raises(errors.RandomIdDuplicate):
            await client.invoke(request)


async def test_bot_keeps_its_command_list(sandbox: SandboxProcess, bot: Any) -> None:
    from pyrogram.types import BotCommand

    await bot.set_bot_commands([BotCommand("start", "Begin"), BotCommand("status", "How it goes")])
    assert [one.command for one in await bot.get_bot_commands()] == ["start", "status"]


@pytest.mark.parametrize(("text", "error"), [("", errors.MessageEmpty), ("x" * 4097, errors.MessageTooLong)])
async def test_text_has_limits(sandbox: SandboxProcess, text: str, error: type[Exception]) -> None:
    async with sandbox.kurigram("uploader") as client:
        await learn_peers(client)
        peer = await client.resolve_peer(LIBRARY)
        with pytest.raises(error):
            await client.invoke(raw.functions.messages.SendMessage(peer=peer, message=text, random_id=client.rnd_id()))


async def test_push_survives_a_broken_connection(sandbox: SandboxProcess) -> None:
    got: list[Any] = []
    async with sandbox.kurigram("worker4", no_updates=False) as reader:
        reader.add_handler(handlers.MessageHandler(lambda _c, message: got.append(message.text)))
        await asyncio.to_thread(sandbox.call, "DELETE", "/control/connections", account="worker4")
        sandbox.say("uploader", LIBRARY, "sent into the gap")
        await until(lambda: got == ["sent into the gap"])
