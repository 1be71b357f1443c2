"""What a restart must not forget, however it ends."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pyrogram import errors, raw
from sandbox import LIBRARY, SandboxProcess, learn_peers


@pytest.mark.parametrize("end", [SandboxProcess.stop, SandboxProcess.kill])
async def test_sessions_messages_and_files_survive(tmp_path: Path, end: Callable[[SandboxProcess], None]) -> None:
    file = tmp_path / "film.bin"
    file.write_bytes(os.urandom(3_000_000))
    with SandboxProcess(tmp_path / "state") as sandbox:
        session, key = sandbox.mint("worker1"), sandbox.public_key
        stored = await sandbox.upload(file)
        sandbox.say("ada", "streamvault_bot", "before")
        state = await _channel_pts(sandbox)
        end(sandbox)
        sandbox.start()
        assert sandbox.public_key == key
        client = sandbox.client(session)
        await client.start()
        await learn_peers(client)
        message = await client.get_messages(LIBRARY, stored.message_id)
        data = await client.download_media(message, in_memory=True)
        assert data.getvalue() == file.read_bytes()
        await client.stop()
        assert [one["text"] for one in sandbox.read("ada", "streamvault_bot")] == ["before"]
        assert await _channel_pts(sandbox) == state


async def test_revoked_session_stays_revoked(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path) as sandbox:
        session = sandbox.mint("worker1")
        sandbox.post("/control/accounts/worker1/sessions/revoke", {})
        sandbox.stop()
        sandbox.start()
        with pytest.raises(errors.AuthKeyUnregistered):
            await sandbox.client(session).start()


async def test_changed_world_file_is_applied_and_history_stays(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    declared = (
        "accounts: [{id: 10, name: Owner, username: owner}, {id: 11, name: Reader, username: reader}]\n"
        "channels: [{id: -1002400000300, title: %s, members: {owner: creator, reader: member}}]\n"
    )
    world.write_text(declared % "Old")
    with SandboxProcess(tmp_path / "state", world) as sandbox:
        sandbox.say("owner", -1002400000300, "kept")
        sandbox.stop()
        world.write_text(declared % "New")
        sandbox.start()
        assert [one["title"] for one in sandbox.get("/control/channels")] == ["New"]
        assert [one["text"] for one in sandbox.read("reader", "New")] == ["kept"]


def test_stop_does_not_wait_for_whoever_waits_for_a_message(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path) as sandbox:
        address = f"{sandbox.control_url}/control/accounts/ada/chats/streamvault_bot/messages"
        with ThreadPoolExecutor(1) as waiting:
            answer = waiting.submit(httpx.get, address, params={"after": 0, "wait_seconds": 60}, timeout=120)
            sandbox.say("ada", "viewer1", "the sandbox answers meanwhile")
            sandbox.stop()
            assert isinstance(answer.exception(), httpx.HTTPError) or answer.result().is_error
    assert not (tmp_path / "telegram.sqlite3-wal").exists(), "the database was not closed: it was killed"


async def _channel_pts(sandbox: SandboxProcess) -> int:
    async with sandbox.kurigram("worker1") as client:
        await learn_peers(client)
        channel = await client.resolve_peer(LIBRARY)
        full = await client.invoke(raw.functions.channels.GetFullChannel(channel=channel))
        pts: int = full.full_chat.pts
        return pts
