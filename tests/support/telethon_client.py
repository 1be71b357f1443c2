"""Telethon, unmodified, as a second client of the local Telegram: it shares no code with the server's TL classes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sandbox import API_HASH, API_ID, SandboxProcess
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.network import ConnectionTcpFull
from telethon.sessions import MemorySession, StringSession


def telethon_client(
    sandbox: SandboxProcess,
    session_string: str | None = None,
    *,
    connection: type = ConnectionTcpFull,
    dc_id: int = 2,
    **options: Any,
) -> Any:
    """A client that is not connected; without a session string it has no key yet."""
    rsa.add_key(sandbox.public_key, old=False)
    session = StringSession(session_string) if session_string else MemorySession()
    home = session.dc_id if session_string else dc_id
    session.set_dc(home, "127.0.0.1", sandbox.ports[home])
    return TelegramClient(session, API_ID, API_HASH, connection=connection, **options)


@asynccontextmanager
async def telethon(sandbox: SandboxProcess, who: str | int, **options: Any) -> AsyncIterator[Any]:
    """A connected client, logged in by a minted session string."""
    client = telethon_client(sandbox, sandbox.mint(who, library="telethon"), **options)
    await client.connect()
    try:
        yield client
    finally:
        # Telethon leaves connections to other data centres open for a minute.
        for _, sender in client._borrowed_senders.values():
            await sender.disconnect()
        await client.disconnect()
