"""Who sees and may do what: channels, hashes, rights."""

import pytest
from pyrogram import errors, raw, types
from sandbox import ADMIN_CHANNEL, LIBRARY, SandboxProcess, learn_peers
from telethon_client import telethon

BARE_LIBRARY = 2400000123


async def test_user_cannot_name_a_channel_without_its_hash(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker1") as client:
        request = raw.functions.channels.GetChannels(
            id=[raw.types.InputChannel(channel_id=BARE_LIBRARY, access_hash=0)]
        )
        with pytest.raises(errors.ChannelInvalid):
            await client.invoke(request)


async def test_hash_of_another_account_is_worthless(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker1") as one, sandbox.kurigram("worker2") as two:
        await learn_peers(one)
        peer = await one.resolve_peer(LIBRARY)
        channel = raw.types.InputChannel(channel_id=BARE_LIBRARY, access_hash=peer.access_hash)
        with pytest.raises(errors.ChannelInvalid):
            await two.invoke(raw.functions.channels.GetMessages(channel=channel, id=[raw.types.InputMessageID(id=1)]))


async def test_bot_names_its_channels_without_a_hash(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("streamvault_bot") as client:
        assert (await client.get_chat(LIBRARY)).title == "Library"


async def test_removed_member_gets_channel_private(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker2") as client:
        await learn_peers(client)
        sandbox.call("DELETE", f"/control/channels/{LIBRARY}/members/worker2")
        try:
            with pytest.raises(errors.ChannelPrivate):
                await client.get_messages(LIBRARY, 1)
            assert LIBRARY not in [dialog.chat.id async for dialog in client.get_dialogs()]
        finally:
            sandbox.call("PUT", f"/control/channels/{LIBRARY}/members/worker2", {"role": "member"})
        await client.get_messages(LIBRARY, 1)


async def test_members_may_not_post_in_a_channel(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        with pytest.raises(errors.ChatAdminRequired):
            await client.send_message(LIBRARY, "hello")


async def test_deleting_needs_the_right(sandbox: SandboxProcess) -> None:
    post = sandbox.say("uploader", LIBRARY, "to be deleted")
    async with sandbox.kurigram("worker1") as member, sandbox.kurigram("worker4") as moderator:
        await learn_peers(member)
        await learn_peers(moderator)
        with pytest.raises(errors.MessageDeleteForbidden):
            await member.delete_messages(LIBRARY, post["id"])
        await moderator.delete_messages(LIBRARY, post["id"])
        assert (await member.get_messages(LIBRARY, post["id"])).empty


async def test_public_channel_is_found_joined_and_left(sandbox: SandboxProcess) -> None:
    spec = {
        "id": -1002400000200,
        "title": "News",
        "username": "streamvault_news",
        "members": {"uploader": "creator"},
        "messages": ["one", "two"],
    }
    sandbox.post("/control/channels", spec)
    async with sandbox.kurigram("viewer1") as client:
        texts = [message.text async for message in client.get_chat_history("streamvault_news")]
        assert texts == ["two", "one"]
        await client.join_chat("streamvault_news")
        assert -1002400000200 in [dialog.chat.id async for dialog in client.get_dialogs()]
        await client.leave_chat("streamvault_news")
        assert -1002400000200 not in [dialog.chat.id async for dialog in client.get_dialogs()]


async def test_admins_see_the_member_list(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("ada") as admin, sandbox.kurigram("worker1") as member:
        await learn_peers(admin)
        await learn_peers(member)
        names = {one.user.username async for one in admin.get_chat_members(LIBRARY)}
        assert {"uploader", "ada", "worker1", "streamvault_bot"} <= names
        own = await member.get_chat_member(LIBRARY, "me")
        assert own.user.username == "worker1"
        with pytest.raises(errors.ChatAdminRequired):
            [one async for one in member.get_chat_members(LIBRARY)]


async def test_bot_cannot_list_a_channel(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("streamvault_bot") as client:
        with pytest.raises(errors.BotMethodInvalid):
            [message async for message in client.get_chat_history(LIBRARY)]


async def test_bot_cannot_write_first(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("streamvault_bot") as client:
        with pytest.raises((errors.PeerIdInvalid, KeyError, ValueError)):
            await client.send_message("viewer3", "hello")


async def test_history_pages_backwards_without_gaps(sandbox: SandboxProcess) -> None:
    sandbox.post(
        "/control/channels",
        {
            "id": -1002400000201,
            "title": "Long",
            "members": {"uploader": "creator", "viewer1": "member"},
            "messages": [str(number) for number in range(250)],
        },
    )
    async with sandbox.kurigram("viewer1") as client:
        await learn_peers(client)
        texts = [message.text async for message in client.get_chat_history(-1002400000201)]
        assert texts == [str(number) for number in reversed(range(250))]
    async with telethon(sandbox, "viewer1") as second:
        await second.get_dialogs()
        found = [message.text async for message in second.iter_messages(-1002400000201, reverse=True, min_id=99)]
        assert found == [str(number) for number in range(99, 250)]


async def test_unknown_messages_come_back_empty(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        messages = await client.get_messages(LIBRARY, [999_999, 999_998])
        assert isinstance(messages, list)
        assert [isinstance(one, types.Message) and one.empty for one in messages] == [True, True]


async def test_usernames_resolve_to_accounts(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("ada") as client:
        assert (await client.get_users("streamvault_bot")).is_bot
        with pytest.raises(errors.UsernameNotOccupied):
            await client.get_users("nobody_at_all")


async def test_admin_channel_is_closed_to_workers(sandbox: SandboxProcess) -> None:
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        with pytest.raises((errors.PeerIdInvalid, errors.ChannelInvalid, errors.ChannelPrivate, KeyError, ValueError)):
            await client.get_chat(ADMIN_CHANNEL)
